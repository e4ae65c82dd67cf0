"""Who is to come over a limit: the forecasts of tenants that are under it, made once a day."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.history.forecast import Forecast, reached
from services.history.models import Holder, OwnerKind, midnight
from services.limits.models import Standing, Standings, State
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot

LEAST_SHARE = 0.5
"""What has less of its limit than this is not looked at."""

MOST = 200
"""So many are looked at, the fullest."""

ForecastOf = Callable[[Holder, str], Forecast]
"""What is coming of a holder's quantity. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A figure under its limit, and when it is likely to come to that."""

    tenant: TenantKey
    quantity: str
    used: int
    most: int
    likely: datetime


class Ahead:
    """Says who is to come to a limit. A forecast is made anew when a day (UTC) has ended."""

    def __init__(self, forecast: ForecastOf) -> None:
        self._forecast = forecast
        self._day: datetime | None = None
        self._known: dict[tuple[TenantKey, str], Forecast] = {}

    def coming(self, snapshot: Snapshot, standings: Standings) -> tuple[Coming, ...]:
        """Return who is likely to come to a limit, however far ahead. Raises StoreUnavailable."""
        today = midnight(snapshot.collected_at)
        if self._day != today:
            self._day, self._known = today, {}
        fullest = heapq.nlargest(MOST, _under(standings), key=lambda each: each.share or 0)
        return tuple(found for each in fullest if (found := self._of(each)) is not None)

    def _of(self, standing: Standing) -> Coming | None:
        key = standing.tenant, standing.quantity
        if key not in self._known:
            holder = Holder(OwnerKind.TENANT, str(standing.tenant))
            self._known[key] = self._forecast(holder, standing.quantity)
        likely = reached(self._known[key], standing.most).likely
        if likely is None or standing.used is None:
            return None
        return Coming(*key, standing.used.value, standing.most, likely)


def _under(standings: Standings) -> Iterator[Standing]:
    for each in standings.every:
        if each.state in (State.UNDER, State.NEAR) and (each.share or 0) >= LEAST_SHARE:
            yield each


def within(found: Coming, now: datetime, days: timedelta) -> bool:
    """Return whether it is to come to its limit within so many days. Pure."""
    return found.likely <= now + days
