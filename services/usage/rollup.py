"""Roll up what the stores brought back into a snapshot. Pure, and conserved.

Every row, key, byte, point and session goes to exactly one of: a tenant, a shared kb_id, or
nobody. What a store says of itself is compared with the sum of these, and the difference shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

import numpy as np

from services.figures import Amount, Measure, Usage
from services.made_once import MadeWhenSeen
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState, Ownership
from services.usage.finds import Finds
from services.usage.groups import Groups
from services.usage.holdings import Holdings
from services.usage.places import NOBODYS, SEVERAL, Places
from services.usage.readings import KeyReading, PatternReading, VectorReading
from services.usage.snapshot import KbUsage, TenantUsage, Unattributed
from services.usage.sums import Indexes, add_usages


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


_name = attrgetter("name")


class Tenants(MadeWhenSeen[TenantUsage]):
    """Reads like a tuple of tenants, by name.

    `holders` are the tenants of the parts, `shared` the parts that several hold. Those that are
    as they were `before` are taken from there: they need not be made again.
    """

    def __init__(
        self, held: Holdings, holders: Indexes, shared: Iterable[KbUsage],
        before: Tenants | None = None,
    ) -> None:  # fmt: skip
        self._held = held
        places, by_tenant = held.places, np.argsort(holders, kind="stable")
        own, first = np.unique(holders[by_tenant], return_index=True)
        ends = np.append(first[1:], len(by_tenant))
        self._parts = by_tenant.tolist()
        self._slices = dict(
            zip(own.tolist(), map(slice, first.tolist(), ends.tolist()), strict=True)
        )
        self._shared: dict[int, list[str]] = {}
        for part in shared:
            for tenant in part.claim.tenants:
                names = self._shared.setdefault(places.tenant_number(tenant), [])
                names += [part.name] if part.is_kb else []
        every = np.union1d(own[own >= 0], np.array(list(self._shared), np.intp))
        self._order = places.in_order(every)
        self._made: list[TenantUsage | None] = [None] * len(every)
        if before is not None:
            self._take_over(before, holders)

    def _take_over(self, before: Tenants, holders: Indexes) -> None:
        """Take those that were made before and have the same parts, alone and with others."""
        if self._held.places is not before._held.places:
            return
        changed = set(holders[~self._held.same(before._held)].tolist())
        made = dict(zip(before._order, before._made, strict=True))
        for at, number in enumerate(self._order):
            if number not in changed and self._outline(number) == before._outline(number):
                self._made[at] = made[number]

    def _outline(self, number: int) -> tuple[int, list[str] | None]:
        """How many parts a tenant has, -1 where it is not there; and what it has with others."""
        parts = self._slices.get(number)
        many = 0 if parts is None else parts.stop - parts.start
        shared = self._shared.get(number)
        return many if many or shared is not None else -1, shared

    def of(self, tenant: TenantKey) -> TenantUsage | None:
        """Return one tenant's usage, or None when nothing of it was found."""
        at = self._at.get(tenant)
        return None if at is None else self._get(at)

    def __len__(self) -> int:
        return len(self._order)

    @cached_property
    def _at(self) -> dict[TenantKey, int]:
        tenants = self._held.places.tenants
        return {tenants[number]: at for at, number in enumerate(self._order)}

    def _get(self, at: int) -> TenantUsage:
        made = self._made[at]
        if made is None:
            made = self._made[at] = self._make(self._order[at])
        return made

    def _make(self, number: int) -> TenantUsage:
        held, ownership = self._held, self._held.places.ownership
        tenant = held.places.tenants[number]
        places = self._parts[self._slices.get(number, slice(0))]
        own = tuple(sorted(map(held.part, places), key=_name))
        with_others = {part.name for part in own if _is_shared(part, ownership)}
        return TenantUsage(
            tenant,
            _surest(tenant, own, ownership),
            add_usages([part.usage for part in own] or [held.none]),
            own,
            tuple(sorted(with_others.union(self._shared.get(number, ())))),
        )


def _is_shared(part: KbUsage, ownership: Ownership) -> bool:
    """Whether others hold this kb_id too, though what is here names its tenant, as sessions do."""
    return part.is_kb and ownership.kb(part.name).state is ClaimState.SHARED


def _surest(tenant: TenantKey, parts: Iterable[KbUsage], ownership: Ownership) -> ClaimState:
    """Return how a tenant is known: as what is known best of it."""
    states = {part.claim.state for part in parts}
    if tenant in ownership.tenants or ClaimState.KNOWN in states:
        return ClaimState.KNOWN
    sure = tenant in ownership.confirmed_tenants or ClaimState.CONFIRMED in states
    return ClaimState.CONFIRMED if sure else ClaimState.INFERRED


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
    places: Places | None = None,
) -> RolledUp:
    """Divide everything the stores hold among tenants, shared kb_ids and nobody.

    It is done in columns; tenants are made when they are looked at, or stay the same objects that
    they were `before` where nothing of them changed. `places` are the ownership's, where known.
    """
    known = Places(ownership) if places is None else places
    finds = Finds(known, shared_collections)
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
        {m: held.amounts[m].total() + readings.zero(m) for m in Measure},
        held.kb_ids(),
    )


def _nothing(readings: Readings) -> Usage:
    """Return what an owner has of whom nothing was found: zeros where figures are known."""
    figures = {m.value: readings.zero(m) if readings.known(m) else None for m in Measure}
    keys = figures[Measure.KEYS]
    return Usage(**figures, keys_by_kind=None if keys is None else {}, predictions=keys)
