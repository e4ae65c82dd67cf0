"""What is asked of the place where cards are kept; adapters answer it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from services.cards.models import Card, Doing, Edit, Held, Hold
from services.tenancy.kb_ids import TenantKey

Doings = Mapping[TenantKey, tuple[Doing, ...]]
"""What is being done with which tenants, or was done and lasts, as parking."""


class HoldRecords(Protocol):
    """What tells which tenants are on hold."""

    def holds(self) -> tuple[Held, ...]:
        """Return every legal hold there is now, read anew. Raises StoreUnavailable."""


class CardRecords(HoldRecords, Protocol):
    """Keeps cards. Every method raises StoreUnavailable."""

    def version(self) -> int:
        """Return a number that is another one whenever a card changed, by anybody."""

    def cards(self) -> tuple[Card, ...]:
        """Return every card on which anything stands."""

    def change(self, edits: Collection[Edit], *, by: str, at: datetime) -> None:
        """Change cards, all or none, each as it is at that moment."""

    def hold(self, tenants: Collection[TenantKey], hold: Hold) -> None:
        """Put tenants on hold, all or none; a hold that is there stays as it is."""

    def lift(self, tenants: Collection[TenantKey], *, by: str, at: datetime) -> None:
        """Lift the holds of tenants."""
