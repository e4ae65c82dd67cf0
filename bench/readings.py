"""What the stores would bring back of a fleet of any size, made up from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.figures import Amount
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.usage.groups import Groups
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
from services.usage.rollup import Readings

KINDS = (
    "frequency", "emotives", "metadata", "symbols", "symbol_to_patterns", "affinity", "global",
    "prediction",
)  # fmt: skip
NOW = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Readings, and the node_ids that were seen: nine in ten, so that the rest is inferred."""

    readings: Readings
    seen: tuple[str, ...]


def fleet(tenants: int, *, seed: int = 3) -> Fleet:
    """Make up a fleet: 1.2 kb_ids a tenant, very unequal, five of them shared with another's."""
    chance = random.Random(seed)
    nodes = list(_nodes(tenants))
    kb_ids = list(dict.fromkeys(map(kb_id_of, nodes)))
    weights = {kb_id: 1 + int(chance.paretovariate(1.1) * 20) for kb_id in kb_ids}
    collections = tuple(_collection(kb_id, weights[kb_id]) for kb_id in kb_ids[::4])
    readings = Readings(
        _patterns(weights, chance),
        _keys(weights, nodes[::2], chance),
        VectorReading(collections, _sum(each.amount for each in collections)),
    )
    shared = nodes[:10]
    return Fleet(readings, (*shared, *(node for at, node in enumerate(nodes[10:]) if at % 10)))


def _nodes(tenants: int) -> Iterator[str]:
    """Yield node_ids; those of the first five pairs of tenants fall on one kb_id a pair."""
    for at in range(5):
        yield from (f"tenant:pair-{at}:user:u", f"tenant:pair_{at}:user:u")
    for at in range(10, tenants):
        kind = ("tenant:{}:user:u0", "app:{}:ctx:c:user:u0", "org:{}:dept:d:user:u0")[at % 3]
        yield kind.format(f"t{at:05d}")
        if at % 5 == 0:
            yield kind.format(f"t{at:05d}").replace("u0", "u1")


def _sum(amounts: Iterator[Amount]) -> Amount:
    return sum(amounts, start=Amount())


def _patterns(weights: dict[str, int], chance: random.Random) -> PatternReading:
    usages = tuple(_pattern(kb_id, weight, chance) for kb_id, weight in weights.items())
    total = _sum(usage.amount for usage in usages)
    table = TableInfo(
        "patterns_data", "MergeTree", "kb_id", True, total.count, total.bytes or 0,
        len(usages), len(usages),
    )  # fmt: skip
    return PatternReading(usages, (table,), total)


def _pattern(kb_id: str, weight: int, chance: random.Random) -> PatternUsage:
    last = NOW - timedelta(minutes=chance.randint(1, 500_000))
    first = last - timedelta(days=chance.randint(1, 300))
    rows = {"patterns_data": weight}
    return PatternUsage(kb_id, Amount(weight, weight * 400), first, last, rows)


def _keys(weights: dict[str, int], active: list[str], chance: random.Random) -> KeyReading:
    groups = tuple(
        KeyGroup(Owner(OwnerKind.KB, kb_id), kind, Amount(weight, weight * chance.randint(80, 300)))
        for kb_id, weight in weights.items()
        for kind in KINDS
    )
    sessions = tuple(_session(at, node) for at, node in enumerate(active))
    keys = sum(group.amount.count for group in groups) + len(sessions)
    return KeyReading(Groups.of(groups), sessions, keys, keys, len(sessions), keys * 150)


def _session(at: int, node: str) -> SessionRecord:
    name = f"session-{at:032x}-1795414999285"
    owner = Owner(OwnerKind.NODE, node)
    return SessionRecord(f"kato:session:{name}", name, owner, NOW, NOW, 3600.0, 3, 640)


def _collection(kb_id: str, weight: int) -> CollectionUsage:
    return CollectionUsage(
        f"vectors_{kb_id}", Amount(weight, weight * 512), "green", 128, "Euclid", weight
    )
