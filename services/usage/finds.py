"""What readings find, put down in columns by whose it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from services.figures import PREDICTIONS, Amount, Measure, Usage
from services.tenancy.layout import NOBODY, Owner, OwnerKind, owners_of_collection
from services.usage.groups import Groups
from services.usage.holdings import NOWHERE, Holdings, Kinds
from services.usage.patterns import Patterns
from services.usage.places import NOBODYS, Places
from services.usage.readings import (
    CollectionUsage,
    KeyReading,
    PatternReading,
    VectorReading,
)
from services.usage.snapshot import COLLECTION_PART
from services.usage.sums import Amounts, Indexes

T = TypeVar("T")

_SAMPLES = 50
_UNKNOWN, _PREDICTION = "unknown", "prediction"


class Finds:
    """Adds up one round. `samples` are names of the first few things that belong to nobody.

    Whose a part is, is told by who is found in it first.
    """

    def __init__(self, places: Places, shared_collections: frozenset[str]) -> None:
        self._places = places
        self._shared_collections = shared_collections
        self._met: list[Indexes] = []
        self._amounts: dict[str, tuple[Indexes, Amounts]] = {}
        self._patterns = Patterns.of(()), np.empty(0, np.intp)
        self._collections: dict[int, list[str]] = {}
        self._kinds = np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.int64)
        self.samples: dict[str, None] = {}

    def add_patterns(self, reading: PatternReading) -> None:
        """Add what ClickHouse holds."""
        patterns = Patterns.of(reading.usages)
        kind = OwnerKind.KB
        owners = [NOBODY if kb_id is None else Owner(kind, kb_id) for kb_id in patterns.kb_ids]
        if None in patterns.kb_ids:
            self._keep("rows without a kb_id")
        numbers = self._places.numbers(owners)
        self._add(Measure.PATTERNS, numbers, patterns.amounts)
        self._patterns = patterns, numbers

    def add_collections(self, reading: VectorReading) -> None:
        """Add what Qdrant holds."""
        met, numbers, amounts = list[int](), list[int](), list[Amount]()
        for each in reading.collections:
            for number, amount in self._collection(each, met):
                numbers.append(number)
                amounts.append(amount)
        self._met.append(np.array(met, np.intp))
        self._add(Measure.VECTORS, np.array(numbers, np.intp), Amounts.of(amounts))

    def add_keys(self, reading: KeyReading) -> None:
        """Add what Redis holds: the groups of keys, then the sessions."""
        groups = Groups.of(reading.groups)
        self._add_groups(groups)
        sessions = reading.sessions or ()
        owners = [session.owner for session in sessions]
        found = self._places.numbers(owners)
        self._add(
            Measure.SESSIONS, found, Amounts.of([Amount(1, session.bytes) for session in sessions])
        )
        holders = self._places.tenant_of[found]
        for at in np.flatnonzero(holders == NOBODYS)[:_SAMPLES].tolist():
            self._keep(f"session {sessions[at].session_id}")
        for sample in reading.samples:
            self._keep(sample)

    def holdings(self, none: Usage) -> Holdings:
        """Return what each part holds; what was not found of it, it has as `none`."""
        met = np.concatenate([*self._met, np.empty(0, np.intp)])
        part_of = self._places.part_of
        parts, first = np.unique(part_of[met], return_index=True)
        at = np.zeros(len(self._places.parts), np.intp)
        at[parts] = np.arange(len(parts))
        nothing = np.empty(0, np.intp), Amounts.of(())
        amounts, found = dict[str, Amounts](), dict[str, NDArray[np.bool_]]()
        for measure in (*Measure, PREDICTIONS):
            owners, some = self._amounts.get(measure, nothing)
            where = at[part_of[owners]]
            amounts[measure] = some.summed(where, len(parts))
            found[measure] = np.zeros(len(parts), np.bool_)
            found[measure][where] = True
        owners, kinds, counts = self._kinds
        patterns, of_patterns = self._patterns
        pattern_at = np.full(len(parts), NOWHERE)
        pattern_at[at[part_of[of_patterns]]] = np.arange(len(patterns))
        return Holdings(
            places=self._places,
            parts=parts,
            spoken=met[first],
            amounts=amounts,
            found=found,
            kinds=Kinds.of(part_of[owners], kinds, counts, width=len(self._places.kinds)),
            none=none,
            patterns=patterns,
            pattern_at=pattern_at,
            collections=_by_part(self._collections, at[part_of]),
        )

    def _add(self, measure: str, numbers: Indexes, amounts: Amounts) -> None:
        self._met.append(numbers)
        self._amounts[measure] = numbers, amounts

    def _keep(self, sample: str) -> None:
        """Keep the name of something that belongs to nobody, of the first few."""
        if len(self.samples) < _SAMPLES:
            self.samples[sample] = None

    # --- collections ---

    def _collection(
        self, collection: CollectionUsage, met: list[int]
    ) -> Iterator[tuple[int, Amount]]:
        """Yield whose a collection's points are; a whole one's are counted once."""
        if collection.points_by_tenant is None:
            numbers = self._numbers_of_collection(collection, met)
            yield numbers[0], collection.amount
        else:
            split = dict(_split_points(collection, collection.points_by_tenant))
            numbers = self._places.numbers(list(split)).tolist()
            yield from zip(numbers, split.values(), strict=True)
            if NOBODY in split:
                self._keep(f"points of {collection.name} without a tenant_id")
        for number in numbers:
            self._collections.setdefault(number, []).append(collection.name)
        met += numbers

    def _numbers_of_collection(self, collection: CollectionUsage, met: list[int]) -> list[int]:
        """Return the owners that a whole collection is of, first the one that it is counted in."""
        owners = owners_of_collection(collection.names, self._shared_collections)
        if len(owners) > 1:
            met += self._places.numbers(owners).tolist()
            return self._places.jointly(owners, f"{COLLECTION_PART}{collection.name}")
        if not owners:
            self._keep(f"collection {collection.name}")
        return [self._places.number(owners[0] if owners else NOBODY)]

    # --- keys ---

    def _add_groups(self, groups: Groups) -> None:
        """Add groups; of what is nobody's and only looked like a kb_id's, no kind is known."""
        is_kb = self._kb_test()
        owners = [o if sure or is_kb(o.name) else NOBODY for o, sure in groups.owners]
        numbers = self._places.numbers(owners)
        kinds = self._places.kind_numbers(groups.kinds)[groups.kind_of]
        unnamed = np.array([not sure for _, sure in groups.owners], np.bool_)
        unnamed &= self._places.tenant_of[numbers] == NOBODYS
        kinds[unnamed[groups.owner_of]] = self._places.kind_numbers([_UNKNOWN])[0]
        whose = numbers[groups.owner_of]
        self._add(Measure.KEYS, whose, groups.amounts)
        self._kinds = whose, kinds, groups.counts
        some = np.flatnonzero(kinds == self._places.kind_numbers([_PREDICTION])[0])
        self._add(PREDICTIONS, whose[some], groups.amounts.of_some(some))

    def _kb_test(self) -> Callable[[str], bool]:
        """Return what says whether a name that only looks like a kb_id is one, elsewhere too."""
        known = cache(self._names)
        ownership = self._places.ownership
        return lambda name: name in known() or ownership.is_kb(name)

    def _names(self) -> frozenset[str]:
        met = np.concatenate([*self._met, np.empty(0, np.intp)])
        parts = (self._places.parts[part] for part in set(self._places.part_of[met].tolist()))
        return frozenset(name for name, is_kb in parts if is_kb)


def _by_part(of_owners: Mapping[int, T], part_of: Indexes) -> dict[int, T]:
    parts = part_of[list(of_owners)].tolist() if of_owners else []
    return dict(zip(parts, of_owners.values(), strict=True))


def _split_points(
    collection: CollectionUsage, by_tenant: Mapping[str, int]
) -> Iterable[tuple[Owner, Amount]]:
    """Divide a shared collection's points by tenant_id, and its bytes by points."""
    whole, left = collection.amount, collection.amount.bytes
    for tenant_id, points in by_tenant.items():
        size = None if whole.bytes is None else whole.bytes * points // max(whole.count, 1)
        left = None if left is None or size is None else left - size
        yield Owner(OwnerKind.TENANT, tenant_id), Amount(points, size)
    rest = whole.count - sum(by_tenant.values())
    if rest > 0 or left:
        yield NOBODY, Amount(max(rest, 0), left)
