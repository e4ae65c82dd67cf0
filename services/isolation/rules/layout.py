"""Rules on how the stores are laid out: what keeps tenants apart, and how far that goes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from services.figures import Measure
from services.isolation.about import Evidence, ShownTo, Value
from services.isolation.evidence import (
    about_kb,
    counted,
    counted_whole,
    gathered,
    holdings,
    raw_kb,
)
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.layout import bytes_of
from services.usage.readings import TableInfo
from services.usage.snapshot import KbUsage

PARTITIONS_ADVISED, PARTITIONS_MOST = 1_000, 10_000
"""ClickHouse's manual, at `max_partitions_per_insert_block`: "Recommended total number of
partitions for a table is under 1000..10000"."""

PARTS_LIMITS = {
    "parts_to_delay_insert": 1_000,
    "parts_to_throw_insert": 3_000,
    "max_parts_in_total": 100_000,
}
"""ClickHouse's defaults since 23.6, for a server that does not say its own; 0 is no limit."""

COLLECTIONS_ADVISED, COLLECTIONS_MOST = 200, 1_000
"""Qdrant's manual, on multitenancy: "not recommended to create hundreds and thousands of
collections per cluster"; its cloud allows 1,000."""

_CLICKHOUSE = (Deed(DeedKind.SYSTEM, "clickhouse"),)
_TABLE = "patterns_data"
_QDRANT = (Deed(DeedKind.SYSTEM, "qdrant"),)


def _mixed(seen: Seen) -> Iterable[Finding]:
    """Yield one finding where both layouts are there: KATO's kb_ids and the guide's names."""
    counted_whole(seen, Measure.PATTERNS, Measure.KEYS)
    suffixes = seen.ownership.suffixes
    held = [each for each in holdings(seen) if any(map(each.count, Measure))]
    katos = [each.name for each in held if each.name.endswith(suffixes)]
    guides = [each.name for each in held if raw_kb(each) and not each.name.endswith(suffixes)]
    labels = {part.name for part in seen.snapshot.parts if part.is_guides}
    guides += sorted(labels, key=bytes_of)
    if katos and guides:
        yield _both(katos, guides)


def _both(katos: list[str], guides: list[str]) -> Finding:
    ids, names = counted(len(katos), "kb_id"), counted(len(guides), "name")
    return Finding(
        code="layout.mixed",
        subject="layouts",
        severity=Severity.MEDIUM,
        what=f"KATO's layout is in use for {ids}, and the isolation guide's for {names}.",
        evidence={
            "KATO's": len(katos),
            "the guide's": len(guides),
            "KATO's names": tuple(katos[:SAMPLES]),
            "the guide's names": tuple(guides[:SAMPLES]),
        },
    )


def _tables(seen: Seen) -> Iterator[TableInfo]:
    """Yield the tables that hold rows of kb_ids themselves: views only show those of others."""
    for table in sorted(seen.snapshot.tables, key=lambda each: bytes_of(each.name)):
        if table.has_kb_id and table.engine.endswith("MergeTree"):
            yield table


def _of_table(
    table: TableInfo, *, code: str, severity: Severity, what: str, evidence: Evidence
) -> Finding:
    what = f"The table {table.name} {what}."
    return Finding(code, table.name, severity, what, evidence=evidence, deeds=_CLICKHOUSE)


def _partitioning(seen: Seen) -> Iterable[Finding]:
    for table in _tables(seen):
        if "kb_id" not in _columns(table.partition_key):
            key = table.partition_key
            yield _of_table(
                table,
                code="layout.partitioning",
                severity=Severity.MEDIUM,
                what=f"is partitioned by {key} and not by kb_id" if key else "has no partitions",
                evidence={
                    "partition key": table.partition_key or "none",
                    "rows": table.rows,
                    "parts": table.parts,
                },
            )


def _columns(partition_key: str) -> list[str]:
    """Return the expressions of a partition key: one, or those of a tuple.

    With kb_id among them every partition holds rows of one kb_id only.
    """
    key = partition_key.strip()
    if key.startswith("tuple("):
        key = key.removeprefix("tuple")
    if not (key.startswith("(") and key.endswith(")")):
        return [key]
    found, depth = [""], 0
    for char in key[1:-1]:
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    return [each.strip(" `") for each in found]


def _partitions(seen: Seen) -> Iterable[Finding]:
    for table in _tables(seen):
        if table.partitions > PARTITIONS_ADVISED:
            much = table.partitions > PARTITIONS_MOST
            yield _of_table(
                table,
                code="layout.partitions",
                severity=Severity.MEDIUM if much else Severity.LOW,
                what=f"has {table.partitions:,} partitions",
                evidence={
                    "partitions": table.partitions,
                    "advised": PARTITIONS_MOST if much else PARTITIONS_ADVISED,
                    "parts": table.parts,
                    "rows": table.rows,
                },
            )


def _parts(seen: Seen) -> Iterable[Finding]:
    facts = seen.patterns
    limits = {**PARTS_LIMITS, **(facts.parts_limits if facts else {})}
    for table in _tables(seen):
        most = facts.most_parts.get(table.name, 0) if facts else 0
        severity = _severity_of_parts(most, table.parts, limits)
        if severity is not None:
            yield _of_table(
                table,
                code="layout.parts",
                severity=severity,
                what=f"has {counted(table.parts, 'part')}, and {most:,} in one partition",
                evidence={"parts": table.parts, "most in a partition": most}
                | {name: limits[name] for name in PARTS_LIMITS},
            )


