"""Alerts, silences and the journal of messages, as `services.alerts.ports.AlertStore` asks.

A look is kept in one transaction with the messages that come of it, and only after the one that
it went on from: what a process that dies had not kept, the next look finds again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from services.alerts.kept import alert_of, alert_text, message_text, silence_of, silence_text
from services.alerts.models import Alert, AlertState, Letter, Message, Sending, Silence
from services.alerts.ports import Change, Open
from services.errors import Problem
from services.stores.records.alert_letters import (
    LETTERS,
    SENDINGS,
    letter_of,
    sending_of,
    unsent,
)
from services.stores.records.alert_tables import ALERT_HEAD, ALERTS, MESSAGES, SILENCES
from services.stores.records.database import Database, batches, reading, writing
from services.stores.records.putting import put_rows

_DOING, _ASKING = "keeping alerts", "reading alerts"

PAST_KEPT = timedelta(days=90)
SENT_KEPT = timedelta(days=7)
"""How long alerts and silences are kept that are over, and messages that were sent or given up."""


class AlertRecords:
    """Keeps alerts. Raises StoreUnavailable when the records do not answer."""

    def __init__(self, engine: Database) -> None:
        self._engine = engine

    def lease(self, owner: str, *, at: datetime, until: datetime) -> bool:
        """Take or prolong the turn to look and to send; False where another process has it."""
        free = or_(
            ALERT_HEAD.c.owner.in_([owner, ""]),
            ALERT_HEAD.c.leased_until < at,
            ALERT_HEAD.c.leased_until > until + timedelta(days=1),  # of a clock that was ahead
        )
        taking = update(ALERT_HEAD).where(free).values(owner=owner, leased_until=until)
        with writing(self._engine, "taking the turn to alert") as connection:
            return connection.execute(taking).rowcount == 1

    def let_go(self, owner: str) -> None:
        """Give up the turn, so that another process need not wait for its end."""
        giving = update(ALERT_HEAD).where(ALERT_HEAD.c.owner == owner)
        with writing(self._engine, "giving up the turn to alert") as connection:
            connection.execute(giving.values(owner="", leased_until=None))

    def open(self, now: datetime) -> Open:
        """Return what the next look goes on from."""
        alive = select(ALERTS.c.text).where(ALERTS.c.settled.is_(False))
        with reading(self._engine, _ASKING) as connection:
            number, at = connection.execute(select(ALERT_HEAD.c.number, ALERT_HEAD.c.at)).one()
            alerts = tuple(map(alert_of, connection.scalars(alive)))
            silences = _silences(connection, after=now)
            again = select(MESSAGES.c.route).where(MESSAGES.c.again.is_(True), unsent())
            saying = frozenset(connection.scalars(again))
        return Open(number, at, alerts, silences, saying)

    def keep(self, change: Change, *, after: int) -> bool:
        """Keep what a look came to; False where another one was kept since that number."""
        moving = update(ALERT_HEAD).where(ALERT_HEAD.c.number == after)
        with writing(self._engine, _DOING) as connection:
            moved = connection.execute(moving.values(number=after + 1, at=change.at))
            if moved.rowcount != 1:
                return False
            _put(connection, change)
            for some in batches(change.forgotten):
                connection.execute(delete(ALERTS).where(ALERTS.c.id.in_(some)))
            for message in change.messages:
                _post(connection, message)
            _drop(connection, change.at)
        return True

    def alerts(self, *, past: int) -> tuple[Alert, ...]:
        """Return those that are not over, and so many of the others, the newest first."""
        over = ALERTS.c.state == AlertState.RESOLVED.value
        alive = select(ALERTS.c.text).where(~over).order_by(ALERTS.c.began.desc(), ALERTS.c.id)
        ended = select(ALERTS.c.text).where(over).order_by(ALERTS.c.ended.desc(), ALERTS.c.id)
        with reading(self._engine, _ASKING) as connection:
            found = [*connection.scalars(alive), *connection.scalars(ended.limit(past))]
        return tuple(map(alert_of, found))

    def looked_at(self) -> datetime | None:
        """Return when the last look was kept; None before the first."""
        with reading(self._engine, _ASKING) as connection:
            at: datetime | None = connection.scalar(select(ALERT_HEAD.c.at))
            return at

    def firing(self) -> tuple[Alert, ...]:
        """Return the alerts that fire."""
        fires = select(ALERTS.c.text).where(
            ALERTS.c.settled.is_(False), ALERTS.c.state == AlertState.FIRING.value
        )
        with reading(self._engine, _ASKING) as connection:
            return tuple(map(alert_of, connection.scalars(fires)))

    def silences(self) -> tuple[Silence, ...]:
        """Return every silence that is kept, the newest first."""
        with reading(self._engine, _ASKING) as connection:
            return _silences(connection)

    def silence(self, silence: Silence) -> None:
        """Keep a silence."""
        row = {
            "id": silence.id, "text": silence_text(silence), "at": silence.at,
            "until": silence.until,
        }  # fmt: skip
        with writing(self._engine, "keeping a silence") as connection:
            connection.execute(insert(SILENCES), row)

    def lift(self, silence_id: str, at: datetime) -> bool:
        """End a silence; False where there is none that holds."""
        ending = update(SILENCES).where(SILENCES.c.id == silence_id, SILENCES.c.until > at)
        with writing(self._engine, "ending a silence") as connection:
            return connection.execute(ending.values(until=at)).rowcount == 1

    def post(self, message: Message) -> None:
        """Put one message into the journal."""
        with writing(self._engine, "journaling a message") as connection:
            _post(connection, message)

    def waiting(self) -> tuple[Letter, ...]:
        """Return what is still to be sent, the oldest first."""
        asked = LETTERS.where(unsent()).order_by(MESSAGES.c.number)
        with reading(self._engine, _ASKING) as connection:
            return tuple(map(letter_of, connection.execute(asked)))

    def letter(self, message_id: str) -> Letter | None:
        """Return one message with how it does."""
        asked = LETTERS.where(MESSAGES.c.id == message_id)
        with reading(self._engine, _ASKING) as connection:
            found = connection.execute(asked).first()
        return None if found is None else letter_of(found)

    def sendings(self, routes: Sequence[str]) -> tuple[Sending, ...]:
        """Return how every message of these routes does, without reading what it says.

        Whether one is a test is told of those alone that were given up.
        """
        asked = SENDINGS.where(MESSAGES.c.route.in_(routes))
        with reading(self._engine, _ASKING) as connection:
            return tuple(map(sending_of, connection.execute(asked)))

    def claim(self, message_id: str, *, at: datetime, until: datetime) -> bool:
        """Take a message that is to be sent, so that nobody else sends it until then."""
        free = or_(MESSAGES.c.claimed_until.is_(None), MESSAGES.c.claimed_until < at)
        taking = update(MESSAGES).where(MESSAGES.c.id == message_id, unsent(), free)
        with writing(self._engine, "taking a message") as connection:
            return connection.execute(taking.values(claimed_until=until)).rowcount == 1

    def sent(self, message_id: str, at: datetime) -> None:
        """Note that a receiver took a message."""
        done = update(MESSAGES).where(MESSAGES.c.id == message_id)
        with writing(self._engine, "noting that a message was sent") as connection:
            connection.execute(done.values(sent_at=at, claimed_until=None, given_up=False))

    def failed(
        self, message_id: str, problem: Problem, at: datetime, *, next_at: datetime | None,
        refused: bool,
    ) -> None:  # fmt: skip
        """Note that a message was not taken, and when it is tried again; None for never."""
        failing = update(MESSAGES).where(MESSAGES.c.id == message_id, MESSAGES.c.sent_at.is_(None))
        values = {
            "tries": MESSAGES.c.tries + 1, "next_at": next_at, "claimed_until": None,
            "failed_at": func.coalesce(MESSAGES.c.failed_at, at), "refused": refused,
            "problem": json.dumps(problem.kept), "given_up": next_at is None,
        }  # fmt: skip
        with writing(self._engine, "noting that a message was not sent") as connection:
            connection.execute(failing.values(values))


def _put(connection: Connection, change: Change) -> None:
    rows = [
        {
            "id": alert.id, "state": alert.state.value, "text": alert_text(alert),
            "began": alert.began, "ended": alert.ended, "settled": alert.id in change.settled,
        }
        for alert in change.alerts
    ]  # fmt: skip
    put_rows(connection, ALERTS, rows)


def _post(connection: Connection, message: Message) -> None:
    row = {
        "id": message.id, "route": message.route, "at": message.at,
        "text": message_text(message), "again": message.again, "tries": 0, "refused": False,
        "problem": "", "given_up": False,
    }  # fmt: skip
    connection.execute(insert(MESSAGES), row)


def _drop(connection: Connection, now: datetime) -> None:
    """Remove what is old; of messages that said nothing new only the last sent one is kept."""
    ended = (ALERTS.c.settled.is_(True), ALERTS.c.ended < now - PAST_KEPT)
    connection.execute(delete(ALERTS).where(*ended))
    connection.execute(delete(SILENCES).where(SILENCES.c.until < now - PAST_KEPT))
    old = MESSAGES.c.at < now - SENT_KEPT
    done = or_(MESSAGES.c.sent_at.is_not(None), MESSAGES.c.given_up.is_(True))
    connection.execute(delete(MESSAGES).where(old, done))
    later = MESSAGES.alias()
    superseded = select(later.c.number).where(
        later.c.route == MESSAGES.c.route, later.c.number > MESSAGES.c.number,
        later.c.sent_at.is_not(None),
    )  # fmt: skip
    repeats = (MESSAGES.c.again.is_(True), MESSAGES.c.sent_at.is_not(None))
    connection.execute(delete(MESSAGES).where(*repeats, superseded.exists()))


def _silences(connection: Connection, *, after: datetime | None = None) -> tuple[Silence, ...]:
    asked = select(SILENCES).order_by(SILENCES.c.at.desc(), SILENCES.c.id)
    if after is not None:
        asked = asked.where(SILENCES.c.until > after)
    return tuple(
        silence_of(row.text, silence_id=row.id, at=row.at, until=row.until)
        for row in connection.execute(asked)
    )
