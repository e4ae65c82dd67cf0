"""What figures came to over a time: each times the seconds in which it was known. Pure.

A total is of a count times seconds, or of bytes times seconds, whole and exact: what a bill is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.history.models import Grain, Holder, looked_at
from services.history.rollup import known_seconds, reason_in
from services.history.rows import Looks


@dataclass(frozen=True, slots=True)
class Total:
    """A figure times the seconds in which it was known, and its margin so at most."""

    value: int = 0
    margin: int = 0

    def __add__(self, other: Total) -> Total:
        """Add another; both may be wrong in the same direction."""
        return Total(self.value + other.value, self.margin + other.margin)

    def times(self, seconds: int) -> Total:
        """Return what it comes to when it stays so long as it is."""
        return Total(self.value * seconds, self.margin * seconds)


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

    @property
    def span(self) -> int:
        """How many seconds each of its rows is of; 0 for changes."""
        return 0 if self.grain is Grain.SECOND else self.grain.seconds


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


def known_of(
    looks: Looks, wanted: Iterable[str], began: int, ended: int
) -> tuple[dict[str, int], dict[str, str]]:
    """Return how many seconds of a time each quantity was known, and why not in the rest."""
    seen = {quantity: looks.get(looked_at(quantity), ()) for quantity in wanted}
    known = {quantity: known_seconds(some, began, ended) for quantity, some in seen.items()}
    reasons = {quantity: reason_in(some, began, ended) for quantity, some in seen.items()}
    return known, {quantity: reason for quantity, reason in reasons.items() if reason}
