"""Where the data of owners is counted: the parts of a fleet, and whose each is. Pure.

What is found in one round is nearly all found in the next one too. So owners, parts and tenants
are numbered, as long as an ownership holds, and what is counted of them stands in columns.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from threading import RLock

import numpy as np

from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import Claim, ClaimState, Ownership
from services.usage.sums import Indexes

NOBODYS, SEVERAL = -1, -2
"""What stands for a tenant's number where nobody holds something, or several do."""

_MOST = 1_000_000


class Places:
    """Numbers owners, parts and tenants from 0, each when it is first met.

    A part is what the same tenants hold under one name. `claims` say whose an owner's data is,
    `part_of` and `tenant_of` in which part it is and which tenant's; `parts` are a name each, with
    whether it is a kb_id; `tenants` are in the order in which they were met.
    """

    def __init__(self, ownership: Ownership) -> None:
        self.ownership = ownership
        self.claims: list[Claim] = []
        self.parts: list[tuple[str, bool]] = []
        self.tenants: list[TenantKey] = []
        self._part_of: list[int] = []
        self._tenant_of: list[int] = []
        self._numbers: dict[Hashable, int] = {}
        self._part_numbers: dict[tuple[int | tuple[TenantKey, ...], str, bool], int] = {}
        self._tenant_numbers: dict[TenantKey, int] = {}
        self._kind_numbers: dict[str, int] = {}
        self._ranks: Indexes = np.empty(0, np.intp)
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def part_of(self) -> Indexes:
        """The part of each owner."""
        return np.array(self._part_of, np.intp)

    @property
    def tenant_of(self) -> Indexes:
        """The tenant of each owner, or NOBODYS, or SEVERAL."""
        return np.array(self._tenant_of, np.intp)

    def numbers(self, owners: Sequence[Owner]) -> Indexes:
        """Return the number of each owner."""
        found = list(map(self._numbers.get, owners))
        if None in found:
            with self._lock:
                found = [self._number(owner) for owner in owners]
        return np.array(found, np.intp)

    def number(self, owner: Owner) -> int:
        """Return the number of one owner."""
        found = self._numbers.get(owner)
        if found is None:
            with self._lock:
                found = self._number(owner)
        return found

    def tenant_number(self, tenant: TenantKey) -> int:
        """Return the number of a tenant."""
        with self._lock:
            return self._tenant_number(tenant)

    def in_order(self, tenants: Indexes) -> list[int]:
        """Return numbers of tenants in the order of what is written of these."""
        ranks = self._ranks
        if len(ranks) != len(self.tenants):
            names = list(map(str, self.tenants))
            ranks = np.empty(len(names), np.intp)
            ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
            self._ranks = ranks
        in_order: list[int] = tenants[np.argsort(ranks[tenants])].tolist()
        return in_order

    def kind_numbers(self, kinds: Sequence[str]) -> Indexes:
        """Return the number of each kind of key."""
        with self._lock:
            found = [self._kind_numbers.setdefault(k, len(self._kind_numbers)) for k in kinds]
        return np.array(found, np.intp)

    @property
    def kinds(self) -> list[str]:
        """The kinds of key, in the order in which they were met."""
        return list(self._kind_numbers)

    def jointly(self, owners: Sequence[Owner], label: str) -> list[int]:
        """Return the owners whose parts something belongs to that stands under names of several.

        It is counted in the first. Where the same tenants hold each of the names, that is the
        part of the owner that is known best, else one of its own, which all of them share.
        """
        numbers = self.numbers(owners).tolist()
        if len({frozenset(self.claims[number].tenants) for number in numbers}) == 1:
            return sorted(numbers, key=lambda number: self.claims[number].state.doubt)
        claim = self.ownership.jointly(owners)
        with self._lock:
            found = self._numbers.get(key := (label, claim.tenants))
            return [self._meet(key, claim, label, is_kb=False) if found is None else found]

    def _number(self, owner: Owner) -> int:
        number = self._numbers.get(owner)
        if number is not None:
            return number
        kind, name = owner
        if kind is OwnerKind.KB:  # nearly all
            return self._meet(owner, self.ownership.kb(name), name, is_kb=True)
        label, is_kb = self._place(owner)
        return self._meet(owner, self.ownership.owner(owner), label, is_kb=is_kb)

    def _meet(self, key: Hashable, claim: Claim, name: str, *, is_kb: bool) -> int:
        number, holder = len(self.claims), self._holder(claim)
        holders = claim.tenants if holder == SEVERAL else holder
        part = self._part_numbers.setdefault((holders, name, is_kb), len(self.parts))
        if part == len(self.parts):
            self.parts.append((name, is_kb))
        self._part_of.append(part)
        self._tenant_of.append(holder)
        self.claims.append(claim)
        self._numbers[key] = number
        return number

    def _holder(self, claim: Claim) -> int:
        if not claim.tenants:
            return NOBODYS
        if claim.state is ClaimState.SHARED:
            return SEVERAL
        return self._tenant_number(claim.tenants[0])

    def _tenant_number(self, tenant: TenantKey) -> int:
        number = self._tenant_numbers.get(tenant)
        if number is None:
            number = self._tenant_numbers[tenant] = len(self.tenants)
            self.tenants.append(tenant)
        return number

    def _place(self, owner: Owner) -> tuple[str, bool]:
        match owner.kind:
            case OwnerKind.NODE:
                return self.ownership.kb_id_of(owner.name), True
            case OwnerKind.TENANT:
                return f"tenant:{owner.name}", False
            case _:
                return "", False


class KeptPlaces:
    """The places of the newest ownership of one deployment, as they are known from before."""

    def __init__(self) -> None:
        self._last: Places | None = None

    def of(self, ownership: Ownership) -> Places:
        """Return them."""
        last = self._last
        if last is None or last.ownership is not ownership or len(last) > _MOST:
            last = self._last = Places(ownership)
        return last
