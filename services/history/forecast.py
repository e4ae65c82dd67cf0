"""What is coming: growth per day with its interval, and when a figure comes to a limit. Pure.

Growth is the median of the slopes between all pairs of days (Theil and Sen): one odd day does not
move it. What is left of the last day goes back to that line as fast as it did before (an
autoregression of the first order). bench/forecast.py tries it against two plain ways.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from services.history.models import Cell, Grain

PAST = timedelta(days=90)
"""What is looked at."""

LEAST = 7
"""Days that have to be known."""

SURE = 0.8
"""The share of cases in which a figure is to be within what is said."""

_FRESH = timedelta(days=2)
_WEEK = 7
_DAY = float(Grain.DAY.seconds)
_MAD = 1.4826  # of a normal distribution, to its deviation
_BREAK, _PART = 8.0, 0.2  # as many deviations of daily changes, and this share of what was there
_NEAR = 3  # days that tell what it was, and whether it came back
_SHORT = 14
_CHANGING = 2.0  # growth changes too: what made the interval hold in bench/forecast.py


class Unsaid(StrEnum):
    """Why it cannot be said what is coming."""

    FEW_DAYS = "few_days"  # known, since the last sudden change
    OLD = "old"  # the last known figure
    WIDE = "wide"  # the interval says nothing


@dataclass(frozen=True, slots=True)
class Span:
    """A figure as it is likely, and the least and most that it is to be in 8 of 10 cases."""

    low: float
    mid: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """How a figure goes on: `growth` is per day, in counts or bytes.

    `rest` is how far the last day was from the line; `keeps` the share of it that a day later is
    left, from 0 to 1; `scatter` the deviation of one day; `quantile` that of `SURE`.
    """

    growth: Span
    rest: float
    keeps: float
    scatter: float
    quantile: float

    def after(self, days: float) -> Span:
        """Return by how much a figure is to have changed after so many days."""
        left = self.keeps**days
        mid = self.growth.mid * days - (1 - left) * self.rest
        steps = days if self.keeps == 1 else (1 - left**2) / (1 - self.keeps**2)
        grown = (self.growth.high - self.growth.low) / 2 * days
        wide = math.hypot(self.quantile * self.scatter * math.sqrt(steps), grown)
        return Span(mid - wide, mid, mid + wide)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is coming of a figure, which was `value` when it was known last.

    It goes by `days` known days, since `since`: the first of them, or after a sudden change.
    Without a line nothing can be said, and `unsaid` is why.
    """

    at: datetime | None
    value: int
    days: int
    since: datetime | None
    line: Line | None = None
    unsaid: Unsaid | None = None

    @property
    def until(self) -> datetime | None:
        """How far it reaches: as far ahead as its past goes back; None where nothing is said."""
        if self.line is None or self.at is None or self.since is None:
            return None
        return self.at + (self.at - self.since)

    def when(self, at: datetime) -> Span | None:
        """Return what a figure is to be at a moment, not below 0; None where it is not said."""
        if self.line is None or self.at is None or self.until is None:
            return None
        if not self.at <= at <= self.until:
            return None
        more = self.line.after((at - self.at).total_seconds() / _DAY)
        return Span(*(max(0.0, self.value + each) for each in (more.low, more.mid, more.high)))


class Reach(StrEnum):
    """Whether a limit will be reached."""

    REACHED = "reached"  # it is now
    WITHIN = "within"  # the time that the past bears
    NOT_WITHIN = "not_within"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reached:
    """When a figure comes to a limit: at the earliest, likely, and at the latest.

    Each is None where that is later than the past bears, or never.
    """

    state: Reach
    earliest: datetime | None = None
    likely: datetime | None = None
    latest: datetime | None = None


def reached(forecast: Forecast, limit: int) -> Reached:
    """Say when a figure will be at a limit or above, in 8 of 10 cases within the range."""
    if forecast.at is None or forecast.line is None or forecast.until is None:
        return Reached(Reach.UNKNOWN)
    if forecast.value >= limit:
        return Reached(Reach.REACHED, *(forecast.at,) * 3)
    days = round((forecast.until - forecast.at).total_seconds() / _DAY)
    spans = [forecast.line.after(day) for day in range(1, days + 1)]
    more = limit - forecast.value

    def first(found: Sequence[float]) -> datetime | None:
        day = next((at for at, each in enumerate(found, start=1) if each >= more), None)
        return None if day is None or forecast.at is None else forecast.at + timedelta(days=day)

    times = (first([getattr(span, of) for span in spans]) for of in ("high", "mid", "low"))
    earliest, likely, latest = times
    state = Reach.NOT_WITHIN if earliest is None else Reach.WITHIN
    return Reached(state, earliest, likely, latest)


