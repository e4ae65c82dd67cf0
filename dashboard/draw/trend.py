"""How a figure has gone of late: bars from zero, and the change with its period. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.draw.formatting import span

BARS = 60


@dataclass(frozen=True, slots=True)
class Trend:
    """The values at equal steps of time, oldest first; the change, as words; and since when.

    `words` say it to those who do not see the bars: from what to what, and within what.
    """

    points: tuple[int, ...]
    change: str
    period: str
    words: str


def trend_of(history: Sequence[tuple[datetime, int]]) -> Trend | None:
    """Return how a figure went by its values, oldest first; None where there is no past yet."""
    if len(history) < 2 or history[0][0] >= history[-1][0]:  # noqa: PLR2004 - a change takes two
        return None
    (since, first), (until, last) = history[0], history[-1]
    period = f"in {span((until - since).total_seconds())}"
    values = [value for _, value in history]
    bounds = f"between {min(values):,} and {max(values):,}"
    words = f"{period}: from {first:,} to {last:,}, {bounds}"
    return Trend(_stepped(history), _change(first, last), period, words)


def _stepped(history: Sequence[tuple[datetime, int]]) -> tuple[int, ...]:
    """Return what was known last at each of equal steps of time, however few samples there are."""
    since, whole = history[0][0], history[-1][0] - history[0][0]
    found, at = [], 0
    for bar in range(BARS):
        ends = since + whole * (bar / (BARS - 1))
        while at + 1 < len(history) and history[at + 1][0] <= ends:
            at += 1
        found.append(history[at][1])
    found[-1] = history[-1][1]
    return tuple(found)


def _change(first: int, last: int) -> str:
    if first == last:
        return "no change"
    percent = f" ({(last - first) / first * 100:+,.1f} %)" if first else ""
    return f"{last - first:+,}{percent}"
