"""What ClickHouse holds of some kb_ids: every table with a kb_id column, by its exact names.

Reads only. Every question is answered with exactly one row, so that an answer without a body is
never taken for "nothing there".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.errors import StoreMisconfigured
from services.names import text_of
from services.stores.clickhouse import NOT_CLICKHOUSE, STORE, Identifier
from services.stores.clickhouse_asking import Asking, Names
from services.stores.pattern_tables import PATTERNS

_TEXT_TYPES = ("String", "LowCardinality(String)")
_ONLY_SHOW = frozenset({
    "View", "MaterializedView", "LiveView", "WindowView", "Merge", "Dictionary", "Null", "Alias",
})  # fmt: skip
"""Engines without rows of their own: what they show is in another table."""

_TABLES = """
SELECT groupArray((name, engine, partition_key, type)) FROM (
    SELECT t.name AS name, t.engine AS engine, t.partition_key AS partition_key, c.type AS type
    FROM system.tables AS t
    INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
    WHERE t.database = {db:String} AND c.database = {db:String} AND c.name = 'kb_id'
    ORDER BY name
)
"""
_PARTITIONS = """
SELECT groupArray((table, partition, id, parts, found, size)) FROM (
    SELECT table, partition, partition_id AS id, count() AS parts, sum(rows) AS found,
           sum(bytes_on_disk) AS size
    FROM system.parts
    WHERE database = {db:String} AND active AND rows > 0 AND partition IN {kb_ids:Array(String)}
    GROUP BY table, partition, id
)
"""
_WHOLE = """
SELECT groupArray((table, parts, size, masked)) FROM (
    SELECT table, count() AS parts, formatReadableSize(sum(bytes_on_disk)) AS size,
           max(has_lightweight_delete) AS masked
    FROM system.parts WHERE database = {db:String} AND active GROUP BY table
)
"""
_DETACHED = """
SELECT groupArray((table, id, parts)) FROM (
    SELECT table, ifNull(partition_id, '') AS id, count() AS parts
    FROM system.detached_parts WHERE database = {db:String} GROUP BY table, id
)
"""
_IDS = """
SELECT groupArray((kb, id)) FROM (
    SELECT arrayJoin({kb_ids:Array(String)}) AS kb, partitionId(kb) AS id
)
"""
_ROWS = """
SELECT groupArray((kb, found)) FROM (
    SELECT toString(kb_id) AS kb, count() AS found FROM {home:Identifier}.{table:Identifier}
    WHERE kb_id IN {kb_ids:Array(String)} GROUP BY kb
)
"""
_ROWS_OF_ANY_TYPE = """
SELECT groupArray((kb, found)) FROM (
    SELECT ifNull(toString(kb_id), '') AS kb, count() AS found
    FROM {home:Identifier}.{table:Identifier}
    WHERE ifNull(toString(kb_id), '') IN {kb_ids:Array(String)} GROUP BY kb
)
"""
_LOOKING = "looking for what is to be erased"


@dataclass(frozen=True, slots=True)
class Holder:
    """A table with a kb_id column; `kb_type` is that column's type."""

    name: str
    engine: str
    partition_key: str
    kb_type: str

    @property
    def only_shows(self) -> bool:
        """Whether its rows are another table's."""
        return self.engine in _ONLY_SHOW

    @property
    def obstacle(self) -> str:
        """Why no row can be erased from it; empty when they can."""
        if not self.engine.endswith("MergeTree"):
            return f"the engine {self.engine} does not erase rows"
        if self.kb_type not in _TEXT_TYPES:
            return f"its kb_id is a {self.kb_type}, which is not compared with text here"
        return ""

    @property
    def by_partition(self) -> bool:
        """Whether each of its partitions is one kb_id."""
        return not self.obstacle and self.partition_key == "kb_id"


@dataclass(frozen=True, slots=True)
class Partition:
    """The active parts of one kb_id in one table; `size` in bytes, deleted rows counted."""

    table: str
    kb_id: str
    id: str
    parts: int
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Whole:
    """All active parts of a table; `size` in words. `masked`: some rows are only marked deleted."""

    parts: int
    size: str
    masked: bool


@dataclass(frozen=True, slots=True)
class Detached:
    """Detached parts of one partition of one table; `id` is empty where their name has none."""

    table: str
    id: str
    parts: int


class PatternSurface:
    """Asks one ClickHouse what there is of these kb_ids. Every method raises StoreError."""

    def __init__(self, asking: Asking, kb_ids: Iterable[str]) -> None:
        self._asking = asking
        self.kb_ids = tuple(sorted(kb_ids))
        self.bound: Mapping[str, Any] = {"kb_ids": Names(self.kb_ids)}

    def holders(self) -> tuple[Holder, ...]:
        """Return every table with a kb_id. Raises StoreMisconfigured where KATO's is not there."""
        found = tuple(Holder(*map(text_of, row)) for row in self._found(_TABLES))
        if not any(each.name == PATTERNS and not each.obstacle for each in found):
            reason = f"the database shows this user no MergeTree table {PATTERNS!r}"
            raise StoreMisconfigured(STORE, _LOOKING, reason)
        return found

    def partitions(self) -> list[Partition]:
        """Return what each table has under a partition whose text is one of the kb_ids."""
        return [
            Partition(text_of(table), text_of(raw), text_of(at), parts, rows, size)
            for table, raw, at, parts, rows, size in self._found(_PARTITIONS)
        ]

    def wholes(self) -> dict[str, Whole]:
        """Return every table's parts."""
        return {
            text_of(table): Whole(parts, text_of(size), bool(masked))
            for table, parts, size, masked in self._found(_WHOLE)
        }

    def detached(self) -> list[Detached]:
        """Return every table's detached parts."""
        return [Detached(text_of(t), text_of(at), n) for t, at, n in self._found(_DETACHED)]

    def partition_ids(self) -> dict[str, str]:
        """Return the kb_id of each partition id that one of the kb_ids has or would have."""
        return {text_of(at): text_of(kb) for kb, at in self._found(_IDS)} if self.kb_ids else {}

    def rows(self, holder: Holder, *, masked: bool = False) -> dict[str, int]:
        """Count a table's rows of each kb_id, with `masked` those too that are marked deleted."""
        found = self._found(
            _ROWS_OF_ANY_TYPE if holder.obstacle else _ROWS,
            settings={"apply_deleted_mask": 0} if masked else None,
            table=Identifier(holder.name),
        )
        return {text_of(kb): count for kb, count in found}

    def _found(
        self, query: str, *, settings: Mapping[str, Any] | None = None, **bound: object
    ) -> Sequence[Sequence[Any]]:
        rows = self._asking.rows(_LOOKING, query, {**self.bound, **bound}, settings=settings)
        if len(rows) != 1:
            raise StoreMisconfigured(STORE, _LOOKING, NOT_CLICKHOUSE)
        found: Sequence[Sequence[Any]] = rows[0][0]
        return found
