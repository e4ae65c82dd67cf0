"""The whole journal of messages, which nothing but a test reads at once."""

from __future__ import annotations

from sqlalchemy import Engine

from services.alerts.models import Letter
from services.stores.records.alert_letters import LETTERS, letter_of
from services.stores.records.alert_tables import MESSAGES


def letters(engine: Engine, route: str) -> list[Letter]:
    """Return every message of a route that is kept, the oldest first."""
    asked = LETTERS.where(MESSAGES.c.route == route).order_by(MESSAGES.c.number)
    with engine.connect() as connection:
        return list(map(letter_of, connection.execute(asked)))
