"""Reads a file of node_ids: text, CSV or JSON Lines. Pure.

Names are bytes of strangers: what `write` writes comes back the same, whatever it holds.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from services.errors import NamesError
from services.names.models import Format, Line, Refused
from services.spreadsheet import MARK, UTF_16, Reader, as_written, csv_lines
from services.tenancy.layout import bytes_of, text_of

NODE_ID, TENANT, SINCE = "node_id", "tenant", "since"
COLUMNS = (NODE_ID, TENANT, SINCE)

_HEADER = "its first line has to name the columns: node_id, and where wanted tenant and since"

Read = Line | Refused


def read(data: bytes, kind: Format | None = None) -> tuple[Read, ...]:
    """Read every line of a file. Without `kind` it is told by how the file begins.

    Raises NamesError for a file that is none of these as a whole.
    """
    if data.startswith(UTF_16):
        raise NamesError("the file is in UTF-16: save it as UTF-8")
    text = text_of(data).removeprefix(MARK)
    return tuple(_READERS[kind or kind_of(text)](text))


def kind_of(text: str) -> Format:
    """Tell what a file is by its first line that is not blank."""
    first = next((line for line in text.split("\n", 9) if line.strip()), "").strip()
    if first.startswith("{"):
        return Format.JSONL
    names = {name.strip(' "') for name in first.replace(";", ",").split(",")}
    return Format.CSV if NODE_ID in names else Format.TEXT


def _read_text(text: str) -> Iterator[Read]:
    for number, line in enumerate(text.split("\n"), start=1):
        node_id = line.removesuffix("\r")
        if node_id:
            yield _line(number, {NODE_ID: node_id})


def _read_jsonl(text: str) -> Iterator[Read]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            yield Refused(number, "it is not JSON")
            continue
        if isinstance(found, dict):
            yield _line(number, found)
        else:
            yield Refused(number, "it is not a JSON object")


def _read_csv(text: str) -> Iterator[Read]:
    columns: list[str] | None = None
    for number, cells in _rows(csv_lines(text)):
        if columns is None:
            columns = [name.strip() for name in cells or ()]
            if NODE_ID not in columns:
                raise NamesError(_HEADER)
        elif cells is None:
            yield Refused(number, "it cannot be read as CSV")
        elif len(cells) == len(columns):
            yield _line(number, dict(zip(columns, map(as_written, cells), strict=True)))
        elif cells:
            yield Refused(number, f"it has {len(cells)} columns, and the first line {len(columns)}")


def _rows(lines: Reader) -> Iterator[tuple[int, list[str] | None]]:
    """Yield every row with the number of its first line; None for one that cannot be read."""
    while True:
        number = lines.line_num + 1
        try:
            yield number, next(lines)
        except StopIteration:
            return
        except csv.Error:
            yield number, None


def _line(number: int, found: Mapping[str, object]) -> Read:
    node_id, tenant, since = found.get(NODE_ID), found.get(TENANT), found.get(SINCE)
    if not isinstance(node_id, str) or not node_id:
        return Refused(number, "it names no node_id")
    if not isinstance(tenant or "", str):
        return Refused(number, "its tenant is no text")
    try:
        at = _time(since)
    except (ValueError, OverflowError):
        return Refused(number, "its since is no time like 2026-01-31 or 2026-01-31T12:00:00Z")
    return Line(number, text_of(bytes_of(node_id)), str(tenant or ""), at)


def _time(written: object) -> datetime | None:
    """Read a time; one without a zone is in UTC. Raises ValueError and OverflowError."""
    if written is None or written == "":
        return None
    if not isinstance(written, str):
        raise ValueError(written)  # noqa: TRY004  a line of a file, and no argument
    return _moment(written)


@lru_cache(maxsize=1000)
def _moment(written: str) -> datetime:
    """Read a text, most often that of the line before."""
    at = datetime.fromisoformat(written.strip())
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


_READERS = {Format.TEXT: _read_text, Format.CSV: _read_csv, Format.JSONL: _read_jsonl}
