"""Cards as lines of CSV. Pure.

What `csv_of` writes, `read` reads back the same, whatever a tenant is called. Holds are written
and not read: one is set and lifted by itself, with a reason.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest

from services.cards.errors import CardError
from services.cards.labels import contact_of, labels_of, name_of, notes_of, words_of
from services.cards.models import Card, Edit
from services.errors import NamingError
from services.spreadsheet import MARK, UTF_16, as_written, csv_lines, told_apart
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import bytes_of, text_of

TENANT, LABELS = "tenant", "labels"
TEXTS: Mapping[str, Callable[[str], str]] = {
    "name": name_of, "contact": contact_of, "notes": notes_of,
}  # fmt: skip
COLUMNS = (TENANT, "name", "contact", LABELS, "notes", "hold", "hold_since", "by", "at")
"""What an export has; an import needs the first, and one at least of the four behind it."""

LONGEST_FILE = 20_000_000
"""Bytes of a file that is imported."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is no card, and why."""

    number: int
    why: str


def stamp(at: datetime | None) -> str | None:
    """Write a time in UTC, to the second, as `2026-01-31T12:00:00Z`."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def tenant_of(text: str) -> TenantKey:
    """Read whose card it is. Raises CardError."""
    try:
        return TenantKey.parse(text)
    except NamingError as exc:
        raise CardError(str(exc)) from None


def csv_of(cards: Iterable[Card]) -> bytes:
    """Return cards as CSV in UTF-8, but for a name that is not: its bytes are as they are."""
    lines = (
        (
            told_apart(str(card.tenant)), told_apart(card.name), told_apart(card.contact),
            words_of(card.labels), told_apart(card.notes),
            told_apart(card.hold.reason or "on hold") if card.hold else "",
            stamp(card.hold.since) if card.hold else "", told_apart(card.by), stamp(card.at),
        )
        for card in sorted(cards, key=lambda card: bytes_of(str(card.tenant)))
    )  # fmt: skip
    out = io.StringIO(newline="")
    csv.writer(out).writerows((COLUMNS, *lines))
    return bytes_of(out.getvalue())


def read(data: bytes) -> tuple[Edit | Refused, ...]:
    """Read a file of cards, each line by itself; of two for one tenant the second is refused.

    A column that is not there stays as it is on every card, an empty cell empties it. Raises
    CardError for a file that is none as a whole.
    """
    if len(data) > LONGEST_FILE:
        raise CardError(f"the file is longer than {LONGEST_FILE:,} bytes")
    if data.startswith(UTF_16):
        raise CardError("the file is in UTF-16: save it as UTF-8")
    try:
        rows = list(csv_lines(text_of(data).removeprefix(MARK)))
    except csv.Error:
        raise CardError("the file cannot be read as CSV") from None
    columns = [name.strip() for name in rows[0]] if rows else []
    if TENANT not in columns or not {*TEXTS, LABELS}.intersection(columns):
        raise CardError("its first line has to name the column tenant, and name, contact, labels "
                        "or notes")  # fmt: skip
    return tuple(_once(_lines(columns, rows[1:])))


def _lines(columns: list[str], rows: list[list[str]]) -> Iterator[tuple[int, Edit | Refused]]:
    for number, cells in enumerate(rows, start=2):
        if not any(cells):
            continue
        line = dict(zip_longest(columns, cells, fillvalue=""))
        try:
            yield number, _edit({name: as_written(cell) for name, cell in line.items()})
        except CardError as exc:
            yield number, Refused(number, str(exc))


def _edit(line: Mapping[str, str]) -> Edit:
    name, contact, notes = (
        parse(line[column]) if column in line else None for column, parse in TEXTS.items()
    )
    tenant = tenant_of(line[TENANT])
    if LABELS not in line:
        return Edit(tenant, name, contact, notes)
    return Edit(tenant, name, contact, notes, labels=dict(labels_of(line[LABELS])), only=True)


def _once(lines: Iterator[tuple[int, Edit | Refused]]) -> Iterator[Edit | Refused]:
    seen = set()
    for number, line in lines:
        if isinstance(line, Edit) and line.tenant in seen:
            yield Refused(number, "there is one for the same tenant above")
            continue
        if isinstance(line, Edit):
            seen.add(line.tenant)
        yield line
