"""Messages of the journal as rows."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from services.alerts.kept import message_of
from services.alerts.models import Letter
from services.errors import Problem
from services.stores.records.alert_tables import MESSAGES

LETTERS = select(
    MESSAGES.c.number, MESSAGES.c.id, MESSAGES.c.route, MESSAGES.c.at, MESSAGES.c.text,
    MESSAGES.c.again, MESSAGES.c.tries, MESSAGES.c.next_at, MESSAGES.c.failed_at,
    MESSAGES.c.refused, MESSAGES.c.problem, MESSAGES.c.sent_at, MESSAGES.c.given_up,
)  # fmt: skip
"""Every message, with the columns that a letter has."""


def unsent() -> ColumnElement[bool]:
    """Return what holds for a message that is still to be sent."""
    return and_(MESSAGES.c.sent_at.is_(None), MESSAGES.c.given_up.is_(False))


def letter_of(row: Any) -> Letter:
    """Read a row of `LETTERS`, which has more columns than its type can say."""
    message = message_of(row.text, message_id=row.id, route=row.route, at=row.at, again=row.again)
    problem = Problem.of_kept(json.loads(row.problem)) if row.problem else None
    return Letter(
        message, row.number, row.tries, row.next_at, row.failed_at, problem, row.refused,
        row.sent_at, row.given_up,
    )  # fmt: skip
