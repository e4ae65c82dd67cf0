"""Wires the purging of tenants, for bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version

from services.health.check import HealthService
from services.purge.job import Job
from services.purge.look import Erasers
from services.purge.ports import Jobs
from services.purge.service import PurgeService
from services.purge.tools import Tools
from services.purge.worker import PurgeWorker
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.records.nodes import StateStore
from services.usage.collect import UsageService


def purge_of(
    settings: Settings,
    stores: Stores,
    *,
    embedded: bool,
    jobs: Jobs,
    usage: UsageService,
    registry: StateStore,
    health: HealthService,
    stack: ExitStack,
    on_end: Callable[[Job], None],
) -> tuple[PurgeService, PurgeWorker]:
    """Build the service and its worker, whose thread is still to be started.

    `on_end` is called after each run of a job, with how far it came.
    """
    tools = Tools(
        erasers=erasers_of(settings, stores),
        kato=stores.kato,
        jobs=jobs,
        saw=lambda seen: registry.record_nodes(seen, datetime.now(UTC)),
        ownership=usage.ownership,
        versions=lambda: _versions(health),
        settle_seconds=settings.settle_seconds,
        plan_seconds=settings.plan_minutes * 60,
        learns=not embedded,
    )
    worker = PurgeWorker(tools, on_end=on_end)
    stack.callback(worker.stop)
    return PurgeService(tools, worker=worker), worker


def erasers_of(settings: Settings, stores: Stores) -> Erasers:
    """Return what erases from the stores."""
    return Erasers(
        stores.pattern_erasing, stores.key_erasing, stores.vector_erasing, settings.pass_seconds
    )


def _versions(health: HealthService) -> Mapping[str, str]:
    """Name the version of this product, and of each store that answers."""
    answered = {check.store: check.health.version for check in health.check() if check.health}
    return {"kato-tenants": version("kato-tenants"), **answered}
