"""Rows of a whole fleet as columns: of a month there are very many. Pure.

What 64 bits could not hold is kept row by row, so that everything stays exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.history.models import NOTHING, Figure, Holder
from services.history.rows import Brief, brief_in
from services.history.side_by_side import Column, Walk, Whole

_AT_ONCE = 1 << 16
"""Rows that are read side by side: some 7 MB."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What was asked for of rows, by quantity; `odd` rows, by their place, are in no column."""

    rows: int
    of: Mapping[str, Column]
    odd: Mapping[int, Brief]

    def brief(self, row: int) -> Brief:
        """Return what one row says."""
        if row in self.odd:
            return self.odd[row]
        return {
            name: (int(each.values[row]), int(each.margins[row]),
                   int(each.integrals[row]) if each.changed[row] else None)
            for name, each in self.of.items()
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class FleetRows:
    """Rows of many holders, in any order: `whose` is the place of each one's among `holders`.

    `starts` are the seconds in which their spans begin.
    """

    holders: Sequence[Holder]
    whose: Whole
    starts: Whole
    columns: Columns

    def figures_at_end(self) -> dict[Holder, dict[str, Figure]]:
        """Return what holders of one row each had at the end of its span; none that are 0."""
        whose, found = self.whose.tolist(), [dict[str, Figure]() for _ in self.holders]
        for name, each in self.columns.of.items():
            some = np.flatnonzero((each.values != 0) | (each.margins != 0))
            told = (some.tolist(), each.values[some].tolist(), each.margins[some].tolist())
            for at, value, margin in zip(*told, strict=True):
                found[whose[at]][name] = Figure(value, margin)
        for at, brief in self.columns.odd.items():
            had = {name: Figure(value, margin) for name, (value, margin, _) in brief.items()}
            found[whose[at]] = {name: each for name, each in had.items() if each != NOTHING}
        return dict(zip(self.holders, found, strict=True))


def columns_of(rows: Sequence[bytes], wanted: frozenset[str]) -> Columns:
    """Read rows as they are kept."""
    of, odd = {name: Column.empty(len(rows)) for name in wanted}, dict[int, Brief]()
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        last = first + len(some)
        for at in Walk(some).into({name: each.part(first, last) for name, each in of.items()}):
            odd[first + at] = brief_in(some[at], wanted)
    return Columns(len(rows), of, odd)


def joined(some: Sequence[Columns], order: Whole) -> Columns:
    """Return the rows of all, which have the same quantities, in an order of their places."""
    of = {name: _joined([each.of[name] for each in some]).ordered(order) for name in some[0].of}
    places, odd, first = np.argsort(order), dict[int, Brief](), 0
    for each in some:
        odd |= {int(places[first + at]): brief for at, brief in each.odd.items()}
        first += each.rows
    return Columns(len(order), of, odd)


def _joined(some: Sequence[Column]) -> Column:
    return Column(
        np.concatenate([each.values for each in some]),
        np.concatenate([each.margins for each in some]),
        np.concatenate([each.integrals for each in some]),
        np.concatenate([each.changed for each in some]),
    )
