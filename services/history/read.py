"""Reads the past: one figure over time, and the whole fleet at a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.history.forecast import PAST, Forecast, forecast_of
from services.history.models import (
    Cell,
    Figures,
    Grain,
    Holder,
    OwnerKind,
    looked_at,
    moment,
    second,
)
from services.history.ports import HistoryStore
from services.history.record import CHANGES_KEPT, Retention
from services.history.rows import EMPTY, Row, cells, figures_at_end, rolled
from services.history.summing import totals
from services.history.thens import Thens
from services.history.totals import Totals, known_of, segments


@dataclass(frozen=True, slots=True)
class Then:
    """The whole fleet at a moment: figures by holder, and which quantities were known, or why not.

    A known quantity that a holder lacks was 0; a holder who is missing had nothing.
    """

    at: datetime
    figures: Mapping[Holder, Figures]
    reasons: Mapping[str, str]


class HistoryService:
    """Answers what was when. Raises StoreUnavailable when the records do not answer."""

    def __init__(
        self, store: HistoryStore, *, retention: Retention, now: Callable[[], datetime],
        made_up_until: Callable[[], int | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._store, self._retention, self._now = store, retention, now
        self._made_up_until = made_up_until
        self._thens = Thens()

    def made_up_until(self) -> datetime | None:
        """Return until when the past is made up, for sample data; None where nothing is."""
        until = self._made_up_until()
        return None if until is None else moment(until)

    def series(
        self, holder: Holder, quantity: str, since: datetime, until: datetime, step: int
    ) -> tuple[Cell, ...]:
        """Return what a figure did in each span of `step` seconds, the oldest first.

        Spans begin at multiples of the step since the epoch, in UTC. Of before the last two days
        hours are kept, and later days: a finer step becomes as long as these.
        """
        grain = self._grain(second(since), step)
        step = _whole(step, grain)
        began, ended = second(since) // step * step, second(until)
        span = step if grain is Grain.SECOND else grain.seconds
        head = self._store.head()
        before = self._store.before(began, frozenset({holder}), quantity=quantity)
        rows: dict[int, Row] = {}
        rolled_to = began
        if grain is not Grain.SECOND:
            rolled_to = max(began, head.rolled[grain])
            rows |= self._store.rows(holder, grain, began, min(ended, rolled_to), quantity=quantity)
        looks = self._store.looks(began, ended)
        newest = {holder: rows[max(rows)]} if rows else before
        changed = self._store.rows(holder, Grain.SECOND, rolled_to, ended, quantity=quantity)
        changes = {holder: changed}
        for start, row in rolled(changes, looks, span, newest).items():
            rows[start] = row[holder]
        return tuple(cells(
            rows, looks.get(looked_at(quantity), ()), quantity, before.get(holder, EMPTY),
            began=began, ended=ended, grain=span, step=step,
        ))  # fmt: skip

    def forecast(self, holder: Holder, quantity: str) -> Forecast:
        """Return what is coming of a figure, by its last 90 days."""
        now = self._now()
        days = self.series(
            holder, quantity, now - PAST, now + timedelta(seconds=1), Grain.DAY.seconds
        )
        return forecast_of(days, now=now)

    def at(self, moment: datetime, quantity: str | None = None) -> Then:
        """Return the whole fleet's figures at a moment; of one quantity alone, if it is named."""
        at = second(moment)
        looks = self._store.looks(at, at + 1)
        if quantity is None:
            rows = self._store.before(at + 1).items()
            figures = {holder: figures_at_end(row) for holder, row in rows}
        else:
            figures = self._thens.get(self._store, at, quantity)
        for group in [who for who in figures if who.kind is OwnerKind.GROUP]:
            del figures[group]
        return Then(moment, figures, {name: some[-1].reason for name, some in looks.items()})

    def kept(self, at: datetime) -> datetime:
        """Return the last moment until another of which figures are kept as they were then.

        Of the last two days it is that second, before it the end of an hour or a day.
        """
        return moment(self._grain(second(at), 1).start(second(at)))

    def totals(self, since: datetime, until: datetime, wanted: frozenset[str]) -> Totals:
        """Return what every holder's quantities came to in a time.

        It begins and ends with whole hours, or days in UTC where hours are kept no more: where one
        began before `since`, with the next. Only what has not ended yet ends now.
        """
        began, ended = self.boundary(since), min(self.boundary(until), second(self._now()) + 1)
        ended = max(began, ended)
        rolled, looks = self._store.head().rolled, self._store.looks(began, ended)
        read = ((part, self._store.spans(part.grain, part.began, part.ended, wanted))
                for part in segments(began, ended, rolled))  # fmt: skip
        figures = totals(read, self._store.newest(began, wanted), looks, wanted, began=began,
                         ended=ended)  # fmt: skip
        known, reasons = known_of(looks, wanted, began, ended)
        return Totals(moment(began), moment(ended), figures, known, reasons)

    def settled(self) -> datetime:
        """Return until when nothing of the past changes any more: days are rolled up until then."""
        return moment(self._store.head().rolled[Grain.DAY])

    def boundary(self, at: datetime) -> int:
        """Return the first second from a moment on to which what is kept of that time can tell."""
        hour = Grain.HOUR.seconds
        return _whole(second(at), self._grain(second(at), hour))

    def known_since(self) -> datetime | None:
        """Return when anything was looked at first, as far as it is kept; None where nothing is."""
        found = self._store.looks(0, second(self._now()) + 1)
        began = [some[0].began for some in found.values()]
        return moment(min(began)) if began else None

    def first_of(self, holder: Holder) -> datetime | None:
        """Return the first moment of which anything may be known of a holder; None where of none.

        It is before anything was looked at here where days came back out of an archive.
        """
        days = self._store.rows(holder, Grain.DAY, 0, second(self._now()) + 1)
        known = self.known_since()
        return min((*map(moment, days), *(() if known is None else (known,))), default=None)

    def known_within(
        self, since: datetime, until: datetime, quantity: str
    ) -> tuple[datetime, datetime] | str:
        """Return the first and last second of a time in which a quantity was known, or why none.

        Of a time of which only hours or days are kept, it is where these end.
        """
        began, ended = second(since), second(until)
        looks = self._store.looks(began, ended + 1).get(looked_at(quantity), ())
        known = [look for look in looks if not look.reason]
        if not known:
            return looks[-1].reason if looks else "nobody looked"
        first, last = max(known[0].began, began), min(known[-1].ended - 1, ended)
        first, last = _whole(first, self._grain(first, 1)), self._grain(last, 1).start(last)
        return moment(first), moment(max(first, last))

    def _grain(self, since: int, step: int) -> Grain:
        """Return the finest grain that is kept since a second, and not finer than the step."""
        age = second(self._now()) - since
        if age <= CHANGES_KEPT and step % Grain.HOUR.seconds:
            return Grain.SECOND
        hourly = age <= self._retention.hours.total_seconds()
        return Grain.HOUR if hourly and step % Grain.DAY.seconds else Grain.DAY


def _whole(seconds: int, grain: Grain) -> int:
    """Return as many seconds as whole spans of the grain have, rounded up."""
    return -(-seconds // grain.seconds) * grain.seconds
