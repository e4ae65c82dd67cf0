"""Times in which there was much more of something than is usual: bursts of sessions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from statistics import median

from services.history.models import Cell

LEAST_SPANS = 12
"""So many spans have to be known before anything is usual."""

LEAST_MORE = 10
"""A burst has at least so many more than usual, and at least twice as many."""

_MAD = 1.4826  # of a normal distribution, to its deviation
_ODD = 3.5
"""Deviations from the median. Source: Iglewicz and Hoaglin, How to detect and handle outliers."""


@dataclass(frozen=True, slots=True)
class Burst:
    """From `began` on there were up to `most` of something, where `usual` is the median."""

    began: datetime
    most: int
    usual: int


def bursts(cells: Sequence[Cell]) -> Iterator[Burst]:
    """Yield the bursts in a time, the oldest first; spans that follow one another are one."""
    means = [float(cell.rollup.mean) for cell in cells if cell.rollup is not None]
    if len(means) < LEAST_SPANS:
        return
    usual = median(means)
    deviation = _MAD * median(abs(mean - usual) for mean in means)
    bound = max(usual + _ODD * deviation, usual + LEAST_MORE, 2 * usual)
    for odd, some in groupby(cells, key=lambda cell: _most(cell) >= bound):
        if odd:
            spans = list(some)
            yield Burst(spans[0].began, max(map(_most, spans)), round(usual))


def _most(cell: Cell) -> int:
    return -1 if cell.rollup is None else cell.rollup.most
