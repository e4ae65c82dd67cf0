"""The rows of each kb_id, counted anew only in parts that are not as they were, and repeats.

To count rows takes a look into every part, a third of a millisecond each. A fleet of 50,000 kb_ids
has that many, and between two passes few of them are written to.

KATO before 3.10.1 could store a name of a kb_id twice. Counting different names costs ten times as
much as counting rows, so what was counted is kept likewise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from services.stores.clickhouse.connect import PATTERNS, Identifier, Names
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.tables import Part, Rows, Table
from services.tenancy.layout import text_of

ROWS_AT_ONCE = 2_000_000
"""Rows whose names one query compares: it holds a hash of each in memory."""
_KB_IDS_AT_ONCE = 1_000

_REPEATED = """
SELECT toString(kb_id) AS raw, count() - uniqExact(name) AS more
FROM {home:Identifier}.{table:Identifier} WHERE kb_id IN {kb_ids:Array(String)}
GROUP BY raw HAVING more > 0
"""
_COUNTS = "toString(kb_id) AS raw, count()"
_WRITES = """,
       toUnixTimestamp(min(created_at)),
       toUnixTimestamp(greatest(max(created_at), max({updated:Identifier})))"""
_FROM = " FROM {home:Identifier}.{table:Identifier}"
_SOME = " WHERE kb_id IN {kb_ids:Array(String)}"
_BY_KB_ID = " GROUP BY raw"
_MASK = "apply_deleted_mask"


class RowCounts:
    """Counts the rows of each kb_id of a table. Raises as `Asking.rows`.

    Where a partition is a kb_id, what was counted is kept for as long as its parts are the same:
    parts are never changed, only replaced by others. Of a cluster nothing is kept: its parts are
    told by one replica, and rows may be read from another.
    """

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._kept: dict[str, dict[bytes, tuple[int, Rows | None]]] = {}

    def of(self, table: Table, parts: Sequence[Part]) -> list[Rows]:
        """Return the rows of each kb_id, with its writes where the table tells them.

        `parts` are those of before: what is written since is counted, and counted anew next time.
        """
        if not table.by_partition or self._asking.cluster is not None:
            return self._ask(table)
        states = {part.raw: part.state for part in parts}
        before = self._kept.get(table.name, {})
        kept = {raw: told for raw, told in before.items() if states.get(raw) == told[0]}
        new = states.keys() - kept.keys()
        some = None if 2 * len(new) > len(states) else new
        found = self._ask(table, some) if new else []
        by_raw = {row.raw: row for row in found}
        self._kept[table.name] = kept | {raw: (states[raw], by_raw.get(raw)) for raw in new}
        if some is None:
            return found
        return [*(row for _, row in kept.values() if row is not None), *found]

    def stored(self, table: Table, parts: Sequence[Part], rows: Sequence[Rows]) -> Sequence[Rows]:
        """Return the rows by which bytes are to be divided, deleted ones too where that is allowed.

        Who may not set this is given the same rows once more.
        """
        if table.by_partition or not any(part.deleted for part in parts):
            return rows
        query = "SELECT " + _COUNTS + _FROM + _BY_KB_ID
        found = self._asking.rows("count the rows", query, table.bound, settings={_MASK: 0})
        return [Rows(*row) for row in found]

    def _ask(self, table: Table, kb_ids: Collection[bytes] | None = None) -> list[Rows]:
        dated = table.name == PATTERNS and table.has_created
        query = "SELECT " + _COUNTS + (_WRITES if dated else "") + _FROM
        bound: dict[str, object] = {
            **table.bound,
            "updated": Identifier("updated_at" if table.has_updated else "created_at"),
        }
        if kb_ids is not None:
            query += _SOME
            bound["kb_ids"] = Names(map(text_of, kb_ids))
        found = self._asking.rows("count the rows", query + _BY_KB_ID, bound)
        return [Rows(*row) for row in found]


class Repeats:
    """Counts the repeated rows of each kb_id of one table; safe to use from several threads."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._kept: dict[bytes, tuple[int, int]] = {}

    def told(self, table: Table, rows: Sequence[Rows], parts: Sequence[Part]) -> list[Rows]:
        """Return the rows of each kb_id with how many of them repeat another.

        `parts` are those of before the rows were counted. Raises as `Asking.rows`.
        """
        if not table.names_patterns:
            return list(rows)
        states = _states(table, rows, parts)
        kept = self._kept if self._asking.cluster is None else {}
        found = {raw: told for raw, told in kept.items() if states.get(raw) == told[0]}
        new = states.keys() - found.keys()
        for some in _portions([row for row in rows if row.raw in new]):
            names = [row.raw for row in some if row.raw is not None]
            more = self._ask(table, names)
            found |= {raw: (states[raw], more.get(raw, 0)) for raw in names}
            self._kept = dict(found)
        repeated = {raw: more for raw, (_, more) in found.items() if more}
        return [
            row._replace(repeated=repeated[row.raw]) if row.raw in repeated else row for row in rows
        ]

    def _ask(self, table: Table, raws: Iterable[bytes]) -> dict[bytes, int]:
        bound = {**table.bound, "kb_ids": Names(map(text_of, raws))}
        rows = self._asking.rows("count what is stored twice", _REPEATED, bound)
        return {row[0]: row[1] for row in rows}


def _states(
    table: Table, rows: Iterable[Rows], parts: Iterable[Part]
) -> dict[bytes, int]:  # fmt: skip
    """Return for each kb_id a number that is another one once any part with rows of it is."""
    if table.by_partition:
        of_parts = {part.raw: part.state for part in parts}
        return {row.raw: of_parts.get(row.raw, 0) for row in rows if row.raw is not None}
    whole = hash(frozenset((part.raw, part.state) for part in parts))
    return {row.raw: whole for row in rows if row.raw is not None}


def _portions(rows: Iterable[Rows]) -> Iterator[list[Rows]]:
    """Yield the rows so many at a time that one query can compare their names."""
    some, count = list[Rows](), 0
    for row in rows:
        some.append(row)
        count += row.rows
        if len(some) >= _KB_IDS_AT_ONCE or count >= ROWS_AT_ONCE:
            yield some
            some, count = [], 0
    if some:
        yield some
