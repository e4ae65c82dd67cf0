"""Messages of the journal as rows."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, and_, case, select

from services.alerts.kept import is_test, message_of
from services.alerts.models import Letter, Sending
from services.errors import Problem
from services.stores.records.alert_tables import MESSAGES

LETTERS = select(
    MESSAGES.c.number, MESSAGES.c.id, MESSAGES.c.route, MESSAGES.c.at, MESSAGES.c.text,
    MESSAGES.c.again, MESSAGES.c.tries, MESSAGES.c.next_at, MESSAGES.c.failed_at,
    MESSAGES.c.refused, MESSAGES.c.problem, MESSAGES.c.sent_at, MESSAGES.c.given_up,
)  # fmt: skip
"""Every message, with the columns that a letter has."""


SENDINGS = select(
    MESSAGES.c.route, MESSAGES.c.number, MESSAGES.c.sent_at, MESSAGES.c.failed_at,
    MESSAGES.c.problem, MESSAGES.c.given_up,
    case((MESSAGES.c.given_up.is_(True), MESSAGES.c.text)).label("text"),
)  # fmt: skip
"""How every message does; the text of those alone that were given up."""


def unsent() -> ColumnElement[bool]:
    """Return what holds for a message that is still to be sent."""
    return and_(MESSAGES.c.sent_at.is_(None), MESSAGES.c.given_up.is_(False))


def letter_of(row: Any) -> Letter:
    """Read a row of `LETTERS`, which has more columns than its type can say."""
    message = message_of(row.text, message_id=row.id, route=row.route, at=row.at, again=row.again)
    return Letter(
        message, row.number, row.tries, row.next_at, row.failed_at, _problem(row.problem),
        row.refused, row.sent_at, row.given_up,
    )  # fmt: skip


def sending_of(row: Any) -> Sending:
    """Read a row of `SENDINGS`."""
    return Sending(
        row.route, row.number, row.sent_at, row.failed_at, _problem(row.problem), row.given_up,
        test=row.text is not None and is_test(row.text),
    )  # fmt: skip


def _problem(text: str) -> Problem | None:
    return Problem.of_kept(json.loads(text)) if text else None
