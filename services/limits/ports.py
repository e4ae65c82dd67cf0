"""What is asked of the place where limits are kept; adapters answer it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from services.cards.scope import Scope
from services.limits.models import Crossed, Kept

Held = Mapping[tuple[str, str], Crossed]
"""Who was near or over at the last look: by the tenant as `kind/id` and the quantity."""


class LimitRecords(Protocol):
    """Keeps rules, and who is near or over. Every method raises StoreUnavailable."""

    def version(self) -> int:
        """Return a number that is another one whenever anything here changed, by anybody."""

    def rules(self) -> tuple[Kept, ...]:
        """Return every rule."""

    def change(self, put: Collection[Kept], removed: Collection[tuple[Scope, str]]) -> None:
        """Set rules, in place of those of the same key, and remove others, all or none."""

    def held(self) -> Held:
        """Return who was near or over at the last look."""

    def hold(self, changed: Mapping[tuple[str, str], Crossed | None], *, at: datetime) -> None:
        """Note who came to be near or over, and who is that no longer (None).

        It is an event at this moment for each whose state is another one than before.
        """
