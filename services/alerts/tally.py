"""How many alerts fire and how routes do, counted for metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.alerts.deliveries import deliveries
from services.alerts.models import Delivery, Route
from services.alerts.ports import AlertStore
from services.isolation.severity import Severity


@dataclass(frozen=True, slots=True)
class AlertTally:
    """How many fire by severity and whether they are silenced; None before the first look."""

    firing: Mapping[tuple[Severity, bool], int] = field(default_factory=dict)
    looked_at: datetime | None = None
    routes: tuple[Delivery, ...] = ()


def tally(store: AlertStore, routes: Sequence[Route], now: datetime) -> AlertTally:
    """Count what is there now. Raises StoreUnavailable."""
    quiet = [each for each in store.silences() if each.holds(now)]
    firing = Counter(
        (alert.severity, any(each.covers(alert) for each in quiet)) for alert in store.firing()
    )
    names = [route.name for route in routes]
    return AlertTally(firing, store.looked_at(), deliveries(routes, store.sendings(names)))
