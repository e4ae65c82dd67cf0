"""Roll up what the stores brought back into a snapshot. Pure, and conserved.

Every row, key, byte, point and session goes to exactly one of: a tenant, a shared kb_id, or
nobody. What a store says of itself is compared with the sum of these, and the difference shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from services.figures import Amount, Measure, Usage
from services.tenancy.ownership import Ownership
from services.usage.finds import Finds
from services.usage.groups import Groups
from services.usage.holdings import Holdings
from services.usage.places import NOBODYS, SEVERAL, places_of
from services.usage.readings import KeyReading, PatternReading, VectorReading
from services.usage.snapshot import KbUsage, TenantUsage, Unattributed
from services.usage.tenants import Tenants


@dataclass(frozen=True, slots=True)
class Readings:
    """What the stores brought back, by their measure; None where its figures are not known."""

    patterns: PatternReading | None = None
    keys: KeyReading | None = None
    vectors: VectorReading | None = None

    def known(self, measure: Measure) -> bool:
        """Whether the figures of a measure are known: sessions only once their pass has ended."""
        if measure is Measure.SESSIONS:
            return self.keys is not None and self.keys.sessions is not None
        return getattr(self, measure) is not None

    def in_columns(self) -> Readings:
        """Return them with the groups of keys in columns, as the store brings them."""
        if self.keys is None or isinstance(self.keys.groups, Groups):
            return self
        return replace(self, keys=replace(self.keys, groups=Groups.of(self.keys.groups)))

    def zero(self, measure: Measure) -> Amount:
        """Return what an owner without data has: no bytes only where bytes are known at all."""
        if measure is Measure.VECTORS and self.vectors is not None:
            return Amount(0, None if self.vectors.total.bytes is None else 0)
        if measure is Measure.KEYS and self.keys is not None:
            known = Groups.of(self.keys.groups).known
            sized = not len(known) or bool(known.any())
            return Amount(0, 0 if sized else None)
        return Amount(0, 0)


@dataclass(frozen=True, slots=True)
class RolledUp:
    """The fleet divided among its owners, the sum of all parts by measure, and every kb_id."""

    tenants: Sequence[TenantUsage]
    shared: tuple[KbUsage, ...]
    unattributed: Unattributed
    sums: Mapping[Measure, Amount]
    kb_ids: frozenset[str]


def roll_up(
    readings: Readings,
    ownership: Ownership,
    *,
    shared_collections: frozenset[str] = frozenset(),
    before: RolledUp | None = None,
) -> RolledUp:
    """Divide everything the stores hold among tenants, shared kb_ids and nobody.

    It is done in columns; tenants are made when they are looked at, or stay the same objects that
    they were `before` where nothing of them changed.
    """
    finds = Finds(places_of(ownership), shared_collections)
    if readings.patterns is not None:
        finds.add_patterns(readings.patterns)
    if readings.vectors is not None:
        finds.add_collections(readings.vectors)
    if readings.keys is not None:
        finds.add_keys(readings.keys)
    held, last = finds.holdings(_nothing(readings)), before and before.tenants
    return _divide(
        held, readings, tuple(finds.samples), last if isinstance(last, Tenants) else None
    )


def _divide(
    held: Holdings, readings: Readings, samples: tuple[str, ...], before: Tenants | None
) -> RolledUp:
    holders = held.places.tenant_of[held.spoken]
    shared = sorted(map(held.part, np.flatnonzero(holders == SEVERAL).tolist()), key=_name)
    nobodys = [held.usage(at) for at in np.flatnonzero(holders == NOBODYS).tolist()]
    return RolledUp(
        Tenants(held, holders, shared, before),
        tuple(shared),
        Unattributed(nobodys[0] if nobodys else held.none, samples),
        {m: amounts.total() + readings.zero(m) for m, amounts in held.amounts.items()},
        held.kb_ids(),
    )


_name = attrgetter("name")


def _nothing(readings: Readings) -> Usage:
    """Return what an owner has of whom nothing was found: zeros where figures are known."""
    figures = {m.value: readings.zero(m) if readings.known(m) else None for m in Measure}
    return Usage(**figures, keys_by_kind=None if readings.keys is None else {})
