"""Patterns of one tenant: a page at a time from ClickHouse, and one pattern's content.

Reads only. Every query names its kb_ids exactly, so that ClickHouse opens their partitions and no
other. A page costs about the same wherever it is: it begins after the last row of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from services.browse.models import (
    PatternContent,
    PatternCursor,
    PatternPage,
    PatternQuery,
    PatternRow,
    PatternSort,
    ReadCost,
)
from services.stores.clickhouse import page_query as pattern_query
from services.stores.clickhouse.connect import Names, hexed
from services.stores.clickhouse.query import ClickHouse
from services.tenancy.layout import text_of

EVENTS, SYMBOLS, SYMBOL_BYTES = 200, 100, 400
"""Of one pattern so many events are read, of each so many symbols, of each so many bytes."""

_VECTOR = "VCTR|"
_WHOLE = """
SELECT sum(rows) AS n, count() AS parts FROM system.parts
WHERE database = {at:String} AND table = {of:String} AND active
"""
_THEIRS = """
SELECT sum(rows) AS n, count() AS parts FROM system.parts
WHERE database = {at:String} AND table = {of:String} AND active
  AND (partition IN {kb_ids:Array(String)}
       OR (SELECT partition_key FROM system.tables
           WHERE database = {at:String} AND name = {of:String}) != 'kb_id')
"""
_CONTENT = """
SELECT {columns}, length(pattern_data) AS whole,
       arrayMap(
           event -> arrayMap(
               symbol -> substring(symbol, 1, {bytes:UInt32}),
               arraySlice(event, 1, {symbols:UInt32})
           ),
           arraySlice(pattern_data, 1, {events:UInt32})
       ) AS content,
       arrayExists(e -> length(e) > {symbols:UInt32}, pattern_data)
       OR arrayExists(e -> arrayExists(s -> length(s) > {bytes:UInt32}, e), pattern_data) AS cut,
       arraySlice(
           arrayFilter(s -> startsWith(s, {vector:String}), token_set), 1, {symbols:UInt32}
       ) AS vectors
{found} AND name = unhex({wanted:String})
LIMIT 1
"""


class PatternPages:
    """Reads pages of patterns from one ClickHouse database; safe to use from several threads.

    Every method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._asking = clickhouse.asking
        self._clustered = self._asking.cluster is not None

    def page(self, query: PatternQuery) -> PatternPage:
        """Read one page sorted by date or length, without frequencies, and what it cost.

        A row that stands several times in the table, alike in every column, may be shown once.
        """
        sql, bound = pattern_query.page(query), self._bound(query)
        rows = [_row(row) for row in self._asking.rows("read a page of patterns", sql, bound)]
        return self.assemble(rows, query)

    def assemble(self, rows: Sequence[PatternRow], query: PatternQuery) -> PatternPage:
        """Make a page of rows that were sorted elsewhere, one more than its limit where there is.

        What it cost is asked for here.
        """
        shown = tuple(rows[: query.limit])
        more = len(rows) > query.limit
        following = _cursor(shown[-1], query.sort) if more else None
        return PatternPage(shown, following, self.cost(query))

    def cost(self, query: PatternQuery) -> ReadCost:
        """Return the rows and parts that a query reads at most, by EXPLAIN ESTIMATE.

        Which on a cluster says nothing of other servers: there by the partitions that it names.
        """
        if self._clustered:
            return ReadCost(*self._parts(_THEIRS, kb_ids=Names(query.kb_ids)), *self._whole())
        sql = "EXPLAIN ESTIMATE SELECT name AS n" + pattern_query.found(query)
        read = self._asking.rows("estimate a query", sql, self._bound(query))
        (_, _, parts, rows, *_) = read[0] if read else (b"", b"", 0, 0)
        return ReadCost(rows, parts, *self._whole())

    def _whole(self) -> Sequence[int]:
        """Return rows and parts of the table: that a row came is how a silent proxy is told."""
        return self._parts(_WHOLE)

    def _parts(self, query: str, **more: Any) -> Sequence[int]:
        at = self._asking.patterns()
        bound = {"at": str(at["home"]), "of": str(at["table"]), **more}
        told = self._asking.each("read the catalogue", query, bound, one=True)
        return [sum(figures) for figures in zip(*(rows[0] for rows in told), strict=True)]

    def _bound(self, query: PatternQuery) -> dict[str, Any]:
        return {**pattern_query.bindings(query), **self._asking.patterns()}

    def every(self, query: PatternQuery) -> Iterator[Columns]:
        """Yield all that a query matches, in blocks and in no order, whatever its limit."""
        sql = "SELECT " + pattern_query.COLUMNS + pattern_query.found(query)
        bound = self._bound(query)
        yield from map(Columns, self._asking.blocks("read the patterns", sql, bound))

    def content(self, kb_id: str, name: str) -> PatternContent | None:
        """Return one pattern's events, or None when it is not there.

        Of a large one only the beginning is read: `EVENTS` events of `SYMBOLS` symbols of
        `SYMBOL_BYTES` bytes.
        """
        sql = _CONTENT.replace("{columns}", pattern_query.COLUMNS)
        bound = {
            "kb_ids": Names([kb_id]),
            **self._asking.patterns(),
            "wanted": hexed(name),
            "events": EVENTS,
            "symbols": SYMBOLS,
            "bytes": SYMBOL_BYTES,
            "vector": _VECTOR,
        }
        rows = self._asking.rows(
            "read a pattern", sql.replace("{found}", pattern_query.FROM), bound
        )
        if not rows:
            self._whole()
        return _content(rows[0]) if rows else None


class Columns:
    """One block of rows, column by column: a row is made only of those that are wanted."""

    def __init__(self, columns: Sequence[Sequence[Any]]) -> None:
        self.kb_ids, self.names, *_ = columns
        self._columns = columns

    def row(self, at: int, frequency: int | None) -> PatternRow:
        """Return one row with its frequency."""
        return _row([column[at] for column in self._columns], frequency)


def _cursor(row: PatternRow, sort: PatternSort) -> PatternCursor:
    match sort:
        case PatternSort.FREQUENT:
            value = -1 if row.frequency is None else row.frequency
        case PatternSort.LONGEST | PatternSort.SHORTEST:
            value = row.length
        case _:
            value = int(row.created_at.timestamp())
    return PatternCursor(value, row.name, row.kb_id)


def _row(row: Sequence[Any], frequency: int | None = None) -> PatternRow:
    kb, name, length, tokens, created, updated = row
    times = (datetime.fromtimestamp(created, UTC), datetime.fromtimestamp(updated, UTC))
    return PatternRow(text_of(kb), text_of(name), length, tokens, *times, frequency)


def _content(row: Sequence[Any]) -> PatternContent:
    *columns, whole, events, cut, vectors = row
    return PatternContent(
        row=_row(columns),
        events=tuple(tuple(text_of(symbol) for symbol in event) for event in events),
        event_count=whole,
        cut=bool(cut) or whole > EVENTS,
        vector_names=tuple(text_of(name) for name in vectors),
    )
