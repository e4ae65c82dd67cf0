"""Sudden growth: a tenant's last day against its own days before. Pure.

Median and median absolute deviation (MAD): one odd day moves neither. Source: Iglewicz and Hoaglin,
How to Detect and Handle Outliers (1993), whose 3.5 deviations are for one test; here every tenant
is tested all the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

FEWEST = 7
"""So many changes from one day to the next have to be known to say what is usual."""

DAYS = 14
"""So many days before are looked at."""

LEAST = {"patterns": 100, "keys": 1_000, "vectors": 100, "keys_bytes": 10 << 20}
"""What is looked at, and how little is no surprise; sessions come and go within a day."""

_LEAST_SHARE = 0.1  # of what there was
_DEVIATIONS = 8.0
_TO_SIGMA = 1.4826  # times MAD is the standard deviation of a normal distribution


@dataclass(frozen=True, slots=True)
class Growth:
    """By how much a quantity grew, where that is much more than is usual there in a day.

    `before` is what it was, `usual` the median change of a day.
    """

    quantity: str
    before: int
    change: int
    usual: int


@dataclass(frozen=True, slots=True)
class Usual:
    """What a quantity was when the last day ended, and by how much it may grow in a day."""

    before: int
    usual: float
    most: float

    def growth(self, quantity: str, after: int) -> Growth | None:
        """Return the growth since, where it is more."""
        change = after - self.before
        if change - self.usual <= self.most:
            return None
        return Growth(quantity, self.before, change, round(self.usual))


def usual(quantity: str, ends: Sequence[int | None]) -> Usual | None:
    """Return what is usual by the figures at the ends of days in a row, the oldest first.

    None where too few are known, or the last is not.
    """
    changes = [b - a for a, b in pairwise(ends) if a is not None and b is not None]
    before = ends[-1] if ends else None
    if before is None or len(changes) < FEWEST:
        return None
    middle = median(changes)
    spread = median(abs(each - middle) for each in changes) * _TO_SIGMA
    most = max(_DEVIATIONS * spread, _LEAST_SHARE * before, LEAST[quantity])
    return Usual(before, middle, most)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a tenant's quantity: what is usual, and how it grew on the last day."""

    usual: Usual | None
    last: Growth | None

    @classmethod
    def of(cls, quantity: str, ends: Sequence[int | None]) -> Past:
        """Judge the ends of days in a row, the oldest first."""
        before, end = usual(quantity, ends[:-1]), ends[-1] if ends else None
        last = before.growth(quantity, end) if before is not None and end is not None else None
        return cls(usual(quantity, ends), last)

    def growth(self, quantity: str, now: int | None) -> Growth | None:
        """Return what grew suddenly since the last day's end, or else on the last day."""
        today = None
        if self.usual is not None and now is not None:
            today = self.usual.growth(quantity, now)
        return today or self.last


def grown(past: Mapping[str, Past], now: Mapping[str, int | None]) -> tuple[Growth, ...]:
    """Return what of a tenant grew suddenly."""
    found = (each.growth(quantity, now.get(quantity)) for quantity, each in past.items())
    return tuple(each for each in found if each is not None)
