"""Sums up what rows of a fleet came to over a time, in columns. Pure.

Sums that 64 bits might not hold are reckoned row by row: all of them are exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.history.columns import Columns, FleetRows, joined
from services.history.models import Holder, looked_at
from services.history.rollup import Look
from services.history.rows import Looks
from services.history.side_by_side import Column, Whole
from services.history.totals import Segment, Total

_EXACT = float(2**61)
"""Sums that floats find to be smaller are exact in 64 bits."""

_NONE = (0, 0, None)


def totals(
    read: Iterable[tuple[Segment, FleetRows]], before: FleetRows, looks: Looks,
    wanted: frozenset[str], *, began: int, ended: int,
) -> dict[Holder, dict[str, Total]]:  # fmt: skip
    """Return what each holder's wanted quantities came to in a time; none that is 0.

    `read` are the rows of its segments, the oldest first, and `before` what was before them.
    """
    pieces = _Pieces()
    pieces.add(before, np.full(len(before.whose), began), 0)
    for segment, rows in read:
        pieces.add(rows, rows.starts, segment.span)
    done: dict[Holder, dict[str, Total]] = defaultdict(dict)
    if pieces.holders:
        ordered = pieces.ordered()
        for name in sorted(wanted):
            clock = _Clock(looks.get(looked_at(name), ()))
            for who, total in ordered.totals(name, clock, began, ended):
                done[who][name] = total
    return dict(done)


class _Pieces:
    """Gathers rows, and of how many seconds each is; 0 for one that tells since when it is so."""

    def __init__(self) -> None:
        self.holders: dict[Holder, int] = {}
        self._whose, self._starts, self._spans = (list[Whole]() for _ in range(3))
        self._columns: list[Columns] = []

    def add(self, rows: FleetRows, starts: Whole, span: int) -> None:
        """Add rows that are later than those before them."""
        if len(rows.whose):
            places = [self.holders.setdefault(who, len(self.holders)) for who in rows.holders]
            self._whose.append(np.array(places, np.int64)[rows.whose])
            self._starts.append(starts)
            self._spans.append(np.full(len(starts), span))
            self._columns.append(rows.columns)

    def ordered(self) -> _Ordered:
        """Return them by holder, the oldest first."""
        whose, starts, spans = map(np.concatenate, (self._whose, self._starts, self._spans))
        order = np.lexsort((starts, whose))  # which leaves equal ones as they were added
        columns = joined(self._columns, order)
        return _Ordered(list(self.holders), whose[order], starts[order], spans[order], columns)


class _Ordered:
    """Rows by holder, the oldest first."""

    def __init__(
        self, holders: Sequence[Holder], whose: Whole, starts: Whole, spans: Whole,
        columns: Columns,
    ) -> None:  # fmt: skip
        self._starts, self._spans, self._columns = starts, spans, columns
        self._firsts = np.flatnonzero(np.diff(whose, prepend=-1))
        self._lasts = np.append(self._firsts[1:], len(whose)) - 1
        self._holders = [holders[place] for place in whose[self._firsts].tolist()]
        odd = np.zeros(len(whose), np.bool_)
        odd[list(columns.odd)] = True
        self._odd = np.logical_or.reduceat(odd, self._firsts)

    def totals(
        self, name: str, clock: _Clock, began: int, ended: int
    ) -> Iterator[tuple[Holder, Total]]:
        """Yield what a quantity came to for each holder, unless that is 0."""
        column, times = self._columns.of[name], self._times(clock, began, ended)
        values, margins = times.sums(column)
        large = np.maximum(*times.sums(column.magnitudes())) >= _EXACT
        one_by_one = self._odd | large
        found = np.flatnonzero(~one_by_one & ((values != 0) | (margins != 0))).tolist()
        for at, value, margin in zip(
            found, values[found].tolist(), margins[found].tolist(), strict=True
        ):
            yield self._holders[at], Total(value, margin)
        for at in np.flatnonzero(one_by_one).tolist():
            total = self._total(name, times, at)
            if total != Total():
                yield self._holders[at], total

    def _times(self, clock: _Clock, began: int, ended: int) -> _Times:
        first, last = clock.until(np.array([began, ended])).tolist()
        now = clock.until(self._starts)
        then = np.where(self._spans > 0, clock.until(self._starts + self._spans), now)
        since = np.roll(then, 1)
        since[self._firsts] = first
        return _Times(
            self._firsts, self._lasts, now - since, then - now, last - then[self._lasts]
        )  # fmt: skip

    def _total(self, name: str, times: _Times, at: int) -> Total:
        """Reckon one holder's row by row."""
        total, had = Total(), Total()
        rows = range(self._firsts[at], self._lasts[at] + 1)
        for row in rows:
            value, margin, came_to = self._columns.brief(row).get(name, _NONE)
            lasted = int(times.lasted[row])
            total += had.times(int(times.gaps[row]))
            had = Total(value, margin)
            did = had.times(lasted)
            # one of a day that was known elsewhere was brought back: it came to nothing here
            total += did if came_to is None or not lasted else Total(came_to, did.margin)
        return total + had.times(int(times.left[at]))


@dataclass(frozen=True, slots=True)
class _Times:
    """Known seconds: between each row and the one before, in its span, and after the last rows.

    The rows of each holder are from `firsts` to `lasts`.
    """

    firsts: Whole
    lasts: Whole
    gaps: Whole
    lasted: Whole
    left: Whole

    def sums(self, column: Column) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return what a column's values came to by holder, and its margins."""
        at_end = column.values * self.lasted
        values = np.where(column.changed & (self.lasted > 0), column.integrals, at_end)
        return (
            self._sum(column.values, values),
            self._sum(column.margins, column.margins * self.lasted),
        )

    def _sum(self, had: NDArray[Any], came_to: NDArray[Any]) -> NDArray[Any]:
        before = np.roll(had, 1)
        before[self.firsts] = 0
        between: NDArray[Any] = np.add.reduceat(before * self.gaps + came_to, self.firsts)
        return between + had[self.lasts] * self.left


class _Clock:
    """How many seconds a clock went that goes only while a figure was known."""

    def __init__(self, looks: Sequence[Look]) -> None:
        known = [look for look in looks if not look.reason]
        self._began = np.array([look.began for look in known], np.int64)
        self._lasted = np.array([look.ended - look.began for look in known], np.int64)
        self._before = np.append(0, np.cumsum(self._lasted))

    def until(self, seconds: Whole) -> Whole:
        """Return how many until each of some moments."""
        if not len(self._began):
            return np.zeros(len(seconds), np.int64)
        last = np.searchsorted(self._began, seconds, side="right") - 1
        into = np.minimum(seconds - self._began[last], self._lasted[last])
        return np.where(last < 0, 0, self._before[last] + into)
