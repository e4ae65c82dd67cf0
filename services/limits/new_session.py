"""The limits that stand against a new session of a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from services.figures import Measure
from services.limits.models import Standing, State
from services.limits.service import LimitsService
from services.sessions.landing import Exceeded
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot


def exceeded(
    tenant: TenantKey, snapshot: Snapshot | None, limits: LimitsService
) -> tuple[Exceeded, ...]:
    """Return the limits that a tenant is over now, or would be with one session more.

    Of what is not known there is none. Raises StoreUnavailable.
    """
    usage = None if snapshot is None else snapshot.tenant(tenant)
    if snapshot is None or usage is None:
        return ()
    return tuple(_exceeded(limits.standings(replace(snapshot, tenants=(usage,))).every))


def _exceeded(standings: tuple[Standing, ...]) -> Iterator[Exceeded]:
    for each in standings:
        if each.used is not None:
            used = each.used.value
            full = each.quantity == Measure.SESSIONS and used >= each.most
            if each.now is State.OVER or full:
                yield Exceeded(each.quantity, used, each.most, each.source)
