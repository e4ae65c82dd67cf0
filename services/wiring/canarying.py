"""Wires the canary test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from services.canary.access import log_canary
from services.canary.service import CanaryService
from services.canary.tools import Tools, UseCases

if TYPE_CHECKING:
    from services.sessions.create import SessionService
    from services.wiring.working import Working


def canary_service(
    services: Working, *, sessions: SessionService, quiet: Callable[[], None],
    on_end: Callable[[], None],
) -> CanaryService:  # fmt: skip
    """Return what tests; `quiet` waits until what was made for it is on record."""
    stores = services.stores
    service = CanaryService(
        Tools(
            kato=stores.kato,
            own_session=stores.own_session,
            writers={
                "clickhouse": stores.canary_rows,
                "redis": stores.canary_keys,
                "qdrant": stores.canary_points,
            },
            cases=UseCases(services.inspection, services.finding, sessions, services.care),
            erasers=services.erasers,
            registry=services.state,
            observe=services.usage.collect,
            ownership=services.usage.ownership,
            quiet=quiet,
            on_end=on_end,
            tell=partial(log_canary, services.logbook),
        )
    )
    services.closing.callback(service.stop)
    return service
