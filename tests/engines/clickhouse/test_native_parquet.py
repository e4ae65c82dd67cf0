"""Rows of every kind of column as Parquet, without a server."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO

import pandas as pd
import pytest
from clickhouse_connect.driver.client import Client
from pyarrow import parquet

from services.archive.errors import ArchiveError
from services.archive.models import Column, Format, Part
from services.stores.clickhouse.native_parquet import write_parquet

COLUMNS = {
    "text": ("'é' || toString(number)", ["é0", "é1"]),
    "bytes": ("unhex('ff41')", ["\\xffA"] * 2),
    "nested": ("[['a', 'ö'], [toString(number)], []]", [[["a", "ö"], [n], []] for n in "01"]),
    "nested_bytes": ("[[unhex('ff')]]", [[["\\xff"]]] * 2),
    "large": ("18446744073709551615", [2**64 - 1] * 2),
    "maybe": ("if(number = 0, NULL, number)", [None, 1]),
    "low": ("toLowCardinality('z')", ["z"] * 2),
    "at": ("toDateTime(1700000000, 'UTC')", [datetime.fromtimestamp(1_700_000_000, UTC)] * 2),
    "exact": ("[toDateTime64('2024-07-01 12:00:00.123456789', 9, 'UTC')]",
              [[pd.Timestamp("2024-07-01 12:00:00.123456789Z")]] * 2),
    "finer": ("toDateTime64('1969-12-31 23:59:59.1234', 4, 'Europe/Berlin')",
              [datetime(1969, 12, 31, 22, 59, 59, 123_400, UTC)] * 2),
    "twice": ("toDateTime(1729989000 + 3600 * number, 'Europe/Berlin')",
              [datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1)]),
    "tuple": ("(number, 'a', [unhex('ff')], toDateTime64('2024-07-01 12:00:00', 4, 'UTC'))",
              [f'[{n}, "a", ["\\\\xff"], "2024-07-01 12:00:00"]' for n in "01"]),
    "tuples": ("[(number, 'a')]", [['[0, "a"]'], ['[1, "a"]']]),
    "uuids": ("[NULL, toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')]",
              [[None, "61f0c404-5cb3-11e7-907b-a6006ad3dba0"]] * 2),
    "day": ("toDate('2026-01-02')", [date(2026, 1, 2)] * 2),
    "floats": ("[1.5, toFloat64(number)]", [[1.5, 0.0], [1.5, 1.0]]),
    "map": ("map('a', [number])", ['{"a": [0]}', '{"a": [1]}']),
}  # fmt: skip


def test_each_kind_of_column_is_as_it_was(clickhouse: Client) -> None:
    """Also of a chunk with several blocks; what Parquet has not becomes text."""
    asked = ", ".join(f"{what} AS {name}" for name, (what, _) in COLUMNS.items())
    query = f"SELECT {asked} FROM numbers(2)"
    types = clickhouse.query(f"DESCRIBE ({query})").result_rows
    part = Part("clickhouse/x", Format.NATIVE, columns=tuple(Column(t[0], t[1]) for t in types))
    data, out = clickhouse.raw_query(query, fmt="Native"), BytesIO()
    assert write_parquet(part, [data, data + data], out) == 6
    table = parquet.read_table(BytesIO(out.getvalue()))
    assert table.slice(2, 2).to_pydict() == {name: told for name, (_, told) in COLUMNS.items()}
    with pytest.raises(ArchiveError):
        write_parquet(part, [data[:-3]], BytesIO())
