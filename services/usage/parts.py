"""The parts of a fleet while they are added up: one for each kb_id. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.figures import Amount, Measure
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import Claim, Ownership
from services.usage.readings import PatternUsage

_SAMPLES = 50


class Sum:
    """A running sum of amounts: a fleet has more of them than frozen values could be made of."""

    __slots__ = ("bytes", "bytes_variance", "count", "count_variance")

    def __init__(self) -> None:
        self.count = 0
        self.bytes: int | None = None
        self.count_variance = self.bytes_variance = 0.0

    def add(self, amount: Amount) -> None:
        """Add one: bytes where known, independent errors in quadrature."""
        self.count += amount.count
        if amount.bytes is not None:
            self.bytes = amount.bytes + (self.bytes or 0)
        if amount.count_margin or amount.bytes_margin:
            self.count_variance += amount.count_margin**2
            self.bytes_variance += amount.bytes_margin**2

    def amount(self) -> Amount:
        """Return the sum."""
        if not (self.count_variance or self.bytes_variance):
            return Amount(self.count, self.bytes)
        margins = math.sqrt(self.count_variance), math.sqrt(self.bytes_variance)
        return Amount(self.count, self.bytes, *margins)


def total(amounts: Iterable[Amount]) -> Amount:
    """Return the sum of amounts."""
    found = Sum()
    for amount in amounts:
        found.add(amount)
    return found.amount()


@dataclass(slots=True)
class Part:
    """What has been found so far of one kb_id (or of one name in the guide layout).

    A measure's `amounts` are what was found of it: in nearly every part it is one amount.
    """

    name: str
    is_kb: bool
    claim: Claim
    amounts: dict[Measure, list[Amount]] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    pattern: PatternUsage | None = None
    collections: list[str] = field(default_factory=list)

    def add(self, measure: Measure, amount: Amount) -> None:
        """Add to the sum of a measure."""
        found = self.amounts.get(measure)
        if found is None:
            self.amounts[measure] = [amount]
        else:
            found.append(amount)

    def add_keys(self, amount: Amount, kinds: Sequence[tuple[str, int]]) -> None:
        """Add keys, with how many there are of each kind."""
        self.add(Measure.KEYS, amount)
        if not self.kinds and len(found := dict(kinds)) == len(kinds):
            self.kinds = found
            return
        for kind, count in kinds:
            self.kinds[kind] = self.kinds.get(kind, 0) + count

    def sum(self, measure: Measure) -> Amount | None:
        """Return the sum of a measure; None where nothing was found of it."""
        found = self.amounts.get(measure)
        return None if found is None else found[0] if len(found) == 1 else total(found)


class Parts:
    """The parts found so far, by holders and name."""

    def __init__(self, ownership: Ownership) -> None:
        self.ownership = ownership
        self.found: dict[tuple[tuple[TenantKey, ...], str, bool], Part] = {}
        self.samples: dict[str, None] = {}
        self._by_owner: dict[Owner, Part] = {}

    def of(self, owner: Owner, sample: str = "") -> Part:
        """Return the part that an owner's data belongs to."""
        part = self._by_owner.get(owner)
        if part is None:
            part = self._by_owner[owner] = self._find(owner)
        if sample and not part.claim.tenants:
            self.keep(sample)
        return part

    def jointly(self, owners: Sequence[Owner], label: str) -> list[Part]:
        """Return the parts that something under names of several owners belongs to.

        It is counted in the first. Where the same tenants hold each of the names, that is the
        part of the owner that is known best, else one of its own, which all of them share.
        """
        parts = [self.of(owner) for owner in owners]
        if len({frozenset(part.claim.tenants) for part in parts}) == 1:
            return sorted(parts, key=lambda part: part.claim.state.doubt)
        claim = self.ownership.jointly(owners)
        return [self.found.setdefault((claim.tenants, label, False), Part(label, False, claim))]

    def keep(self, sample: str) -> None:
        """Keep the name of something that belongs to nobody, of the first few."""
        if len(self.samples) < _SAMPLES:
            self.samples[sample] = None

    def _find(self, owner: Owner) -> Part:
        claim = self.ownership.owner(owner)
        name, is_kb = self._place(owner)
        return self.found.setdefault((claim.tenants, name, is_kb), Part(name, is_kb, claim))

    def _place(self, owner: Owner) -> tuple[str, bool]:
        match owner.kind:
            case OwnerKind.KB:
                return owner.name, True
            case OwnerKind.NODE:
                return kb_id_of(owner.name, self.ownership.service), True
            case OwnerKind.TENANT:
                return f"tenant:{owner.name}", False
            case _:
                return "", False
