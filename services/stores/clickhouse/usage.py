"""Patterns: what ClickHouse holds of every kb_id, in one pass for the whole fleet.

Reads only. Every identifier and value is a bound parameter, and kb_ids travel as bytes. What a
pass costs depends on the number of tables, not on that of kb_ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from services.errors import StoreMisconfigured
from services.figures import Amount, Precision
from services.health.models import Health
from services.stores.clickhouse.connect import PATTERNS, STORE, Identifier, Names
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.row_counts import Repeats, RowCounts
from services.stores.clickhouse.tables import (
    Part,
    Shares,
    Table,
    roll_up,
    summed_parts,
    summed_tables,
    table_infos,
)
from services.tenancy.layout import text_of
from services.usage.readings import Mark, PatternReading

_HEALTH = "SELECT version()"
_DATABASE = "SELECT count() FROM system.databases WHERE name = {db:String}"
_TABLES = r"""
SELECT t.database AS home, t.name AS name, t.engine AS engine, t.partition_key AS key,
       ifNull(t.total_rows, 0) AS found, ifNull(t.total_bytes, 0) AS size,
       c.kb_type AS kb_type, c.created AS created, c.updated AS updated, c.named AS named
FROM system.tables AS t
LEFT JOIN (
    SELECT database, table, anyIf(type, name = 'kb_id') AS kb_type,
           countIf(name = 'created_at' AND match(type, '^(Nullable\\()?Date')) > 0 AS created,
           countIf(name = 'updated_at' AND match(type, '^(Nullable\\()?Date')) > 0 AS updated,
           countIf(name = 'name') > 0 AS named
    FROM system.columns WHERE database IN {homes:Array(String)} GROUP BY database, table
) AS c ON c.table = t.name AND c.database = t.database
WHERE t.database IN {homes:Array(String)}
ORDER BY name
"""
_PARTS = """
SELECT database AS home, table, partition AS raw, sum(rows) AS found, sum(bytes_on_disk) AS size,
       max(has_lightweight_delete) AS deleted, count() AS parts,
       sum(sipHash64(hash_of_all_files)) AS state
FROM system.parts WHERE database IN {homes:Array(String)} AND active
GROUP BY home, table, raw
"""
_TOTAL = """
SELECT (SELECT count() FROM {home:Identifier}.{table:Identifier}),
       (SELECT sum(bytes_on_disk) FROM system.parts
        WHERE database = {db:String} AND active AND table IN {tables:Array(String)})
"""
_COUNT = "SELECT count() FROM {home:Identifier}.{table:Identifier}"
_STATE = """
SELECT (SELECT tuple(count(), sum(rows), sum(bytes_on_disk),
                     sum(sipHash64(table, name, rows, bytes_on_disk, modification_time)))
        FROM system.parts WHERE database = {db:String} AND active) AS parts,
       (SELECT tuple(count(), sum(sipHash64(name, uuid, metadata_modification_time)))
        FROM system.tables WHERE database = {db:String}) AS tables
