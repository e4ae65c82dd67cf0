"""Roll up what the stores brought back into a snapshot. Pure, and conserved.

Every row, key, byte, point and session goes to exactly one of: a tenant, a shared kb_id, or
nobody. What a store says of itself is compared with the sum of these, and the difference shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.attribution import (
    NOBODY,
    Claim,
    ClaimState,
    Owner,
    OwnerKind,
    Ownership,
    read_collection,
)
from services.identity import TenantKey, kb_id_of
from services.models import (
    Amount,
    CollectionUsage,
    KbUsage,
    KeyGroup,
    KeyReading,
    Measure,
    PatternReading,
    PatternUsage,
    TenantUsage,
    Unattributed,
    Usage,
    VectorReading,
)

_SAMPLES = 50


@dataclass(frozen=True, slots=True)
class Readings:
    """What the stores brought back; None where a store's figures are not known."""

    patterns: PatternReading | None = None
    keys: KeyReading | None = None
    vectors: VectorReading | None = None

    def known(self, measure: Measure) -> bool:
        """Whether the figures of a measure are known."""
        reading = {
            Measure.PATTERNS: self.patterns,
            Measure.KEYS: self.keys,
            Measure.SESSIONS: self.keys,
            Measure.VECTORS: self.vectors,
        }
        return reading[measure] is not None

    def zero(self, measure: Measure) -> Amount:
        """Return what an owner without data has: no bytes only where bytes are known at all."""
        if measure is Measure.VECTORS and self.vectors is not None:
            return Amount(0, None if self.vectors.total.bytes is None else 0)
        if measure is Measure.KEYS and self.keys is not None:
            sized = not self.keys.groups or any(
                g.amount.bytes is not None for g in self.keys.groups
            )
            return Amount(0, 0 if sized else None)
        return Amount(0, 0)


@dataclass(frozen=True, slots=True)
class RolledUp:
    """The fleet divided among its owners, and the sum of all parts by measure."""

    tenants: tuple[TenantUsage, ...]
    shared: tuple[KbUsage, ...]
    unattributed: Unattributed
    sums: Mapping[Measure, Amount]


@dataclass(slots=True)
class _Part:
    """What has been found so far of one kb_id (or of one name in the guide's layout)."""

    name: str
    is_kb: bool
    claim: Claim
    amounts: dict[Measure, Amount] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    pattern: PatternUsage | None = None
    collections: list[str] = field(default_factory=list)

    def add(self, measure: Measure, amount: Amount) -> None:
        before = self.amounts.get(measure)
        self.amounts[measure] = amount if before is None else before + amount


class _Parts:
    """The parts found so far, by holders and name."""

    def __init__(self, ownership: Ownership) -> None:
        self.ownership = ownership
        self.found: dict[tuple[tuple[TenantKey, ...], str, bool], _Part] = {}
        self.samples: dict[str, None] = {}

    def of(self, owner: Owner, sample: str = "") -> _Part:
        """Return the part that an owner's data belongs to."""
        claim = self.ownership.owner(owner)
        name, is_kb = self._place(owner)
        if not claim.tenants and sample and len(self.samples) < _SAMPLES:
            self.samples[sample] = None
        key = (claim.tenants, name, is_kb)
        part = self.found.get(key)
        if part is None:
            part = self.found[key] = _Part(name, is_kb, claim)
        return part

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


def roll_up(
    readings: Readings, ownership: Ownership, *, shared_collections: frozenset[str] = frozenset()
) -> RolledUp:
    """Divide everything the stores hold among tenants, shared kb_ids and nobody."""
    parts = _Parts(ownership)
    if readings.patterns is not None:
        _add_patterns(parts, readings.patterns)
    if readings.vectors is not None:
        for collection in readings.vectors.collections:
            _add_collection(parts, collection, shared_collections)
    if readings.keys is not None:
        _add_keys(parts, readings.keys)
    return _divide(parts, readings)


def _add_patterns(parts: _Parts, reading: PatternReading) -> None:
    for usage in reading.usages:
        part = parts.of(Owner(OwnerKind.KB, usage.kb_id))
        part.add(Measure.PATTERNS, usage.amount)
        part.pattern = usage


def _add_collection(parts: _Parts, collection: CollectionUsage, shared: frozenset[str]) -> None:
    if collection.points_by_tenant is None:
        owner = read_collection(collection.name, shared).owner
        part = parts.of(owner, f"collection {collection.name}")
        part.add(Measure.VECTORS, collection.amount)
        part.collections.append(collection.name)
        return
    for owner, amount in _split_points(collection, collection.points_by_tenant):
        part = parts.of(owner, f"points of {collection.name} without a tenant_id")
        part.add(Measure.VECTORS, amount)
        part.collections.append(collection.name)


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


