r"""Rows of an archive, in FORMAT Native, as Parquet: read without any server.

A type that Parquet has not becomes text. Text that is not UTF-8 is written with `\xNN` for what
is not, since a reader of Parquet takes a column of text to be UTF-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
from clickhouse_connect.driver.ctypes import RespBuffCls
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform
from pyarrow import parquet

from services.archive.errors import ArchiveError
from services.archive.models import Part

_PLAIN = {
    "Bool": pa.bool_(), "Float32": pa.float32(), "Float64": pa.float64(), "Date": pa.date32(),
    "Date32": pa.date32(), "String": pa.string(),
    **{f"{sign}Int{bits}": getattr(pa, f"{sign.lower()}int{bits}")()
       for sign in ("", "U") for bits in (8, 16, 32, 64)},
}  # fmt: skip
_INSIDE = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_THROUGH = ("Nullable", "LowCardinality")


class _Source:
    """One chunk, as the driver reads a response."""

    def __init__(self, content: bytes) -> None:
        self.gen = iter([content])
        self.exception_tag = None

    def close(self) -> None:
        """Nothing is open."""


def write_parquet(part: Part, chunks: Iterable[bytes], to: BinaryIO) -> int:
    """Write the rows of a part as one Parquet file, a row group a chunk; return how many.

    Raises ArchiveError where they cannot be read.
    """
    schema = pa.schema([(each.name, _type(each.type)) for each in part.columns])
    rows = 0
    with parquet.ParquetWriter(to, schema) as writer:
        for chunk in chunks:
            try:
                blocks = [_table(columns, schema) for columns in _blocks(chunk)]
            except (ClickHouseError, pa.ArrowException, ValueError, TypeError) as exc:
                raise ArchiveError(f"the rows of {part.name} cannot be read as Parquet") from exc
            table = pa.concat_tables(blocks) if blocks else schema.empty_table()
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _blocks(chunk: bytes) -> Iterator[Sequence[Sequence[Any]]]:
    context = QueryContext(query_formats={"String": "bytes"})
    source = RespBuffCls(_Source(chunk))  # type: ignore[no-untyped-call]
    result = NativeTransform.parse_response(source, context)
    with result.column_block_stream as stream:  # type: ignore[union-attr]  # without numpy
        yield from stream


def _table(columns: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    arrays = [
        _array(list(values), field.type) for values, field in zip(columns, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    raw = _raw(kind)
    if raw == kind:
        return pa.array(values, kind)
    try:
        return pa.array(values, raw).cast(kind)
    except (pa.ArrowException, TypeError):  # not UTF-8, or no text
        return pa.array([_text(value) for value in values], kind)


def _raw(kind: pa.DataType) -> pa.DataType:
    """Return a type with bytes for its texts."""
    if pa.types.is_list(kind):
        return pa.list_(_raw(kind.value_type))
    return pa.binary() if kind == pa.string() else kind


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list | tuple):
        return [_text(each) for each in value]
    if isinstance(value, dict):
        told = {_text(name): each if isinstance(each, int | float) else _text(each)
                for name, each in value.items()}  # fmt: skip
        return json.dumps(told)
    return value if value is None else str(value)


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
    return pa.timestamp("s", tz="UTC") if name == "DateTime" else pa.string()
