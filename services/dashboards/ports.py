"""What dashboards of one deployment tell one another, over their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

from services.dashboards.models import Turn
from services.dashboards.published import Published
from services.health.models import Dashboards


class Book(Protocol):
    """Keeps who collects and what that came to. Every method raises StoreUnavailable.

    What is written in `fenced` raises TurnLost where another one collects by now.
    """

    def beat(self, *, holds: int | None, lasts: timedelta) -> Turn:
        """Say that this dashboard is there; prolong its turn, or take one that is free.

        `holds` is the number of the turn that it has. One that is read only takes no turn while
        another one is there that is not, and gives its own up to it.
        """

    def leave(self, *, holds: int | None) -> None:
        """Say that it ends, and give up its turn."""

    def fenced(self, number: int) -> AbstractContextManager[None]:
        """Have everything that this thread writes in the block fail, once the turn is lost."""

    def want(self, *, audit: bool = False) -> None:
        """Ask whoever collects for new figures, or for an audit."""

    def turn(self) -> Turn:
        """Return who collects, and how far that is."""

    def begin(self) -> int:
        """Note that a round begins, and return its number. Of who collects."""

    def publish(self, found: Published) -> int:
        """Put a snapshot in place of the last, and return its number. Of who collects."""

    def end(self, round_number: int, *, audits: int) -> None:
        """Note that a round has ended, and which audits were served. Of who collects."""

    def take(self, known: Sequence[str]) -> tuple[bytes, Mapping[str, bytes]] | None:
        """Return the head of what was published, and the parts by digest that are not known.

        None where nothing was.
        """

    def standing(self) -> Dashboards:
        """Return who is there, and who collects."""