def _severity_of_parts(most: int, total: int, limits: Mapping[str, int]) -> Severity | None:
    """Say how grave so many parts are: refused inserts, delayed ones, or half way to refused."""

    def reaches(parts: int, name: str) -> bool:
        return 0 < limits[name] <= parts

    if reaches(most, "parts_to_throw_insert") or reaches(total, "max_parts_in_total"):
        return Severity.HIGH
    if reaches(most, "parts_to_delay_insert") or reaches(2 * total, "max_parts_in_total"):
        return Severity.MEDIUM
    return None


def _collections(seen: Seen) -> Iterable[Finding]:
    there = len(seen.snapshot.collections)
    if there > COLLECTIONS_ADVISED:
        much = there > COLLECTIONS_MOST
        yield Finding(
            code="layout.collections",
            subject="collections",
            severity=Severity.MEDIUM if much else Severity.LOW,
            what=f"Qdrant holds {there:,} collections.",
            evidence={
                "collections": there,
                "advised": COLLECTIONS_MOST if much else COLLECTIONS_ADVISED,
            },
            deeds=_QDRANT,
        )


def _repeated(seen: Seen) -> Iterable[Finding]:
    counted_whole(seen, Measure.PATTERNS)
    found = [
        finding for part in seen.snapshot.parts if part.is_kb
        for finding in _repeated_of(seen, part)
    ]  # fmt: skip
    return gathered(found, "have rows in ClickHouse that repeat a pattern")


def _repeated_of(seen: Seen, part: KbUsage) -> Iterator[Finding]:
    rows, patterns = part.rows_by_table.get(_TABLE, 0), part.usage.patterns
    if patterns is None or rows <= patterns.count:
        return
    more = rows - patterns.count
    evidence: dict[str, Value] = {
        "rows": rows, "different names (uniqExact)": patterns.count, "repeated": more,
    }  # fmt: skip
    what = (
        f"has {counted(patterns.count, 'pattern')} in {counted(rows, 'row')}: {more:,} repeat one"
    )
    yield about_kb(
        seen, part.name, code="layout.repeated", severity=Severity.LOW, what=what,
        evidence=evidence,
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        code="layout.mixed",
        severity=Severity.MEDIUM,
        title="Two layouts at once",
        why="What counts or purges by one layout misses what is written in the other, and a purge "
        "that misses half is taken for done.",
        remedy="Find out which applications write in the guide layout, and have all write in "
        "one. Until then use tools that know both, as this dashboard does.",
        needs=frozenset({Need.PATTERNS, Need.KEYS}),
        find=_mixed,
    ),
    Rule(
        code="layout.partitioning",
        severity=Severity.MEDIUM,
        title="Tables that are not partitioned by kb_id",
        why="A purge of one kb_id cannot drop its partition: it deletes rows by a mutation, which "
        "rewrites or clones the parts of everyone.",
        remedy="Make the table anew with PARTITION BY kb_id, copy its rows with INSERT SELECT "
        "(max_partitions_per_insert_block=0), and exchange the two.",
        needs=frozenset({Need.PATTERNS}),
        find=_partitioning,
    ),
    Rule(
        code="layout.partitions",
        severity=Severity.MEDIUM,
        title="Very many partitions",
        why="KATO makes a partition for every kb_id, and ClickHouse advises to stay under 1,000 "
        "to 10,000 in a table: starts, inserts and queries get slow for every tenant.",
        remedy="Purge the nodes that are not in use any more; beyond 10,000 divide the tenants "
        "among several KATO deployments.",
        needs=frozenset({Need.PATTERNS}),
        find=_partitions,
    ),
    Rule(
        code="layout.parts",
        severity=Severity.HIGH,
        title="Very many parts",
        why="ClickHouse delays and then refuses inserts when a partition or a table has too many "
        "parts: one busy tenant can stop the learning of all.",
        remedy="Look for small inserts in quick succession and for merges that do not keep up. "
        "OPTIMIZE TABLE … PARTITION merges one; fewer kb_ids mean fewer parts.",
        needs=frozenset({Need.PATTERNS, Need.CLICKHOUSE}),
        find=_parts,
    ),
    Rule(
        code="layout.repeated",
        severity=Severity.LOW,
        title="Patterns that are stored twice",
        why="With several processes KATO before 3.10.1 could store one pattern twice, and such "
        "rows stay: whatever counts rows counts too many, and KATO may find the pattern twice.",
        remedy="Run KATO 3.10.1 or newer, and with no KATO at work and a backup at hand OPTIMIZE "
        "TABLE … PARTITION … FINAL DEDUPLICATE BY kb_id, length, name.",
        needs=frozenset({Need.PATTERNS}),
        find=_repeated,
        shown_to=ShownTo.TENANTS,
    ),
    Rule(
        code="layout.collections",
        severity=Severity.MEDIUM,
        title="Very many collections",
        why="KATO makes a collection for every kb_id with vectors, and Qdrant advises against "
        "hundreds: each takes memory and files of its own, until all tenants suffer.",
        remedy="Purge the nodes that are not in use any more; beyond 1,000 divide the tenants "
        "among several Qdrant servers.",
        needs=frozenset({Need.VECTORS}),
        find=_collections,
    ),
)
