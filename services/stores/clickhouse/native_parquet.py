r"""Rows of an archive, in FORMAT Native, as Parquet: read without any server.

Times are read as the whole numbers that they are, since Python's have no nanoseconds. A type that
Parquet has not becomes text. Text that is not UTF-8 is written with `\xNN` for what is not, since
a reader of Parquet takes a column of text to be UTF-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
from clickhouse_connect.driver.ctypes import RespBuffCls
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform
from pyarrow import parquet

from services.archive.errors import ArchiveError
from services.archive.models import Column, Part

_PLAIN = {
    "Bool": pa.bool_(), "Float32": pa.float32(), "Float64": pa.float64(), "Date": pa.date32(),
    "Date32": pa.date32(), "String": pa.string(),
    **{f"{sign}Int{bits}": getattr(pa, f"{sign.lower()}int{bits}")()
       for sign in ("", "U") for bits in (8, 16, 32, 64)},
}  # fmt: skip
_INSIDE = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_THROUGH = ("Nullable", "LowCardinality")
_UNITS = ((0, "s"), (3, "ms"), (6, "us"), (9, "ns"))
_TIMES_AS_NUMBERS = {"DateTime": "int"}  # and DateTime64
_PRECISION = re.compile(r"DateTime64\((\d)")


class _Source:
    """One chunk, as the driver reads a response."""

    def __init__(self, content: bytes) -> None:
        self.gen = iter([content])
        self.exception_tag = None

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A column; `finer` is by how much Parquet's unit of its times is finer, 0 for no times."""

    name: str
    type: pa.DataType
    finer: int


def _kind(column: Column) -> _Kind:
    kind = inside = _type(column.type)
    while pa.types.is_list(inside):
        inside = inside.value_type
    finer = _finer(column.type) if pa.types.is_timestamp(inside) else 0
    return _Kind(column.name, kind, finer)


def write_parquet(part: Part, chunks: Iterable[bytes], to: BinaryIO) -> int:
    """Write the rows of a part as one Parquet file, a row group a chunk; return how many.

    Raises ArchiveError where they cannot be read.
    """
    kinds = [_kind(each) for each in part.columns]
    schema = pa.schema([(each.name, each.type) for each in kinds])
    rows = 0
    with parquet.ParquetWriter(to, schema) as writer:
        for chunk in chunks:
            try:
                blocks = [_table(columns, kinds, schema) for columns in _blocks(chunk, kinds)]
            except (ClickHouseError, pa.ArrowException, ValueError, TypeError) as exc:
                raise ArchiveError(f"the rows of {part.name} cannot be read as Parquet") from exc
            table = pa.concat_tables(blocks) if blocks else schema.empty_table()
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _blocks(chunk: bytes, kinds: Sequence[_Kind]) -> Iterator[Sequence[Sequence[Any]]]:
    times = {each.name: _TIMES_AS_NUMBERS for each in kinds if each.finer}
    context = QueryContext(query_formats={"String": "bytes"}, column_formats={**times})
    source = RespBuffCls(_Source(chunk))  # type: ignore[no-untyped-call]
    result = NativeTransform.parse_response(source, context)
    with result.column_block_stream as stream:  # type: ignore[union-attr]  # without numpy
        yield from stream


def _table(columns: Sequence[Sequence[Any]], kinds: Sequence[_Kind], schema: pa.Schema) -> pa.Table:
    arrays = [_array(list(values), kind) for values, kind in zip(columns, kinds, strict=True)]
    return pa.table(arrays, schema=schema)


def _array(values: list[Any], kind: _Kind) -> pa.Array:
    if kind.finer > 1:
        values = [_times(value, kind.finer) for value in values]
    raw = _raw(kind.type)
    if raw == kind.type:
        return pa.array(values, raw)
    try:
        return pa.array(values, raw).cast(kind.type)
    except (pa.ArrowException, TypeError):  # not UTF-8, or no text
        return pa.array([_text(value, kind.type) for value in values], kind.type)


def _times(value: Any, finer: int) -> Any:
    """Write a time in the finer unit that Parquet has of it."""
    if isinstance(value, int):
        return value * finer
    return value if value is None else [_times(each, finer) for each in value]


def _raw(kind: pa.DataType) -> pa.DataType:
    """Return a type with bytes for its texts."""
    if pa.types.is_list(kind):
        return pa.list_(_raw(kind.value_type))
    return pa.binary() if kind == pa.string() else kind


def _text(value: Any, kind: pa.DataType) -> Any:
    """Write a value, or each of a list of them, as text."""
    if value is None or isinstance(value, str):
        return value
    if pa.types.is_list(kind):
        return [_text(each, kind.value_type) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    is_many = isinstance(value, list | tuple | dict)
    return json.dumps(_told(value)) if is_many else str(value)


def _told(value: Any) -> Any:
    """Return what JSON has of a map, or a tuple."""
    if isinstance(value, dict):
        return {_text(name, pa.string()): _told(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    return value if isinstance(value, int | float) else _text(value, pa.string())


def _type(written: str) -> pa.DataType:
    """Return the type of a column by ClickHouse's name of it; text for one that is not known."""
    if written in _PLAIN:
        return _PLAIN[written]
    inside = _INSIDE.fullmatch(written)
    name, of = inside.groups() if inside else (written, "")
    if name in _THROUGH:
        return _type(of)
    if name == "Array":
        return pa.list_(_type(of))
    if name == "DateTime":
        return pa.timestamp("s", tz="UTC")
    unit = next((unit for digits, unit in _UNITS if digits >= _digits(written)), "")
    return pa.timestamp(unit, tz="UTC") if name == "DateTime64" else pa.string()


def _digits(written: str) -> int:
    """Return how many digits of a second the times have that stand in a type."""
    found = _PRECISION.search(written)
    return int(found[1]) if found else 0


def _finer(written: str) -> int:
    """Return by how much Parquet's unit of a time is finer than ClickHouse's."""
    digits = _digits(written)
    factor: int = 10 ** (next(each for each, _ in _UNITS if each >= digits) - digits)
    return factor
