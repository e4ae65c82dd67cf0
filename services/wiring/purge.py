"""Wires the purging of tenants, for bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from services.health.check import HealthService
from services.purge.look import Erasers
from services.purge.models import Job
from services.purge.ports import Jobs, KeyEraser, PatternEraser, SessionEnder, VectorEraser
from services.purge.service import PurgeService
from services.purge.tools import Tools
from services.purge.worker import PurgeWorker
from services.settings.environment import Settings
from services.stores.absent import absent
from services.stores.clickhouse.erase import PatternErasing
from services.stores.qdrant.erase import VectorErasing
from services.stores.records.nodes import StateStore
from services.stores.redis.erase import KeyErasing
from services.usage.collect import UsageService

if TYPE_CHECKING:
    from services.embedded.engines import EmbeddedSet


def purge_of(
    settings: Settings,
    embedded: EmbeddedSet | None,
    *,
    kato: SessionEnder,
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
        erasers=erasers_of(settings, embedded, stack),
        kato=kato,
        jobs=jobs,
        saw=lambda seen: registry.record_nodes(seen, datetime.now(UTC)),
        ownership=usage.ownership,
        versions=lambda: _versions(health),
        settle_seconds=settings.settle_seconds,
        plan_seconds=settings.plan_minutes * 60,
        learns=embedded is None,
    )
    worker = PurgeWorker(tools, on_end=on_end)
    stack.callback(worker.stop)
    return PurgeService(tools, worker=worker), worker


def erasers_of(settings: Settings, embedded: EmbeddedSet | None, stack: ExitStack) -> Erasers:
    """Build what erases from the stores, its connections closed with `stack`."""
    return _configured(settings, stack) if embedded is None else _of(embedded, settings, stack)


def _versions(health: HealthService) -> Mapping[str, str]:
    """Name the version of this product, and of each store that answers."""
    answered = {check.store: check.health.version for check in health.check() if check.health}
    return {"kato-tenants": version("kato-tenants"), **answered}


def _configured(settings: Settings, stack: ExitStack) -> Erasers:
    patterns: PatternEraser = absent("clickhouse", "CLICKHOUSE_HOST")
    keys: KeyEraser = absent("redis", "REDIS_URL")
    vectors: VectorEraser = absent("qdrant", "QDRANT_URL")
    if settings.clickhouse_host:
        patterns = PatternErasing.over_http(settings)
        stack.callback(patterns.close)
    if settings.redis_url:
        keys = KeyErasing.over_url(settings)
        stack.callback(keys.close)
    if settings.qdrant_url or settings.qdrant_host:
        vectors = VectorErasing.over_http(settings)
        stack.callback(vectors.close)
    return Erasers(patterns, keys, vectors, settings.pass_seconds)


def _of(embedded: EmbeddedSet, settings: Settings, stack: ExitStack) -> Erasers:
    """Put the same adapters on the embedded engines, which are closed by who started them."""
    patterns = PatternErasing(
        embedded.connect_clickhouse, database=embedded.database, seconds=settings.pass_seconds
    )
    stack.callback(patterns.close)
    keys = KeyErasing(
        embedded.redis,
        service=settings.service_name,
        scan_count=settings.scan_count,
        pass_seconds=settings.pass_seconds,
    )
    vectors = VectorErasing(
        embedded.qdrant, shared_collections=frozenset(settings.shared_collections)
    )
    return Erasers(patterns, keys, vectors, settings.pass_seconds)
