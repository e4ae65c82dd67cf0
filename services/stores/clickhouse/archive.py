"""What an archive takes of ClickHouse: the rows of a surface, of every table that names it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from clickhouse_connect.driver.binding import quote_identifier

from services.archive.models import CHUNK_BYTES, Column, Format, Part, Piece, Print
from services.errors import StoreRejected, StoreUnavailable
from services.purge.models import Surface
from services.stores.clickhouse.connect import STORE
from services.stores.clickhouse.native_blocks import (
    NO_HASH,
    ROW_HASH,
    Chunk,
    Frame,
    NotWhole,
    Sums,
    TooLarge,
    chunks_of,
)
from services.stores.clickhouse.owner_columns import Place
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.surface import PatternSurface
from services.stores.clickhouse.table_state import state_of
from services.stores.faults import DROPPED
from services.tenancy.layout import text_of

_READING = "reading rows"
_COLUMNS = """
SELECT groupArray((name, type)) FROM (
    SELECT name, type FROM system.columns
    WHERE database = {database:String} AND table = {name:String}
      AND default_kind NOT IN ('MATERIALIZED', 'ALIAS', 'EPHEMERAL')
    ORDER BY position
)
"""
_ABOUT = """
SELECT sorting_key, engine_full FROM system.tables
WHERE database = {database:String} AND name = {name:String}
"""
_FROM = " FROM {home:Identifier}.{table:Identifier} WHERE "
_PRINT = """
SELECT count(), sum(reinterpretAsUInt64(substring(__h, 1, 8))),
       sum(reinterpretAsUInt64(substring(__h, 9, 8))) FROM (SELECT %s AS __h%s)
"""
_HASHED = "sums modulo 2**64 of both halves, little endian, of " + ROW_HASH % "columns"
_BLOCKS = {
    "max_block_size": 8192,
    "preferred_block_size_bytes": 1024 * 1024,
    "output_format_native_write_json_as_string": 1,
}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a surface in one table: by which column they are told, and what is read."""

    place: Place
    columns: tuple[Column, ...]
    sorting_key: str
    engine_full: str

    @property
    def part(self) -> Part:
        """What an archive says of it."""
        table = self.place.table
        return Part(
            _named(self.place), Format.NATIVE, columns=self.columns,
            description={
                "database": table.database, "table": table.face or table.name,
                "here": table.here or bool(table.face),
                "engine": table.engine, "engine_full": self.engine_full,
                "partition_key": table.partition_key, "sorting_key": self.sorting_key,
                "told_by": self.place.column.name, "names": self.place.kind.value,
                "hashed": [each.name for each in self.hashed], "fingerprint": _HASHED,
                "fed_by": list(table.fed_by),
            },
        )  # fmt: skip

    @property
    def hashed(self) -> tuple[Column, ...]:
        """The columns that the fingerprint is over."""
        return tuple(each for each in self.columns if not each.type.startswith(NO_HASH))


class PatternArchive:
    """Reads one ClickHouse. Every method raises StoreError."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._asking, self._slow = clickhouse.asking, clickhouse.slow

    def read(self, surface: Surface) -> Iterator[Piece]:
        """Yield the rows of the surface, table by table, as they arrive."""
        there = PatternSurface(self._asking, surface)
        for place in self._places(there):
            state = state_of(self._asking, place, there.bound(place))
            yield from self._read(there, self._rows(place), state)

    def prints(
        self, surface: Surface, known: Mapping[str, Print] | None = None
    ) -> Mapping[str, Print]:
        """Return how many rows each table has of the surface, and their fingerprint.

        Of a table that was not written to since what is `known` of it, no row is read.
        """
        there, before = PatternSurface(self._asking, surface), known or {}
        return {
            (name := _named(place)): self._print(there, place, before.get(name))
            for place in self._places(there)
        }

    def _places(self, there: PatternSurface) -> Iterator[Place]:
        for place in there.catalogue().places:
            if place.column.condition and there.names_in(place):
                yield place

    def _rows(self, place: Place) -> Rows:
        table = place.table
        bound = {"database": table.database, "name": table.name}
        (columns,) = self._asking.row(_READING, _COLUMNS, bound)
        sorting, full = self._asking.row(_READING, _ABOUT, bound)
        named = tuple(Column(text_of(name), text_of(kind)) for name, kind in columns)
        return Rows(place, named, text_of(sorting), text_of(full))

    def _read(self, there: PatternSurface, rows: Rows, state: str) -> Iterator[Piece]:
        frame, sums, part = Frame(), Sums(), rows.part
        hashed, named = _listed(rows.hashed), _listed(rows.columns)
        query = (
            f"SELECT {ROW_HASH % hashed} AS {frame.hash}, {named}, "
            f"toUInt8(0) AS {frame.end}{_FROM}{rows.place.column.condition}"
        )
        data = self._slow.raw(
            _READING, query, there.bound(rows.place), form="Native", settings=_BLOCKS
        )
        for chunk in _chunks(data, frame, sums):
            yield Piece(part, chunk.content, chunk.rows)
        yield Piece(part, fingerprint=sums.fingerprint, state=state)

    def _print(self, there: PatternSurface, place: Place, known: Print | None) -> Print:
        bound = there.bound(place)
        if known and known.state and known.state == state_of(self._asking, place, bound):
            return known
        source = _FROM + place.column.condition
        query = _PRINT % (ROW_HASH % _listed(self._rows(place).hashed), source)
        count, low, high = self._slow.row(_READING, query, bound)
        return Print(count, Sums(count, low, high).fingerprint)


def _named(place: Place) -> str:
    return f"clickhouse/{place.table.label}"


def _chunks(data: Iterable[bytes], frame: Frame, sums: Sums) -> Iterator[Chunk]:
    try:
        yield from chunks_of(data, frame, sums, most=CHUNK_BYTES)
    except NotWhole:
        raise StoreUnavailable(STORE, _READING, DROPPED) from None
    except TooLarge:
        raise StoreRejected(STORE, _READING, "rows are larger than a chunk of 16 MiB") from None


def _listed(columns: Iterable[Column]) -> str:
    return ", ".join(quote_identifier(each.name) for each in columns)
