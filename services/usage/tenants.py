"""The tenants of a fleet, each made when it is looked at. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import overload

import numpy as np

from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState, Ownership
from services.usage.amounts import Indexes
from services.usage.holdings import Holdings
from services.usage.snapshot import KbUsage, TenantUsage
from services.usage.sums import add_usages

_name = attrgetter("name")


class Tenants(Sequence[TenantUsage]):
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

    def __iter__(self) -> Iterator[TenantUsage]:
        return map(self._get, range(len(self)))

    @overload
    def __getitem__(self, at: int) -> TenantUsage: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[TenantUsage, ...]: ...
    def __getitem__(self, at: int | slice) -> TenantUsage | tuple[TenantUsage, ...]:
        places = range(len(self))[at]
        return tuple(map(self._get, places)) if isinstance(places, range) else self._get(places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tenants | tuple):
            return NotImplemented
        return self is other or tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as of any sequence of many

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
