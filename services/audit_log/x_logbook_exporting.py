"""The audit log as files: JSON lines that can be verified again, and CSV for spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from services.audit_log.formats import line_of
from services.audit_log.models import Entry
from services.usage.formats import neutral

COLUMNS = (
    "number", "at", "who", "role", "action", "tenants", "target", "outcome", "reason", "request",
    "digest", "hash",
)  # fmt: skip


def json_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Write one line of JSON an entry: all of it, with its hash and that of the one before."""
    for entry in entries:
        yield line_of(entry) + "\n"


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Write one line an entry after a header: no cell is a formula, and every byte is visible."""
    yield _row(COLUMNS)
    for entry in entries:
        yield _row(map(_cell, _values(entry)))


def seen(text: str) -> str:
    """Return a text in which nothing can break a line or a terminal."""
    if text.isprintable() and "\\" not in text:
        return text
    return text.encode("unicode_escape", "surrogatepass").decode("ascii")


def _values(entry: Entry) -> tuple[str, ...]:
    event = entry.event
    return (
        str(entry.number), event.at.isoformat(timespec="microseconds"), event.who, event.role,
        event.action, ", ".join(event.tenants), event.target, event.outcome.value, event.reason,
        event.request_id, event.digest, entry.hash,
    )  # fmt: skip


def _cell(text: str) -> str:
    return neutral(seen(text))


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
