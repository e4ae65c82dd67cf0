"""Every tenant's days before, read once a day out of usage over time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from services.alerts.growth import DAYS, LEAST, Growth, Past, grown
from services.figures import Usage
from services.history.models import OwnerKind, midnight
from services.history.read import Then
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot

_DAY = timedelta(days=1)
_UNKNOWN = -1

At = Callable[[datetime], Then]
"""What the whole fleet had at a moment. Raises StoreUnavailable."""


class PastDays:
    """Says who grew suddenly. What is usual is worked out anew when a day (UTC) has ended."""

    def __init__(self, at: At) -> None:
        self._at = at
        self._known: tuple[datetime, Mapping[TenantKey, Mapping[str, Past]]] | None = None

    def growth(self, snapshot: Snapshot) -> Mapping[TenantKey, tuple[Growth, ...]]:
        """Return what grew suddenly, by tenant. Raises StoreUnavailable."""
        today = midnight(snapshot.collected_at)
        if self._known is None or self._known[0] != today:
            ends = [today - _DAY * back for back in range(DAYS + 1, -1, -1)]
            self._known = today, pasts([self._at(end) for end in ends])
        past = self._known[1]
        found = {
            each.tenant: grown(past[each.tenant], _figures(each.usage))
            for each in snapshot.tenants if each.tenant in past
        }  # fmt: skip
        return {tenant: some for tenant, some in found.items() if some}


def pasts(ends: Sequence[Then]) -> Mapping[TenantKey, Mapping[str, Past]]:
    """Return what is usual for every tenant, by the fleet at the ends of days. Pure."""
    rows: dict[str, dict[str, array[int]]] = {}
    for number, then in enumerate(ends):
        known = [quantity for quantity in LEAST if then.reasons.get(quantity) == ""]
        for holder, figures in then.figures.items():
            if holder.kind is OwnerKind.TENANT and figures and holder.tenant not in rows:
                rows[holder.tenant] = {
                    quantity: array("q", [_UNKNOWN]) * len(ends) for quantity in LEAST
                }
        figures_of = {holder.tenant: figures for holder, figures in then.figures.items()}
        for tenant, row in rows.items():
            figures = figures_of.get(tenant, {})
            for quantity in known:
                figure = figures.get(quantity)
                row[quantity][number] = 0 if figure is None else figure.value
    return {
        TenantKey.written(tenant): {
            quantity: Past.of(quantity, [None if one == _UNKNOWN else one for one in values])
            for quantity, values in row.items()
        }
        for tenant, row in rows.items()
    }


def _figures(usage: Usage) -> Mapping[str, int | None]:
    """Return what a tenant surely has: of a sampled figure without its margin."""
    keys = usage.keys
    size = None if keys is None or keys.bytes is None else keys.bytes - round(keys.bytes_margin)
    return {
        "patterns": None if usage.patterns is None else usage.patterns.count,
        "keys": None if keys is None else keys.count - round(keys.count_margin),
        "vectors": None if usage.vectors is None else usage.vectors.count,
        "keys_bytes": size,
    }
