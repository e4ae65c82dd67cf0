"""Roll up what the stores brought back into a snapshot. Pure, and conserved.

Every row, key, byte, point and session goes to exactly one of: a tenant, a shared kb_id, or
nobody. What a store says of itself is compared with the sum of these, and the difference shown.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter

from services.figures import Amount, Measure, Usage
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import NOBODY, Owner, OwnerKind, owners_of_collection
from services.tenancy.ownership import ClaimState, Ownership
from services.usage.groups import Groups
from services.usage.parts import Part, Parts, Sum
from services.usage.readings import (
    CollectionUsage,
    KeyReading,
    PatternReading,
    VectorReading,
)
from services.usage.snapshot import COLLECTION_PART, KbUsage, TenantUsage, Unattributed


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
    """The fleet divided among its owners, and the sum of all parts by measure."""

    tenants: tuple[TenantUsage, ...]
    shared: tuple[KbUsage, ...]
    unattributed: Unattributed
    sums: Mapping[Measure, Amount]


def roll_up(
    readings: Readings, ownership: Ownership, *, shared_collections: frozenset[str] = frozenset()
) -> RolledUp:
    """Divide everything the stores hold among tenants, shared kb_ids and nobody."""
    with _no_collection():
        return _rolled_up(readings.in_columns(), Parts(ownership), shared_collections)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Put off Python's search for cycles, which goes through all of a fleet for each new thousand.

    A roll-up makes hundreds of thousands of values, and no cycle.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _rolled_up(readings: Readings, parts: Parts, shared: frozenset[str]) -> RolledUp:
    if readings.patterns is not None:
        _add_patterns(parts, readings.patterns)
    if readings.vectors is not None:
        for collection in readings.vectors.collections:
            _add_collection(parts, collection, shared)
    if readings.keys is not None:
        _add_keys(parts, readings.keys)
    return _divide(parts, readings)


def _add_patterns(parts: Parts, reading: PatternReading) -> None:
    for usage in reading.usages:
        owner = NOBODY if usage.kb_id is None else Owner(OwnerKind.KB, usage.kb_id)
        part = parts.of(owner, "rows without a kb_id")
        part.add(Measure.PATTERNS, usage.amount)
        part.pattern = usage


def _add_collection(parts: Parts, collection: CollectionUsage, shared: frozenset[str]) -> None:
    if collection.points_by_tenant is None:
        found = _parts_of_collection(parts, collection, shared)
        found[0].add(Measure.VECTORS, collection.amount)
        for part in found:
            part.collections.append(collection.name)
        return
    for owner, amount in _split_points(collection, collection.points_by_tenant):
        part = parts.of(owner, f"points of {collection.name} without a tenant_id")
        part.add(Measure.VECTORS, amount)
        part.collections.append(collection.name)


def _parts_of_collection(
    parts: Parts, collection: CollectionUsage, shared: frozenset[str]
) -> list[Part]:
    """Return the parts that a whole collection is of, and the one that it is counted in first."""
    owners = owners_of_collection(collection.names, shared)
    if len(owners) > 1:
        return parts.jointly(owners, f"{COLLECTION_PART}{collection.name}")
    owner = owners[0] if owners else NOBODY
    return [parts.of(owner, f"collection {collection.name}")]


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


def _add_keys(parts: Parts, reading: KeyReading) -> None:
    known = {part.name for part in parts.found.values() if part.is_kb}
    for owner, sure, amount, kinds in Groups.of(reading.groups).by_owner():
        part = parts.of(_owner_of(owner, known, parts.ownership, sure=sure))
        named = sure or part.claim.tenants
        part.add_keys(amount, kinds if named else [("unknown", amount.count)])
    for session in reading.sessions or ():
        part = parts.of(session.owner, f"session {session.session_id}")
        part.add(Measure.SESSIONS, Amount(1, session.bytes))
    for sample in reading.samples:
        parts.keep(sample)


def _owner_of(owner: Owner, known: set[str], ownership: Ownership, *, sure: bool) -> Owner:
    """Return whose a group is; what only looks like a kb_id has to be one elsewhere too."""
    if sure or owner.name in known or ownership.is_kb(owner.name):
        return owner
    return NOBODY


def _divide(parts: Parts, readings: Readings) -> RolledUp:
    by_tenant: dict[TenantKey, list[KbUsage]] = {}
    none = _nothing(readings)
    shared, nobodys = list[KbUsage](), none
    sums = {measure: Sum() for measure in Measure}
    for measure, found in sums.items():
        found.add(readings.zero(measure))
    for part in parts.found.values():
        frozen = _freeze(part, none, parts.ownership)
        for measure in part.amounts:
            sums[measure].add(frozen.usage.of(measure) or _NONE)
        if not part.claim.tenants:
            nobodys = frozen.usage
        elif part.claim.state is ClaimState.SHARED:
            shared.append(frozen)
        else:
            by_tenant.setdefault(part.claim.tenants[0], []).append(frozen)
    tenants = _tenants(by_tenant, shared, parts.ownership, none)
    shared.sort(key=_name)
    nobody = Unattributed(nobodys, tuple(parts.samples))
    added = {measure: found.amount() for measure, found in sums.items()}
    return RolledUp(tenants, tuple(shared), nobody, added)


_NONE = Amount()
_name = attrgetter("name")


def _tenants(
    by_tenant: dict[TenantKey, list[KbUsage]],
    shared: Iterable[KbUsage],
    ownership: Ownership,
    none: Usage,
) -> tuple[TenantUsage, ...]:
    held: dict[TenantKey, list[str]] = {}
    for part in shared:
        for tenant in part.claim.tenants:
            held.setdefault(tenant, []).extend([part.name] if part.is_kb else [])
    found = []
    for tenant in sorted(by_tenant.keys() | held.keys(), key=str):
        own = tuple(sorted(by_tenant.get(tenant, ()), key=_name))
        with_others = {part.name for part in own if _is_shared(part, ownership)}
        found.append(
            TenantUsage(
                tenant,
                _surest(tenant, own, ownership),
                add_usages([part.usage for part in own] or [none]),
                own,
                tuple(sorted(with_others.union(held.get(tenant, ())))),
            )
        )
    return tuple(found)


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


def _freeze(part: Part, none: Usage, ownership: Ownership) -> KbUsage:
    pattern = part.pattern
    return KbUsage(
        name=part.name,
        is_kb=part.is_kb,
        claim=part.claim,
        usage=_usage(part, none),
        nodes=ownership.nodes_by_kb.get(part.name, ()) if part.is_kb else (),
        first_write=pattern.first_write if pattern else None,
        last_write=pattern.last_write if pattern else None,
        collections=tuple(part.collections),
        rows_by_table=pattern.rows_by_table if pattern else {},
    )


def _nothing(readings: Readings) -> Usage:
    """Return what an owner has of whom nothing was found: zeros where figures are known."""
    figures = {m.value: readings.zero(m) if readings.known(m) else None for m in Measure}
    return Usage(**figures, keys_by_kind=None if readings.keys is None else {})


def _usage(part: Part, none: Usage) -> Usage:
    patterns, keys, vectors, sessions = map(part.sum, _MEASURES)
    return Usage(
        none.patterns if patterns is None else patterns,
        none.keys if keys is None else keys,
        none.vectors if vectors is None else vectors,
        none.sessions if sessions is None else sessions,
        None if none.keys_by_kind is None else part.kinds,
    )


_MEASURES = (Measure.PATTERNS, Measure.KEYS, Measure.VECTORS, Measure.SESSIONS)


def add_usages(usages: Iterable[Usage]) -> Usage:
    """Sum usages; a figure that is unknown in one is unknown in the sum."""
    first, *rest = usages
    for usage in rest:
        first = _add_two(first, usage)
    return first


def _add_two(a: Usage, b: Usage) -> Usage:
    def both(measure: Measure) -> Amount | None:
        one, other = a.of(measure), b.of(measure)
        return None if one is None or other is None else one + other

    kinds = None
    if a.keys_by_kind is not None and b.keys_by_kind is not None:
        kinds = dict(Counter(a.keys_by_kind) + Counter(b.keys_by_kind))
    return Usage(**{measure.value: both(measure) for measure in Measure}, keys_by_kind=kinds)
