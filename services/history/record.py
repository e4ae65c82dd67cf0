"""Records what each snapshot changed, and rolls it up once an hour and a day have ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta

from services.history.changes import Present, change_of
from services.history.models import ROLLED, Grain, second
from services.history.ports import Head, HistoryStore
from services.history.rows import rolled
from services.usage.snapshot import Snapshot

CHANGES_KEPT = 2 * Grain.DAY.seconds
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is rolled up is kept."""

    hours: timedelta
    days: timedelta


class HistoryRecorder:
    """Records snapshots, one after the other; several dashboards may into one place.

    After `gap` without a snapshot nobody has looked meanwhile: figures are unknown then.
    """

    def __init__(self, store: HistoryStore, *, gap: timedelta, retention: Retention) -> None:
        self._store, self._gap, self._retention = store, int(gap.total_seconds()), retention
        self._known: tuple[Head, Present] | None = None
        self._lock = threading.Lock()

    def follow(self, snapshot: Snapshot) -> None:
        """Record a snapshot, unless figures of it are still worked out or a later one is there.

        Raises StoreUnavailable; what was not recorded is with the next one.
        """
        if not snapshot.settled:
            return
        with self._lock:
            at = second(snapshot.collected_at)
            head = self._record(snapshot, at)
            if head is not None and Grain.HOUR.start(at) > head.rolled[Grain.HOUR]:
                self._roll_up(at)
                self._drop(at)

    def _record(self, snapshot: Snapshot, at: int) -> Head | None:
        for _ in range(_TRIES):
            head, present = self._now()
            if at <= head.last:
                return None  # of another dashboard, or the clock went back
            change = change_of(snapshot, present, at, gap=self._gap)
            recorded = self._store.add(change, at, after=head)
            if recorded is not None:
                self._known = recorded, change.after(present)
                return recorded
            self._known = None
        return None

    def _now(self) -> tuple[Head, Present]:
        if self._known is None or self._known[0] != self._store.head():
            self._known = self._store.present()
        return self._known

    def _roll_up(self, at: int) -> None:
        """Roll up every span that has ended and is not, unless another dashboard does."""
        for grain in ROLLED:
            head, present = self._now()
            began, until = head.rolled[grain], grain.start(at)
            changes = self._store.changed(began, until)
            before = self._store.before(began, frozenset(changes))
            rows = rolled(changes, self._store.looks(began, until), grain.seconds, before)
            done = self._store.roll_up(grain, rows, until, after=head)
            self._known = None if done is None else (done, present)

    def _drop(self, at: int) -> None:
        kept, rolled_to = self._retention, self._now()[0].rolled
        self._store.drop(
            changes=min(at - CHANGES_KEPT, rolled_to[Grain.DAY]),
            hours=min(at - int(kept.hours.total_seconds()), rolled_to[Grain.DAY]),
            days=at - int(kept.days.total_seconds()),
        )
