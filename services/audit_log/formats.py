"""The audit log as files: lines of JSON, and CSV. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.audit_log.models import Entry
from services.audit_log.texts import line_of
from services.spreadsheet import csv_text, neutral
from services.visible import visible

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


def _values(entry: Entry) -> tuple[str, ...]:
    event = entry.event
    return (
        str(entry.number), event.at.isoformat(timespec="microseconds"), event.who, event.role,
        event.action, ", ".join(event.tenants), event.target, event.outcome.value, event.reason,
        event.request_id, event.digest, entry.hash,
    )  # fmt: skip


def _cell(text: str) -> str:
    return neutral(visible(text))


def _row(cells: Iterable[str]) -> str:
    return csv_text([cells])
