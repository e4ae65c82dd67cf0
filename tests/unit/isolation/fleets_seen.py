"""Fleets as the isolation audit sees them, from a few words: what stores hold, rolled up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.errors import Fault, Problem
from services.figures import Amount, Measure, StoreState
from services.isolation.models import Seen
from services.purge.job import Tombstone
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.readings import (
    CollectionUsage,
    KeyGroup,
    KeyReading,
    PatternReading,
    PatternUsage,
    SessionRecord,
    TableInfo,
    VectorReading,
)
from services.usage.rollup import Readings, RolledUp, roll_up
from services.usage.snapshot import Snapshot, StoreFigures

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NODE, KB, TENANT, NONE = OwnerKind.NODE, OwnerKind.KB, OwnerKind.TENANT, OwnerKind.NONE


def fleet(
    *nodes: str,
    patterns: Mapping[str, int] | None = None,
    keys: Mapping[str, int] | None = None,
    groups: Sequence[KeyGroup] = (),
    collections: Mapping[str, int] | None = None,
    sessions: Sequence[str] = (),
    tables: Sequence[TableInfo] = (),
    strays: Sequence[str] = (),
    tombstones: Sequence[Tombstone] = (),
    schemes: Iterable[str] = (),
    unread: Collection[Measure] = (),
    absent: Collection[Measure] = (),
    **facts: Any,
) -> Seen:
    """What the rules see of a deployment where these node_ids were seen.

    `patterns` and `keys` count rows and frequency keys by kb_id, `collections` points by name;
    `sessions` names the node_id of each; `strays` are names of keys that are nobody's. Figures of
    measures that are `unread` are unknown, those of `absent` are not configured.
    """
    ownership = Ownership(nodes, schemes=NamingSchemes.of(schemes))
    missing = {*unread, *absent}
    key_groups = [
        KeyGroup(Owner(KB, kb), "frequency", _amount(n)) for kb, n in (keys or {}).items()
    ]
    readings = Readings(
        None if Measure.PATTERNS in missing else pattern_reading(patterns or {}, tables),
        None if Measure.KEYS in missing else key_reading([*key_groups, *groups], sessions, strays),
        None if Measure.VECTORS in missing else vector_reading(collections or {}),
    )
    rolled = roll_up(readings, ownership, shared_collections=frozenset({"kato_vectors"}))
    stores = {m: figures(m, rolled, unread=m in unread, absent=m in absent) for m in Measure}
    snapshot = Snapshot(
        NOW,
        stores,
        rolled.tenants,
        rolled.shared,
        rolled.unattributed,
        sessions=readings.keys.sessions if readings.keys else None,
        tables=readings.patterns.tables if readings.patterns else (),
        collections=readings.vectors.collections if readings.vectors else (),
        keys=readings.keys,
    )
    return Seen(snapshot, ownership, tuple(tombstones), **facts)


def figures(measure: Measure, rolled: RolledUp, *, unread: bool, absent: bool) -> StoreFigures:
    """One measure's figures as a collected snapshot has them, read within 10 seconds."""
    if absent:
        return StoreFigures(measure, StoreState.NOT_CONFIGURED)
    if unread:
        reason = Problem(store=measure.value, fault=Fault.UNAVAILABLE)
        return StoreFigures(measure, StoreState.UNKNOWN, reason=reason)
    total = rolled.sums[measure]
    return StoreFigures(measure, StoreState.OK, total, collected_at=NOW, seconds=10.0)


def pattern_reading(patterns: Mapping[str, int], tables: Sequence[TableInfo]) -> PatternReading:
    """So many rows of each kb_id."""
    usages = tuple(PatternUsage(kb, _amount(rows)) for kb, rows in patterns.items())
    return PatternReading(usages, tuple(tables), _amount(sum(patterns.values())))


def key_reading(
    groups: Sequence[KeyGroup], sessions: Sequence[str], strays: Sequence[str]
) -> KeyReading:
    """These groups of keys, a session of each node_id, and keys of nobody."""
    records = tuple(
        SessionRecord(f"kato:session:{i}", str(i), Owner(NODE, node), bytes=9)
        for i, node in enumerate(sessions)
    )
    nobodys = [KeyGroup(Owner(NONE, ""), "unknown", _amount(len(strays)))] if strays else []
    every = (*groups, *nobodys)
    whole = sum(group.amount.count for group in every) + len(records)
    return KeyReading(every, records, whole, whole, 0, 0, samples=tuple(strays))


def vector_reading(collections: Mapping[str, int]) -> VectorReading:
    """So many points in each collection."""
    found = tuple(CollectionUsage(name, _amount(n), "green") for name, n in collections.items())
    return VectorReading(found, _amount(sum(collections.values())))


def _amount(count: int) -> Amount:
    return Amount(count, count * 10)
