"""What is asked of the place where the past is kept; adapters answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.history.changes import Change, Present
from services.history.columns import FleetRows
from services.history.models import Grain, Holder
from services.history.rollup import Look
from services.history.rows import Looks, Row


@dataclass(frozen=True, slots=True)
class Head:
    """How far the past is kept: how many snapshots, the last one's second, until when rolled up.

    It is another one whenever anybody has recorded or rolled up something.
    """

    number: int
    last: int
    rolled: Mapping[Grain, int]


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A past that was not recorded but made up, for sample data: as it would have been kept."""

    rows: Mapping[Grain, Mapping[int, Mapping[Holder, Row]]]
    looks: Sequence[tuple[str, Look]]
    head: Head


class HistoryStore(Protocol):
    """Keeps usage over time. Times are seconds since the epoch. Raises StoreUnavailable."""

    def head(self) -> Head:
        """Return how far the past is kept."""

    def present(self) -> tuple[Head, Present]:
        """Return what is known last, and how far that is."""

    def add(self, change: Change, at: int, *, after: Head) -> Head | None:
        """Add what a snapshot changed, and return the new head; None where it is not `after`."""

    def roll_up(
        self, grain: Grain, rows: Mapping[int, Mapping[Holder, Row]], until: int, *, after: Head
    ) -> Head | None:
        """Keep the rows of spans, by their start, and that all is rolled up until then.

        Returns as `add` does.
        """

    def changed(self, began: int, ended: int) -> Mapping[Holder, Mapping[int, Row]]:
        """Return each holder's figures since each second of a span in which they changed."""

    def spans(self, grain: Grain, began: int, ended: int, wanted: frozenset[str]) -> FleetRows:
        """Return all rows that begin in this time, of some quantities."""

    def newest(self, at: int, wanted: frozenset[str]) -> FleetRows:
        """Return every holder's newest row that ends before a second, of some quantities."""

    def before(
        self, at: int, holders: frozenset[Holder] | None = None, *, quantity: str | None = None
    ) -> Mapping[Holder, Row]:
        """Return the newest row that ends before a second: of these holders, or of all.

        Where one quantity is named, rows have that alone.
        """

    def rows(
        self, holder: Holder, grain: Grain, began: int, ended: int, *, quantity: str | None = None
    ) -> Mapping[int, Row]:
        """Return one holder's rows of a grain that begin in this time, by their start.

        Where one quantity is named, rows have that alone.
        """

    def looks(self, began: int, ended: int) -> Looks:
        """Return when each quantity was known in this time, the oldest first."""

    def drop(self, *, changes: int, hours: int, days: int) -> None:
        """Remove what is older than these seconds; not what tells a holder's figures last."""