def _add_keys(parts: _Parts, reading: KeyReading) -> None:
    known = {part.name for part in parts.found.values() if part.is_kb}
    for group in reading.groups:
        part = parts.of(_owner_of(group, known, parts.ownership))
        part.add(Measure.KEYS, group.amount)
        part.kinds[group.kind if part.claim.tenants or group.sure else "unknown"] += (
            group.amount.count
        )
    for session in reading.sessions:
        part = parts.of(session.owner, f"session {session.session_id}")
        part.add(Measure.SESSIONS, Amount(1, session.bytes))
    for sample in reading.samples:
        if len(parts.samples) < _SAMPLES:
            parts.samples[sample] = None


def _owner_of(group: KeyGroup, known: set[str], ownership: Ownership) -> Owner:
    """Return a group's owner; what only looks like a kb_id has to be one elsewhere too."""
    if group.sure or group.owner.name in known or ownership.is_kb(group.owner.name):
        return group.owner
    return NOBODY


def _divide(parts: _Parts, readings: Readings) -> RolledUp:
    by_tenant: dict[TenantKey, list[KbUsage]] = {}
    shared, nobodys = list[KbUsage](), _usage(_Part("", False, _nobody(parts)), readings)
    sums = {measure: readings.zero(measure) for measure in Measure}
    for part in parts.found.values():
        for measure, amount in part.amounts.items():
            sums[measure] = sums[measure] + amount
        frozen = _freeze(part, readings, parts.ownership)
        if not part.claim.tenants:
            nobodys = frozen.usage
        elif part.claim.state is ClaimState.SHARED:
            shared.append(frozen)
        else:
            by_tenant.setdefault(part.claim.tenants[0], []).append(frozen)
    tenants = _tenants(by_tenant, shared, parts.ownership, readings)
    shared.sort(key=lambda part: part.name)
    return RolledUp(tenants, tuple(shared), Unattributed(nobodys, tuple(parts.samples)), sums)


def _nobody(parts: _Parts) -> Claim:
    return parts.ownership.owner(NOBODY)


def _tenants(
    by_tenant: dict[TenantKey, list[KbUsage]],
    shared: Iterable[KbUsage],
    ownership: Ownership,
    readings: Readings,
) -> tuple[TenantUsage, ...]:
    held: dict[TenantKey, list[str]] = {}
    for part in shared:
        for tenant in part.claim.tenants:
            held.setdefault(tenant, []).append(part.name)
    none = _usage(_Part("", False, _NO_CLAIM), readings)
    found = []
    for tenant in sorted(by_tenant.keys() | held.keys(), key=str):
        own = tuple(sorted(by_tenant.get(tenant, ()), key=lambda part: part.name))
        with_others = {part.name for part in own if _is_shared(part, ownership)}
        known = tenant in ownership.tenants or _any_known(own)
        found.append(
            TenantUsage(
                tenant,
                ClaimState.KNOWN if known else ClaimState.INFERRED,
                add_usages([none, *(part.usage for part in own)]),
                own,
                tuple(sorted(with_others.union(held.get(tenant, ())))),
            )
        )
    return tuple(found)


_NO_CLAIM = Claim(ClaimState.UNATTRIBUTED, (), "")


def _is_shared(part: KbUsage, ownership: Ownership) -> bool:
    """Whether others hold this kb_id too, though what is here names its tenant, as sessions do."""
    return part.is_kb and ownership.kb(part.name).state is ClaimState.SHARED


def _any_known(parts: Iterable[KbUsage]) -> bool:
    return any(part.claim.state is ClaimState.KNOWN for part in parts)


def _freeze(part: _Part, readings: Readings, ownership: Ownership) -> KbUsage:
    pattern = part.pattern
    return KbUsage(
        name=part.name,
        is_kb=part.is_kb,
        claim=part.claim,
        usage=_usage(part, readings),
        nodes=ownership.nodes_by_kb.get(part.name, ()) if part.is_kb else (),
        first_write=pattern.first_write if pattern else None,
        last_write=pattern.last_write if pattern else None,
        collections=tuple(part.collections),
        rows_by_table=pattern.rows_by_table if pattern else {},
    )


def _usage(part: _Part, readings: Readings) -> Usage:
    def figure(measure: Measure) -> Amount | None:
        if not readings.known(measure):
            return None
        return part.amounts.get(measure) or readings.zero(measure)

    return Usage(
        patterns=figure(Measure.PATTERNS),
        keys=figure(Measure.KEYS),
        vectors=figure(Measure.VECTORS),
        sessions=figure(Measure.SESSIONS),
        keys_by_kind=dict(part.kinds) if readings.keys is not None else None,
    )


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
    return replace(
        a,
        patterns=both(Measure.PATTERNS),
        keys=both(Measure.KEYS),
        vectors=both(Measure.VECTORS),
        sessions=both(Measure.SESSIONS),
        keys_by_kind=kinds,
    )
