"""Wires the canary test, for bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from services.canary.models import CanaryState
from services.canary.service import CanaryService
from services.canary.tools import OwnSessionCalls, Registry, SessionCalls, Tools, UseCases, Writer
from services.settings.environment import Settings
from services.stores.canary import CanaryKeys, CanaryPoints, CanaryRows
from services.stores.kato.canary import OwnSession
from services.usage.collect import UsageService
from services.usage.refresh import Collector
from services.wiring.purge import erasers_of

if TYPE_CHECKING:
    from services.embedded.engines import EmbeddedSet


def canary_of(
    settings: Settings,
    embedded: EmbeddedSet | None,
    *,
    kato: SessionCalls,
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
    writers = _configured(settings, stack) if embedded is None else _of(embedded)
    service = CanaryService(
        Tools(
            kato=kato,
            own_session=_own_session(settings, embedded, stack),
            writers=writers,
            cases=cases,
            erasers=erasers_of(settings, embedded, stack),
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


def _own_session(
    settings: Settings, embedded: EmbeddedSet | None, stack: ExitStack
) -> OwnSessionCalls | None:
    if embedded is None and not settings.kato_api_url:
        return None
    own = (
        OwnSession.over_http(settings)
        if embedded is None
        else OwnSession(embedded.kato_url, timeout_seconds=settings.timeout_seconds)
    )
    stack.callback(own.close)
    return own


def _configured(settings: Settings, stack: ExitStack) -> dict[str, Writer]:
    writers: dict[str, Writer] = {}
    if settings.clickhouse_host:
        writers["clickhouse"] = CanaryRows.over_http(settings)
    if settings.redis_url:
        writers["redis"] = keys = CanaryKeys.over_url(settings)
        stack.callback(keys.close)
    if settings.qdrant_url or settings.qdrant_host:
        writers["qdrant"] = points = CanaryPoints.over_http(settings)
        stack.callback(points.close)
    return writers


def _of(embedded: EmbeddedSet) -> dict[str, Writer]:
    """Write into the embedded engines, which are closed by who started them."""
    return {
        "clickhouse": CanaryRows(embedded.connect_clickhouse, database=embedded.database),
        "redis": CanaryKeys(embedded.redis),
        "qdrant": CanaryPoints(embedded.qdrant),
    }
