"""What figures came to over a time: each times the seconds in which it was known. Pure.

A total is of a count times seconds, or of bytes times seconds, whole and exact: what a bill is of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import accumulate

from services.history.models import NOTHING, Figure, Grain, Holder, looked_at
from services.history.rollup import Look, known_seconds, reason_in
from services.history.rows import EMPTY, Brief, Looks, Row, figures_at_end

_NONE = (0, 0, None)

Piece = tuple[int, int, Brief]
"""A row with the second in which it begins and how many it is of; 0 for a change."""


@dataclass(frozen=True, slots=True)
class Total:
    """A figure times the seconds in which it was known, and its margin so at most."""

    value: int = 0
    margin: int = 0

    def __add__(self, other: Total) -> Total:
        """Add another; both may be wrong in the same direction."""
        return Total(self.value + other.value, self.margin + other.margin)


@dataclass(frozen=True, slots=True)
class Totals:
    """What every holder's figures came to; one that is missing is 0.

    `known` are the seconds of this time in which each quantity was, and `reasons` say why it was
    not in the rest, where anything told: empty where nobody looked.
    """

    began: datetime
    ended: datetime
    figures: Mapping[Holder, Mapping[str, Total]]
    known: Mapping[str, int]
    reasons: Mapping[str, str]

    def __add__(self, later: Totals) -> Totals:
        """Add what came to right after it."""
        figures = {who: dict(some) for who, some in self.figures.items()}
        for who, some in later.figures.items():
            mine = figures.setdefault(who, {})
            for quantity, total in some.items():
                mine[quantity] = mine[quantity] + total if quantity in mine else total
        known = {name: self.known.get(name, 0) + seconds for name, seconds in later.known.items()}
        return Totals(self.began, later.ended, figures, known, {**self.reasons, **later.reasons})


@dataclass(frozen=True, slots=True)
class Segment:
    """A time of which rows of one grain are read."""

    grain: Grain
    began: int
    ended: int


def segments(began: int, ended: int, rolled: Mapping[Grain, int]) -> Iterator[Segment]:
    """Yield what to read a time out of: whole days, and at its ends hours, and changes.

    `rolled` says until when these are kept. A time that begins inside of an hour is read out of
    changes, and these are kept for two days.
    """
    day = Grain.DAY.seconds
    first, last = -(-began // day) * day, min(Grain.DAY.start(ended), rolled[Grain.DAY])
    if first >= last:
        yield from _finer(began, ended, rolled[Grain.HOUR])
        return
    yield from _finer(began, first, rolled[Grain.HOUR])
    yield Segment(Grain.DAY, first, last)
    yield from _finer(last, ended, rolled[Grain.HOUR])


def _finer(began: int, ended: int, rolled: int) -> Iterator[Segment]:
    hour = Grain.HOUR.seconds
    middle = max(began, min(Grain.HOUR.start(ended), rolled)) if not began % hour else began
    if began < middle:
        yield Segment(Grain.HOUR, began, middle)
    if middle < ended:
        yield Segment(Grain.SECOND, middle, ended)


def totals(
    read: Iterable[tuple[Segment, Mapping[Holder, Sequence[tuple[int, Brief]]]]],
    before: Mapping[Holder, Row], looks: Looks, wanted: Iterable[str], *, began: int, ended: int,
) -> dict[Holder, dict[str, Total]]:  # fmt: skip
    """Return what each holder's wanted quantities came to in a time; none that is 0.

    `read` are the rows of its segments, the oldest first, and `before` what was before them.
    """
    pieces: dict[Holder, list[Piece]] = {holder: [] for holder in before}
    for segment, rows in read:
        span = 0 if segment.grain is Grain.SECOND else segment.grain.seconds
        for holder, some in rows.items():
            pieces.setdefault(holder, []).extend((start, span, row) for start, row in some)
    clocks = {quantity: _Clock(looks.get(looked_at(quantity), ())) for quantity in wanted}
    done: dict[Holder, dict[str, Total]] = {}
    for holder, some_pieces in pieces.items():
        last = figures_at_end(before.get(holder, EMPTY))
        of = partial(_total, some_pieces, began=began, ended=ended)
        each = {name: of(name, clock, last.get(name, NOTHING)) for name, clock in clocks.items()}
        done[holder] = {name: total for name, total in each.items() if total != Total()}
    return {holder: each for holder, each in done.items() if each}


def known_of(
    looks: Looks, wanted: Iterable[str], began: int, ended: int
) -> tuple[dict[str, int], dict[str, str]]:
    """Return how many seconds of a time each quantity was known, and why not in the rest."""
    seen = {quantity: looks.get(looked_at(quantity), ()) for quantity in wanted}
    known = {quantity: known_seconds(some, began, ended) for quantity, some in seen.items()}
    reasons = {quantity: reason_in(some, began, ended) for quantity, some in seen.items()}
    return known, {quantity: reason for quantity, reason in reasons.items() if reason}


class _Clock(dict[int, int]):
    """How many seconds a clock went until a moment that goes only while a figure was known.

    It keeps what it told: the same ends of spans are asked for of every holder.
    """

    def __init__(self, looks: Sequence[Look]) -> None:
        known = [look for look in looks if not look.reason]
        self._began = [look.began for look in known]
        self._lasted = [look.ended - look.began for look in known]
        self._before = [0, *accumulate(self._lasted)]

    def __missing__(self, second: int) -> int:
        """Reckon it for the first time."""
        last = bisect_right(self._began, second) - 1
        told = 0
        if last >= 0:
            told = self._before[last] + min(second - self._began[last], self._lasted[last])
        self[second] = told
        return told


def _total(
    pieces: Sequence[Piece], quantity: str, clock: _Clock, last: Figure, *, began: int, ended: int
) -> Total:
    value = margins = 0
    had, margin = last.value, last.margin
    since = clock[began]
    for start, span, row in pieces:
        now = clock[start]
        value += had * (now - since)
        margins += margin * (now - since)
        had, margin, integral = row.get(quantity, _NONE)
        since = now
        if span:
            since = clock[start + span]
            known = since > now  # else it was brought back, and known elsewhere
            value += integral if known and integral is not None else had * (since - now)
            margins += margin * (since - now)
    left = clock[ended] - since
    return Total(value + had * left, margins + margin * left)
