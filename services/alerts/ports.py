"""What alerts ask of this product's own records, and of whoever is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.alerts.models import Alert, Letter, Message, Sending, Silence
from services.errors import Problem


@dataclass(frozen=True, slots=True)
class Open:
    """What is not over or not told yet, the silences that hold, and how many looks were kept.

    `at` is when somebody last looked, None before the first time. `saying_again` are the routes to
    whom a message that says nothing new is still to be sent.
    """

    number: int
    at: datetime | None
    alerts: tuple[Alert, ...]
    silences: tuple[Silence, ...]
    saying_again: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """What one look comes to: kept whole, or not at all.

    `alerts` are those that changed; `settled` the ids of those that are not looked at any more.
    """

    at: datetime
    alerts: tuple[Alert, ...]
    settled: frozenset[str]
    forgotten: tuple[str, ...]
    messages: tuple[Message, ...]


class AlertStore(Protocol):
    """Alerts, silences and the journal of messages. Every method raises StoreUnavailable."""

    def lease(self, owner: str, *, at: datetime, until: datetime) -> bool:
        """Take or prolong the turn to look and to send; False where another process has it."""

    def let_go(self, owner: str) -> None:
        """Give up the turn, so that another process need not wait for its end."""

    def open(self, now: datetime) -> Open:
        """Return what the next look goes on from."""

    def keep(self, change: Change, *, after: int) -> bool:
        """Keep what a look came to; False where another one was kept since that number."""

    def post(self, message: Message) -> None:
        """Put one message into the journal."""

    def waiting(self) -> tuple[Letter, ...]:
        """Return what is still to be sent, the oldest first."""

    def letter(self, message_id: str) -> Letter | None:
        """Return one message with how it does."""

    def claim(self, message_id: str, *, at: datetime, until: datetime) -> bool:
        """Take a message that is to be sent, so that nobody else sends it until then."""

    def sent(self, message_id: str, at: datetime) -> None:
        """Note that a receiver took a message."""

    def failed(
        self, message_id: str, problem: Problem, at: datetime, *, next_at: datetime | None,
        refused: bool,
    ) -> None:  # fmt: skip
        """Note that a message was not taken, and when it is tried again; None for never."""

    def alerts(self, *, past: int) -> tuple[Alert, ...]:
        """Return those that are not over, and so many of the others, the newest first."""

    def silences(self) -> tuple[Silence, ...]:
        """Return every silence that is kept, the newest first."""

    def silence(self, silence: Silence) -> None:
        """Keep a silence."""

    def lift(self, silence_id: str, at: datetime) -> bool:
        """End a silence; False where there is none that holds."""

    def sendings(self, routes: Sequence[str]) -> tuple[Sending, ...]:
        """Return how every message of these routes does, without reading what it says.

        Whether one is a test is told of those alone that were given up.
        """

    def looked_at(self) -> datetime | None:
        """Return when the last look was kept; None before the first."""

    def firing(self) -> tuple[Alert, ...]:
        """Return the alerts that fire."""


class Receiver(Protocol):
    """Somebody who is told."""

    def send(self, message: Message) -> None:
        """Hand a message over. Raises StoreError, which repeats no address.

        StoreRejected and StoreDenied are of a receiver that answered, and would not have it.
        """

    def close(self) -> None:
        """Let go of its connections."""
