"""Writes node_ids as CSV or JSON Lines, so that `read` reads the same back. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from services.names.models import Exported, Format
from services.names.read import COLUMNS, NODE_ID, SINCE, TENANT
from services.spreadsheet import told_apart
from services.tenancy.layout import bytes_of


def written(names: Iterable[Exported], kind: Format) -> Iterator[bytes]:
    """Yield the lines of a file, each with its end."""
    return (_csv if kind is Format.CSV else _jsonl)(names)


def _jsonl(names: Iterable[Exported]) -> Iterator[bytes]:
    for name in names:
        line = {NODE_ID: name.node_id, TENANT: str(name.tenant), SINCE: _stamp(name.since)}
        yield json.dumps(line).encode("ascii") + b"\n"


def _csv(names: Iterable[Exported]) -> Iterator[bytes]:
    """In UTF-8, but for a node_id that is not: its bytes are written as they are."""
    yield _row(COLUMNS)
    for name in names:
        cells = (told_apart(name.node_id), told_apart(str(name.tenant)), _stamp(name.since))
        yield _row(cells)


def _row(cells: Iterable[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)
    return bytes_of(out.getvalue())


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
