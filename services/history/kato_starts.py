"""Notes when KATO was started anew, by how long its processes say that they have run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from services.history.events import Event, EventBook, EventKind
from services.usage.snapshot import Snapshot

EVERY = timedelta(minutes=5)
"""How often KATO is asked: it tells since when it runs, so that no start is missed for that."""

APART = timedelta(minutes=1)
"""Workers of one KATO begin within this: two starts that are closer are one."""


class KatoStarts:
    """Follows snapshots.

    `began` tells when the longest running process of KATO began, None where none says so. One
    worker that was replaced is no start: all that answer have to be younger than the last look.
    """

    def __init__(
        self, book: EventBook, began: Callable[[], datetime | None], *,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._book, self._began, self._now = book, began, now
        self._looked: datetime | None = None

    def follow(self, snapshot: Snapshot) -> None:
        """Ask KATO, where it answered this pass, and note a start. Raises StoreUnavailable."""
        looked, now = self._looked, self._now()
        if snapshot.kato_problem is not None or (looked and looked <= now < looked + EVERY):
            return
        began = self._began()
        if began is None:
            return
        if looked is None or began > looked:
            last = self._book.last(EventKind.KATO_STARTED)
            if last is None or began > last + APART:
                self._book.add([Event(began, EventKind.KATO_STARTED)])
        self._looked = now
