"""The collector of one dashboard of several: it collects in its turn, and else shows what is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from services.dashboards.place import Place
from services.dashboards.ports import Book
from services.dashboards.published import CannotShare, Publisher, Reader, shifted
from services.errors import KatoTenantsError, Problem, StoreError, TurnLost
from services.usage.collect import UsageService
from services.usage.refresh import Collector, CollectorState
from services.usage.snapshot import Snapshot

logger = logging.getLogger(__name__)


class SharedCollector(Collector):
    """Refreshes while it has the turn, and else takes what the one that has it published.

    Snapshots have the times of the database's clock, which is `ahead` of this host's: `shown` has
    this host's. `then` is called with each snapshot that was read here, `seen` with each that
    another dashboard read; `audit` has the next one that is read here audited. What cannot be
    taken is read here, and nothing of it is written.
    """

    def __init__(
        self, usage: UsageService, book: Book, *, interval: float, version: str,
        then: Callable[[Snapshot], object], seen: Callable[[Snapshot], object],
        audit: Callable[[], None], ahead: Callable[[], timedelta],
    ) -> None:  # fmt: skip
        super().__init__(usage, interval=interval, then=then)
        self._book, self._seen, self._audit, self._ahead = book, seen, audit, ahead
        self._place = Place(book, news=self._wanted.set)
        self._publisher, self._reader = Publisher(version=version), Reader()
        self._published = 0  # what was taken last
        self._served = -1  # how often somebody had asked when the last round began
        self._led: int | None = None
        self._next = 0.0
        self._asked = False
        self._shown: tuple[CollectorState, CollectorState] | None = None
        self.unshared: Problem | None = None

    @property
    def collects(self) -> bool:
        """Whether this dashboard has the turn."""
        return self._place.number is not None

    @property
    def dashboards(self) -> int | None:
        """How many dashboards are there; None where the records do not answer."""
        return None if self._place.turn is None else self._place.turn.dashboards

    @property
    def begun(self) -> int:
        """How many rounds have begun, in whichever dashboard, as the records have it now."""
        if self._thread is None:
            return 0
        try:
            return self._book.turn().begun
        except StoreError:
            return self._begun

    @property
    def shown(self) -> CollectorState:
        """What there is, with the times of this host's clock."""
        state, by = self.state, -self._ahead()
        if not by or state.snapshot is None:
            return state
        if self._shown is None or self._shown[0] is not state:
            since = state.refreshing_since
            moved = replace(
                state, snapshot=shifted(state.snapshot, by),
                refreshing_since=None if since is None else since + by,
            )  # fmt: skip
            self._shown = state, moved
        return self._shown[1]

    def refresh(self, *, audit: bool = False) -> None:
        """Ask for a refresh now, of whichever dashboard collects, and for an audit of it."""
        self._asked = not audit  # of which the records have to tell
        try:
            if audit or not self.collects:
                self._book.want(audit=audit)
        except StoreError as exc:
            logger.warning("the dashboard that collects could not be asked: %s", exc)
        self._wanted.set()

    def stop(self, *, timeout: float = 5.0) -> None:
        """Stop refreshing, wait at most `timeout` seconds for what is under way; give up the turn.

        So nothing more of it is written.
        """
        super().stop(timeout=timeout)
        if self._thread is not None:
            self._place.stop()

    def _run(self) -> None:
        self._place.beat()
        self._place.start()
        while not self._stopped.is_set():
            self._wanted.clear()
            number = self._place.number
            if number is None:
                self._take()
            else:
                self._lead(number)
            if not self._stopped.is_set():
                self._wanted.wait(self._interval)

    # --- in its turn ---------------------------------------------------------------------------

    def _lead(self, number: int) -> None:
        turn = self._place.turn
        if turn is None:
            return
        if self._led != number:
            self._take()  # what was read last stands until there is something newer
            self._carry_on()
        elif not (self._asked or turn.wanted != self._served or time.monotonic() >= self._next):
            return
        self._led, self._served, self._asked = number, turn.wanted, False
        with self._book.fenced(number):
            self._round(turn.audits_wanted, audit=turn.audits_wanted != turn.audits_done)
        self._next = time.monotonic() + self._interval

    def _round(self, audits: int, *, audit: bool) -> None:
        """Read all anew, and have it shown everywhere. Raises nothing."""
        if audit:
            self._audit()
        try:
            self._begun = self._book.begin()
            self._refresh()
            self._book.end(self._begun, audits=audits)
        except KatoTenantsError as exc:
            self._failed(exc)
        self._ended(self._begun)

    def _found(self, snapshot: Snapshot, seconds: float) -> None:
        found = shifted(snapshot, self._ahead())
        problem = self._hand_out(found, seconds)
        self._set(found, seconds=seconds, problem=problem)
        if not self._stopped.is_set():
            self._then(found)

    def _hand_out(self, snapshot: Snapshot, seconds: float) -> Problem | None:
        """Publish it, and say why that could not be. Raises TurnLost."""
        try:
            self._published = self._book.publish(
                self._publisher.published(snapshot, seconds=seconds)
            )
            self.unshared = None
        except CannotShare as exc:
            self.unshared = exc.problem
            self._published = self._book.publish(self._publisher.refused(str(exc)))
        except StoreError as exc:
            return exc.problem
        return None

    def _now(self) -> datetime:
        return super()._now() + self._ahead()

    def _carry_on(self) -> None:
        """Go on from what another dashboard read last, as if it had been read here."""
        if self.state.snapshot is not None:
            self._usage.carry_on(shifted(self.state.snapshot, -self._ahead()))

    def _failed(self, exc: KatoTenantsError) -> None:
        if isinstance(exc, TurnLost):
            self._set(self.state.snapshot, seconds=self.state.seconds)
        else:
            super()._failed(exc)

    # --- in another's turn ---------------------------------------------------------------------

    def _take(self) -> None:
        """Take what was published, if that is new."""
        turn = self._place.turn
        if turn is None:
            self._set(self.state.snapshot, problem=self._place.problem, seconds=self.state.seconds)
            self._asked = True  # as soon as the records answer
            return
        self._asked = False
        if turn.published != self._published:
            self._take_anew(turn.published)
        if self.unshared is not None and not turn.mine:
            self._read_alone()
        elif turn.began_at != self.state.refreshing_since or self.state.problem is not None:
            self.state = replace(self.state, refreshing_since=turn.began_at, problem=None)
        self._begun = turn.begun
        self._ended(turn.ended)

    def _take_anew(self, number: int) -> None:
        try:
            found = self._book.take(self._reader.digests)
            if found is not None:
                snapshot, seconds = self._reader.read(*found)
                self.state = replace(self.state, snapshot=snapshot, seconds=seconds)
                self._seen(snapshot)
            self._published, self.unshared = number, None
        except CannotShare as exc:
            self._published, self.unshared = number, exc.problem
        except StoreError as exc:
            super()._failed(exc)

    def _read_alone(self) -> None:
        """Read all here, where it cannot be taken; nothing of it is written."""
        if time.monotonic() < self._next and not self._asked:
            return
        began = time.monotonic()
        try:
            snapshot = self._usage.collect(record=False)
        except KatoTenantsError as exc:
            super()._failed(exc)
        else:
            self._set(shifted(snapshot, self._ahead()), seconds=time.monotonic() - began)
            self._seen(snapshot)
        self._next = time.monotonic() + self._interval
