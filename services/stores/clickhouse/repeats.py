"""Rows that repeat a pattern: KATO before 3.10.1 could store a name of a kb_id twice.

Counting different names costs ten times as much as counting rows. So what was counted is kept for
as long as the parts are the same that it was counted in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from services.stores.clickhouse.connect import Names
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
