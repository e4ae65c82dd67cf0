"""Wires the canary test, for bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from services.canary.models import CanaryState
from services.canary.service import CanaryService
from services.canary.tools import Registry, Tools, UseCases
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.usage.collect import UsageService
from services.usage.refresh import Collector
from services.wiring.purge import erasers_of


def canary_of(
    settings: Settings,
    stores: Stores,
    *,
    cases: UseCases,
    registry: Registry,
    usage: UsageService,
    collector: Collector,
    tell: Callable[[str, CanaryState], None],
    stack: ExitStack,
) -> CanaryService:
    """Build the service, its connections closed with `stack` after a run under way.

    `tell` is told who began a run in the background, and what it came to.
    """
    service = CanaryService(
        Tools(
            kato=stores.kato,
            own_session=stores.own_session,
            writers={
                "clickhouse": stores.canary_rows,
                "redis": stores.canary_keys,
                "qdrant": stores.canary_points,
            },
            cases=cases,
            erasers=erasers_of(settings, stores),
            registry=registry,
            observe=usage.collect,
            ownership=usage.ownership,
            quiet=lambda: _wait(collector, settings.pass_seconds),
            on_end=collector.refresh,
            tell=tell,
        )
    )
    stack.callback(service.stop)
    return service


def _wait(collector: Collector, seconds: float) -> None:
    """Wait until a refresh that may have seen the throwaway tenants has recorded them."""
    rounds = collector.rounds
    if collector.state.refreshing_since is not None:
        collector.wait(rounds=rounds + 1, timeout=seconds)
