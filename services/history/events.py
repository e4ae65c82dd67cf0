"""What happened to the fleet or to a tenant, as it is seen when it does: marks of charts. Pure.

What somebody did is in the audit log, and what an audit found in its findings; here is what
happens without either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class EventKind(StrEnum):
    """What it was."""

    KATO_STARTED = "kato_started"
    LIMIT_NEAR = "limit_near"
    LIMIT_OVER = "limit_over"
    LIMIT_LEFT = "limit_left"  # neither near nor over any more: it came back, or the limit went


@dataclass(frozen=True, slots=True)
class Event:
    """One that happened at `at`; of a limit with its tenant, as `kind/id`, its quantity and height.

    Without a tenant it is of the whole deployment.
    """

    at: datetime
    kind: EventKind
    tenant: str = ""
    quantity: str = ""
    most: int | None = None


class EventBook(Protocol):
    """Keeps them, for five years. Every method raises StoreUnavailable."""

    def add(self, events: Sequence[Event]) -> None:
        """Add some, in this order; one that is there already stays as it is."""

    def last(self, kind: EventKind) -> datetime | None:
        """Return when one of a kind happened last."""

    def between(
        self, since: datetime, until: datetime, *, tenant: str, most: int
    ) -> tuple[Event, ...]:
        """Return the newest of a time, the oldest first: a tenant's and the deployment's.

        Without a tenant, everybody's.
        """
