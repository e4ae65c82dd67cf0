"""Rules on orphans, kb_id by kb_id: what one store has of it and another has not. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.figures import Measure
from services.isolation.about import ShownTo, Value
from services.isolation.evidence import (
    Held,
    about_kb,
    counted,
    counted_whole,
    gathered,
    holdings,
    raw_kb,
    unsettled,
)
from services.isolation.models import CannotTell, Finding, Need, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.layout import OwnerKind, owners_of_collection
from services.usage.readings import CollectionUsage

_PATTERNS, _KEYS, _VECTORS = Measure.PATTERNS, Measure.KEYS, Measure.VECTORS


def _keys(seen: Seen) -> Iterable[Finding]:
    counted_whole(seen, _PATTERNS, _KEYS)
    left = (h for h in holdings(seen) if h.by_kato(seen.ownership.suffixes))
    found = [_keys_of(seen, h) for h in left if h.count(_KEYS) and not h.count(_PATTERNS)]
    return gathered(found, "have keys in Redis and no pattern in ClickHouse")


def _keys_of(seen: Seen, held: Held) -> Finding:
    severity = Severity.MEDIUM if held.frequencies else Severity.LOW
    what = f"has {counted(held.count(_KEYS), 'key')} in Redis and no pattern in ClickHouse"
    by_kind = tuple(f"{kind} {keys}" for kind, keys in sorted(held.kinds.items()))
    evidence: dict[str, Value] = {"keys": held.count(_KEYS), "patterns": 0, "keys by kind": by_kind}
    return about_kb(
        seen, held.name, code="orphan.keys", severity=severity, what=what, evidence=evidence
    )


def _differ(seen: Seen) -> list[Held]:
    """Return the settled kb_ids with patterns that have not one frequency key for each."""
    counted_whole(seen, _PATTERNS, _KEYS)
    moving = unsettled(seen, _PATTERNS, _KEYS)
    return [
        held
        for held in holdings(seen)
        if held.count(_PATTERNS)
        and held.count(_PATTERNS) != held.frequencies
        and held.by_kato(seen.ownership.suffixes)
        and not moving(held)
    ]


def _frequencies(seen: Seen) -> Iterable[Finding]:
    found = [_frequencies_of(seen, held) for held in _differ(seen) if held.frequencies]
    return gathered(found, "have not as many frequency keys in Redis as patterns in ClickHouse")


def _frequencies_of(seen: Seen, held: Held) -> Finding:
    keys, rows = held.frequencies, held.count(_PATTERNS)
    severity = Severity.MEDIUM if keys > rows else Severity.LOW
    what = f"has {counted(keys, 'frequency key')} in Redis and {counted(rows, 'pattern')}"
    evidence: dict[str, Value] = {
        "frequency keys": keys,
        "patterns": rows,
        "difference": keys - rows,
    }
    what += " in ClickHouse"
    return about_kb(
        seen, held.name, code="orphan.frequencies", severity=severity, what=what, evidence=evidence
    )


def _rows(seen: Seen) -> Iterable[Finding]:
    found = [_rows_of(seen, held) for held in _differ(seen) if not held.frequencies]
    return gathered(found, "have patterns in ClickHouse and no frequency key in Redis")


def _rows_of(seen: Seen, held: Held) -> Finding:
    rows = held.count(_PATTERNS)
    what = f"has {counted(rows, 'pattern')} in ClickHouse and no frequency key in Redis"
    evidence: dict[str, Value] = {"patterns": rows, "frequency keys": 0, "keys": held.count(_KEYS)}
    return about_kb(
        seen, held.name, code="orphan.rows", severity=Severity.MEDIUM, what=what, evidence=evidence
    )


def _collection(seen: Seen) -> Iterable[Finding]:
    counted_whole(seen, _PATTERNS, _VECTORS)
    held = holdings(seen)
    found = [_collection_of(seen, h) for h in held if h.count(_VECTORS) and not h.count(_PATTERNS)]
    return gathered(found, "have a collection in Qdrant and no pattern in ClickHouse")


def _collection_of(seen: Seen, held: Held) -> Finding:
    points, sessions = held.count(_VECTORS), held.counts[Measure.SESSIONS]
    what = f"has {counted(points, 'point')} in Qdrant and no pattern in ClickHouse"
    if sessions:
        what += f"; {counted(sessions, 'session')} of it may still learn from them"
    evidence: dict[str, Value] = {"collection": f"vectors_{held.name}", "points": points}
    if sessions is not None:
        evidence["sessions"] = sessions
    severity = Severity.LOW if sessions else Severity.MEDIUM
    return about_kb(
        seen, held.name, code="orphan.collection", severity=severity, what=what, evidence=evidence
    )


def _vectors(seen: Seen) -> Iterable[Finding]:
    counted_whole(seen, _PATTERNS, _VECTORS)
    tokens, every = seen.patterns.vector_tokens if seen.patterns else {}, holdings(seen)
    if not tokens and any(held.count(_PATTERNS) for held in every):
        raise CannotTell("ClickHouse does not say which vectors the patterns name")
    collections = seen.snapshot.collections
    points = {name: c.amount.count for c in collections for name in c.names}
    elsewhere = any(map(_by_guide, collections))
    moving = unsettled(seen, _VECTORS)
    found = []
    for held in every:
        there, named = points.get(f"vectors_{held.name}"), tokens.get(held.name, 0)
        skipped = moving(held) or (there is None and elsewhere and raw_kb(held))
        if named > (there or 0) and not skipped:
            found.append(_vectors_of(seen, held, named, there))
    return gathered(found, "have patterns that name vectors which Qdrant does not have")


def _by_guide(collection: CollectionUsage) -> bool:
    owners = owners_of_collection(collection.names)
    shared = collection.points_by_tenant is not None
    return shared or any(owner.kind is OwnerKind.TENANT for owner in owners)


def _vectors_of(seen: Seen, held: Held, named: int, points: int | None) -> Finding:
    has = "has no collection" if points is None else f"has {counted(points, 'point')}"
    what = f"has patterns that name {counted(named, 'vector')}, and {has} in Qdrant"
    evidence: dict[str, Value] = {
        "vectors named": named,
        "points": points or 0,
        "missing": named - (points or 0),
        "collection": f"vectors_{held.name}" + (", missing" if points is None else ""),
    }
    severity = Severity.MEDIUM if points else Severity.HIGH
    return about_kb(
        seen, held.name, code="orphan.vectors", severity=severity, what=what, evidence=evidence
    )


RULES: tuple[Rule, ...] = (
    Rule(
        code="orphan.keys",
        severity=Severity.MEDIUM,
        title="Keys without patterns",
        why="A frequency key that is left without its pattern keeps KATO from learning that "
        "pattern again, and keys of a purged node are data that was said to be gone.",
        remedy="Look whether the node is new and has learnt nothing yet. If it was purged or "
        "cleared, purge it again: that erases the keys that are left.",
        needs=frozenset({Need.PATTERNS, Need.KEYS}),
        find=_keys,
        shown_to=ShownTo.TENANTS,
    ),
    Rule(
        code="orphan.frequencies",
        severity=Severity.MEDIUM,
        title="Frequency keys that do not match the patterns",
        why="KATO writes a pattern and its frequency apart: a frequency without its pattern keeps "
        "the pattern from being learnt again, and without it how often a pattern was seen is lost.",
        remedy="Run the audit again first: a write may have been under way. If it stays, erase "
        "the node and train it again, as only KATO can tell which patterns are concerned.",
        needs=frozenset({Need.PATTERNS, Need.KEYS}),
        find=_frequencies,
        shown_to=ShownTo.TENANTS,
    ),
    Rule(
        code="orphan.rows",
        severity=Severity.MEDIUM,
        title="Patterns without keys",
        why="How often each pattern was seen is lost, and KATO's predictions rest on it.",
        remedy="Find out what took the keys: Redis restarted without persistence, it evicted "
        "them, or a purge stopped halfway. Restore Redis, or erase the node and train it again.",
        needs=frozenset({Need.PATTERNS, Need.KEYS}),
        find=_rows,
        shown_to=ShownTo.TENANTS,
    ),
    Rule(
        code="orphan.collection",
        severity=Severity.MEDIUM,
        title="A collection without patterns",
        why="Vectors are made from a tenant's data; those that no pattern names serve nobody and "
        "outlive the data that they were made from.",
        remedy="If no session of the node is at work, purge the node: that drops the collection.",
        needs=frozenset({Need.PATTERNS, Need.VECTORS}),
        find=_collection,
        shown_to=ShownTo.TENANTS,
    ),
    Rule(
        code="orphan.vectors",
        severity=Severity.HIGH,
        title="Patterns whose vectors are gone",
        why="KATO deletes the collection of a node that it evicts from its memory; the patterns "
        "stay and name vectors that nothing can find any more.",
        remedy="Restore the collection from a snapshot, or train the node again. Keep fewer than "
        "100 nodes in use at once, or run more than one KATO, so that KATO evicts none.",
        needs=frozenset({Need.CLICKHOUSE, Need.PATTERNS, Need.VECTORS}),
        find=_vectors,
        shown_to=ShownTo.TENANTS,
    ),
)
