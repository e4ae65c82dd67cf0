"""Snapshots of small fleets, as they were at one second."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.errors import Fault, Problem
from services.figures import PREDICTIONS, Amount, Measure, StoreState, Usage
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Claim, ClaimState
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures, TenantUsage, Unattributed

ZERO = Amount(0, 0)


def usage(amounts: Mapping[Any, Amount] | int, down: frozenset[Measure]) -> Usage:
    """Return the figures of an owner: so many patterns, or amounts; None where a store is down.

    Amounts are by measure, and of `PREDICTIONS`.
    """
    if isinstance(amounts, int):
        amounts = {Measure.PATTERNS: Amount(amounts, amounts * 10)}
    figures = {m.value: None if m in down else amounts.get(m, ZERO) for m in Measure}
    if Measure.KEYS in down:
        return Usage(**figures)
    return Usage(**figures, keys_by_kind={}, predictions=amounts.get(PREDICTIONS, ZERO))


def snapshot(
    at: int,
    tenants: Mapping[str, Mapping[Any, Amount] | int],
    *,
    shared: Mapping[Any, Amount] | int = 0,
    nobodys: Mapping[Any, Amount] | int = 0,
    sharing: tuple[str, ...] = (),
    down: frozenset[Measure] = frozenset(),
) -> Snapshot:
    """Return what was read at a second of a fleet, a name of each tenant with what it had.

    `sharing` are the tenants that hold what is `shared`.
    """
    holders = tuple(TenantKey("tenant", name) for name in sharing)
    failed = Problem(store="redis", fault=Fault.UNAVAILABLE)
    stores = {
        m: StoreFigures(m, StoreState.UNKNOWN, reason=failed) if m in down
        else StoreFigures(m, StoreState.OK, ZERO)
        for m in Measure
    }  # fmt: skip
    return Snapshot(
        datetime.fromtimestamp(at, UTC),
        stores,
        tuple(
            TenantUsage(TenantKey("tenant", name), ClaimState.KNOWN, usage(amounts, down), ())
            for name, amounts in tenants.items()
        ),
        (KbUsage("both_kato", True, Claim(ClaimState.SHARED, holders, ""), usage(shared, down)),),
        Unattributed(usage(nobodys, down)),
    )
