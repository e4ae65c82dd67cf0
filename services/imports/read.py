"""Rows out of a file of JSON Lines, CSV or Parquet, one after the other: memory stays flat."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import IO, Any

from services.imports.models import LONGEST_ROW, MOST_ROWS, Form, ImportRefused, Refused, Why
from services.spreadsheet import MARK, UTF_16, as_written

Row = tuple[int, Mapping[str, object]]
_BATCH = 1_000
_BLOCK = 1 << 20


def rows(file: IO[bytes], form: Form) -> Iterator[Row | Refused]:
    """Yield each row with its number, or why it cannot be read.

    Raises ImportRefused for a file that is none as a whole, or has too many rows.
    """
    found = {Form.JSONL: _json_lines, Form.CSV: _csv, Form.PARQUET: _parquet}[form](file)
    yield from islice(found, MOST_ROWS)
    if next(found, None) is not None:
        raise ImportRefused(f"the file has more than {MOST_ROWS:,} rows")


def form_of(name: str) -> Form | None:
    """Return how a file is written, by the end of its name; None where that does not say."""
    ends = {
        ".jsonl": Form.JSONL, ".ndjson": Form.JSONL, ".json": Form.JSONL, ".csv": Form.CSV,
        ".parquet": Form.PARQUET,
    }  # fmt: skip
    return next((form for end, form in ends.items() if name.lower().endswith(end)), None)


def _json_lines(file: IO[bytes]) -> Iterator[Row | Refused]:
    number = 0
    while line := file.readline(LONGEST_ROW + 1):
        if number == 0 and line.startswith(UTF_16):
            raise ImportRefused("the file is in UTF-16: save it as UTF-8")
        if len(line) > LONGEST_ROW and not line.endswith(b"\n"):
            number += 1
            _skip_line(file)
            yield Refused(number, Why.TOO_LONG)
        elif line.strip():
            number += 1
            yield _json_row(number, line)


def _skip_line(file: IO[bytes]) -> None:
    while (piece := file.readline(_BLOCK)) and not piece.endswith(b"\n"):
        pass


def _json_row(number: int, line: bytes) -> Row | Refused:
    try:
        value = json.loads(line.decode().removeprefix(MARK), parse_constant=_no_number)
    except UnicodeDecodeError:
        return Refused(number, Why.NOT_UTF8)
    except (ValueError, RecursionError):
        return Refused(number, Why.UNREADABLE, "not JSON")
    if not isinstance(value, dict):
        return Refused(number, Why.UNREADABLE, "no JSON object")
    return number, value


def _no_number(_: str) -> object:
    raise ValueError  # NaN and Infinity are no JSON


def _csv(file: IO[bytes]) -> Iterator[Row | Refused]:
    text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")
    csv.field_size_limit(LONGEST_ROW)
    try:
        yield from _csv_rows(text)
    except csv.Error:
        raise ImportRefused("the file cannot be read as CSV") from None
    finally:
        text.detach()


def _csv_rows(text: io.TextIOWrapper) -> Iterator[Row | Refused]:
    reader = csv.reader(text)
    columns = [name.removeprefix(MARK).strip() for name in next(reader, [])]
    if not any(columns) or len(set(columns)) < len(columns):
        raise ImportRefused("its first line has to name the columns, each once")
    number = 0
    for cells in reader:
        if not any(cells):
            continue
        number += 1
        if len(cells) != len(columns):
            yield Refused(number, Why.UNREADABLE, f"{len(cells)} of {len(columns)} cells")
        elif not all(map(_is_utf8, cells)):
            yield Refused(number, Why.NOT_UTF8)
        else:
            named = zip(columns, map(as_written, cells), strict=True)
            yield number, {name: cell for name, cell in named if cell != ""}


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _parquet(file: IO[bytes]) -> Iterator[Row | Refused]:
    import pyarrow as pa  # noqa: PLC0415 - takes a quarter of a second, and few files are such
    from pyarrow import parquet  # noqa: PLC0415

    try:
        found = parquet.ParquetFile(file)
        number = 0
        for batch in found.iter_batches(batch_size=_BATCH):
            for row in batch.to_pylist():
                number += 1
                yield _parquet_row(number, row)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise ImportRefused("the file cannot be read as Parquet") from None


def _parquet_row(number: int, row: Mapping[str, Any]) -> Row | Refused:
    try:
        return number, {
            name: _plain(value) for name, value in row.items() if value is not None
        }  # fmt: skip
    except UnicodeDecodeError:
        return Refused(number, Why.NOT_UTF8)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value
