"""Cards as lines of CSV. Pure.

What `csv_of` writes, `read` reads back the same, whatever a tenant is called. Holds are written
and not read: one is set and lifted by itself, with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime

from services.cards.csv_file import Form, Refused, read_file, written
from services.cards.labels import contact_of, labels_of, name_of, notes_of, words_of
from services.cards.models import Card, CardError, Edit
from services.errors import NamingError
from services.spreadsheet import as_written, told_apart
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import bytes_of

TENANT, LABELS = "tenant", "labels"
TEXTS: Mapping[str, Callable[[str], str]] = {
    "name": name_of, "contact": contact_of, "notes": notes_of,
}  # fmt: skip
COLUMNS = (TENANT, "name", "contact", LABELS, "notes", "hold", "hold_since", "by", "at")
"""What an export has; an import needs the first, and one at least of the four behind it."""

LONGEST_FILE = 20_000_000
"""Bytes of a file that is imported."""


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
    return written(COLUMNS, lines)


def read(data: bytes) -> tuple[Edit | Refused, ...]:
    """Read a file of cards, each line by itself; of two for one tenant the second is refused.

    A column that is not there stays as it is on every card, an empty cell empties it. Raises
    CardError for a file that is none as a whole.
    """
    return read_file(data, _FORM)


def _lacks(columns: Collection[str]) -> str:
    enough = TENANT in columns and {*TEXTS, LABELS}.intersection(columns)
    return "" if enough else "the column tenant, and name, contact, labels or notes"


def _edit(cells: Mapping[str, str]) -> Edit:
    line = {name: as_written(cell) for name, cell in cells.items()}
    name, contact, notes = (
        parse(line[column]) if column in line else None for column, parse in TEXTS.items()
    )
    tenant = tenant_of(line[TENANT])
    if LABELS not in line:
        return Edit(tenant, name, contact, notes)
    return Edit(tenant, name, contact, notes, labels=dict(labels_of(line[LABELS])), only=True)


_FORM = Form(
    CardError, LONGEST_FILE, _lacks, _edit, lambda edit: edit.tenant,
    "there is one for the same tenant above",
)  # fmt: skip