"""
_HOLDERS = """
SELECT groupArray(ifNull(concat('x', hex(raw)), '')), groupArray(found) FROM (
    SELECT toString(kb_id) AS raw, count() AS found
    FROM {home:Identifier}.{table:Identifier} WHERE name IN {names:Array(String)} GROUP BY raw
)
"""
_KATOS = "kato"
_ELSEWHERE = ("Replicated", "Shared", "Distributed")
"""How the engines begin of tables that have rows on other servers too."""


class PatternStore:
    """Reads KATO's tables in one ClickHouse database.

    Every method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    Safe to use from several threads.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._asking = clickhouse.asking
        self._database = clickhouse.database
        self._row_counts = RowCounts(clickhouse.asking)
        self._repeats = Repeats(clickhouse.slow)

    def health(self) -> Health:
        """Return version and latency, once KATO's tables were seen to be there, to be read.

        Raises StoreDenied, which names the grants, where no pass is possible.
        """
        from services.stores.clickhouse.looking import lacking

        tables = self._tables("check")
        started = perf_counter()
        (version,) = self._asking.row("check", _HEALTH, {})
        latency = perf_counter() - started
        detail = f"database {self._database}{self._elsewhere}"
        health = Health(STORE, text_of(version), latency, detail, lacking(self._asking, tables))
        reaches = any(table.engine.startswith(_ELSEWHERE) for table in tables)
        if self._asking.cluster is None and not reaches:
            return health
        from services.stores.clickhouse.cluster_health import replicas_of

        replicas, notes = replicas_of(self._asking)
        return replace(health, replicas=replicas, notes=notes)

    @property
    def _elsewhere(self) -> str:
        other = ", but KATO 3.10.1 writes to kato, whatever its own CLICKHOUSE_DB says"
        return "" if self._database == _KATOS else other

    def quick(self) -> PatternReading:
        """Read counts and bytes from the catalogue alone: two queries, no table is touched.

        It is an estimate: a pattern that is stored twice counts twice, and so does what was deleted
        and not merged away. A table that is not partitioned by kb_id is in `total` and in no kb_id.
        """
        tables = self._tables("read the catalogue")
        parts = self._parts("read the catalogue", tables)
        shares = [
            table.shares_of_parts(parts[table.name]) for table in tables if table.by_partition
        ]
        counted = [part for t in tables if t.counted for part in parts[t.name]]
        rows = sum(part.rows for part in parts[PATTERNS])
        return PatternReading(
            usages=roll_up(shares),
            tables=table_infos(tables, parts),
            total=Amount(rows, sum(part.size for part in counted)),
            precision=Precision.EXACT if not counted else Precision.ESTIMATE,
        )

    def read(self, *, last: PatternReading | None = None) -> PatternReading:
        """Read exact counts, bytes on disk, and first and last write of every kb_id.

        A pattern counts once, however many rows of its kb_id have its name.
        Deleted rows do not count, though their bytes do until ClickHouse merges them away.

        With the reading of an earlier pass as `last`, that comes again where every part and table
        is still the same: parts are never changed, only replaced by others, so that whatever is
        written, erased, mutated or merged shows there. Not of a cluster: each question may be
        answered by another replica.
        """
        if self._asking.cluster is not None:
            return self._read()
        state = self._state()
        if last is not None and last.mark is not None and last.mark.state == state:
            return last
        reading = self._read()
        return replace(reading, mark=Mark(state)) if self._state() == state else reading

    def _state(self) -> tuple[str, ...]:
        """Return what is the same as long as every part and table is."""
        parts, tables = self._asking.row("look for writes", _STATE, {})
        return tuple(map(str, (*parts, *tables)))

    def _read(self) -> PatternReading:
        tables = self._tables("read the patterns")
        parts = self._parts("read the patterns", tables)
        shares, repeated = list[Shares](), 0
        for table in tables:
            if table.counted and (found := parts[table.name]):
                rows = self._row_counts.of(table, found)
                if table.name == PATTERNS:
                    rows = self._repeats.told(table, rows, found)
                    repeated = sum(row.repeated for row in rows)
                stored = self._row_counts.stored(table, found, rows)
                by_owner = {row.raw: row.rows for row in stored}
                shares.append(table.shares(found, rows, by_owner))
        return PatternReading(
            usages=roll_up(shares),
            tables=table_infos(tables, parts),
            total=self._total(tables, repeated),
        )

    def holders(self, names: Sequence[str]) -> dict[str | None, int]:
        """Return how many rows of these pattern names each kb_id has, in one query.

        What has no kb_id comes under None.
        """
        bound = {**self._asking.patterns(), "names": Names(names)}
        raws, counts = self._asking.row("find a pattern", _HOLDERS, bound)
        kb_ids = (text_of(bytes.fromhex(text_of(raw)[1:])) if raw else None for raw in raws)
        return dict(zip(kb_ids, counts, strict=True))

    def _tables(self, operation: str) -> tuple[Table, ...]:
        faces = self._asking.faces(operation)
        homes = {self._database, *(home for home, _ in faces.values())}
        told = self._asking.each(operation, _TABLES, {"homes": Names(sorted(homes))})
        found = [[_table(row) for row in rows] for rows in told]
        here = [
            [each for each in tables if each.at[0] == self._database or each.at in faces.values()]
            for tables in found
        ]
        tables = summed_tables(here, faces) if faces or len(here) > 1 else tuple(here[0])
        if not any(table.name == PATTERNS and table.counted for table in tables):
            raise StoreMisconfigured(STORE, operation, self._missing(operation))
        return tables

    def _missing(self, operation: str) -> str:
        (there,) = self._asking.row(operation, _DATABASE, {})
        if not there:
            said = f"there is no database {self._database!r}, or this user may not see it"
        elif self._asking.cluster is None and (beyond := self._beyond()):
            return beyond
        else:
            said = f"database {self._database!r} shows this user no MergeTree table {PATTERNS!r}"
        return said + self._elsewhere

    def _beyond(self) -> str:
        from services.stores.clickhouse.cluster_health import replicas_of

        return "; ".join(replicas_of(self._asking)[1])

    def _parts(self, operation: str, tables: Sequence[Table]) -> dict[str, list[Part]]:
        names = {table.at: table.name for table in tables}
        homes = Names(sorted({home for home, _ in names}))
        told = [
            [
                Part(names[at], *row[2:])
                for row in rows
                if (at := (text_of(row[0]), text_of(row[1]))) in names
            ]
            for rows in self._asking.each(operation, _PARTS, {"homes": homes})
        ]
        parts: dict[str, list[Part]] = defaultdict(list)
        for part in summed_parts(told) if len(told) > 1 else told[0]:
            parts[part.table].append(part)
        return parts

    def _total(self, tables: Sequence[Table], repeated: int) -> Amount:
        counted = [table for table in tables if table.counted]
        if self._asking.cluster is not None:
            (rows,) = self._asking.row("sum up", _COUNT, self._asking.patterns())
            parts = self._parts("sum up", counted)
            return Amount(rows - repeated, sum(p.size for of in parts.values() for p in of))
        names = Names(table.name for table in counted)
        bound = {"table": Identifier(PATTERNS), "tables": names}
        (rows, size) = self._asking.row("sum up", _TOTAL, bound)
        return Amount(rows - repeated, size)


def _table(row: Sequence[Any]) -> Table:
    *texts, rows, size, kb_type, created, updated, named = row
    home, name, engine, key = map(text_of, texts)
    has = created, updated, named
    return Table(name, engine, key, rows, size, text_of(kb_type), *has, at=(home, name))