def forecast_of(cells: Sequence[Cell], *, now: datetime) -> Forecast:
    """Return what is coming after these days, the oldest first; some may be unknown."""
    known = [(cell.ended, cell.rollup.last) for cell in cells if cell.rollup is not None]
    if not known:
        return Forecast(None, 0, 0, None, unsaid=Unsaid.FEW_DAYS)
    known = known[_last_break(known) :]
    (since, _), (at, value) = known[0], known[-1]
    found = Forecast(at, value, len(known), since, unsaid=Unsaid.FEW_DAYS)
    if now - at > _FRESH:
        return Forecast(at, value, len(known), since, unsaid=Unsaid.OLD)
    line = _line(known) if len(known) >= LEAST else None
    if line is None:
        return found
    week = line.after(_WEEK)
    if week.high - week.low > max(1, *(value for _, value in known)):
        return Forecast(at, value, len(known), since, unsaid=Unsaid.WIDE)
    return Forecast(at, value, len(known), since, line)


def _last_break(known: Sequence[tuple[datetime, int]]) -> int:
    """Return where the past begins: after the last sudden change that was not for a day alone."""
    if len(known) <= _NEAR:
        return 0
    values = [value for _, value in known]
    changes = [
        (after - before) / max(1.0, (later - at).total_seconds() / _DAY)
        for (at, before), (later, after) in pairwise(known)
    ]
    middle = median(changes)
    odd = _BREAK * _MAD * median(abs(change - middle) for change in changes)
    for at in range(len(changes), 0, -1):
        change, before = values[at] - values[at - 1], values[at - 1]
        if abs(changes[at - 1] - middle) > odd and abs(change) > _PART * before:
            was, came = median(values[max(0, at - _NEAR) : at]), median(values[at : at + _NEAR])
            if abs(came - was) > abs(change) / 2 and (came > was) == (change > 0):
                return at
    return 0


def _line(known: Sequence[tuple[datetime, int]]) -> Line | None:
    """Fit one; None where too few days follow one another to tell how they scatter."""
    from scipy.stats import t, theilslopes  # noqa: PLC0415  takes a second

    (began, first), count = known[0], len(known)
    days = [(at - began).total_seconds() / _DAY for at, _ in known]
    values = [float(value - first) for _, value in known]
    slope, start, low, high = map(float, theilslopes(values, days, SURE))
    rests = [value - start - slope * day for day, value in zip(days, values, strict=True)]
    pairs = [
        (rests[at], rests[at + 1]) for at in range(count - 1) if days[at + 1] - days[at] <= 1
    ]  # fmt: skip
    if len(pairs) < LEAST // 2:
        return None
    keeps = _keeps(pairs, count)
    left = math.fsum((after - keeps * before) ** 2 for before, after in pairs)
    free = max(2, len(pairs) - 2)
    scatter, quantile = math.sqrt(left / free), float(t.ppf((1 + SURE) / 2, free))
    drift = _CHANGING * keeps * scatter * quantile / math.sqrt(count)
    half = count // 2
    early, late = (
        float(theilslopes(values[some], days[some])[0]) for some in (slice(half), slice(half, None))
    )
    wide = math.hypot((high - low) / 2, drift, (late - early) / 2)
    return Line(Span(slope - wide, slope, slope + wide), rests[-1], keeps, scatter, quantile)


def _keeps(pairs: Sequence[tuple[float, float]], count: int) -> float:
    """Return how much of a day's distance is left the next; all, where few days would tell."""
    squares = math.fsum(before**2 for before, _ in pairs)
    found = math.fsum(before * after for before, after in pairs) / squares if squares else 0.0
    return 1.0 if count < _SHORT else min(1.0, max(0.0, found + (1 + 4 * found) / count))
