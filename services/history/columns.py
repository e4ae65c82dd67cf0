"""Rows of a whole fleet, read as columns: of a month there are very many. Pure.

Packed rows are walked side by side, a figure of each at a time. What 64 bits could not hold is read
row by row, so that everything stays exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.history.models import NOTHING, Figure, Holder
from services.history.packed import FLAGS, MARGIN, NUMBERS, ROLLUP, VERSION
from services.history.rows import Brief, brief_in

Whole = NDArray[np.int64]
Told = NDArray[np.bool_]

_AT_ONCE = 1 << 16  # rows: some 12 MB
_LARGEST, _LONGEST, _LEFT = 1 << 42, 1 << 17, 1 << 60
"""Figures, seconds and what is left of an integral: 64 bits hold what is reckoned of smaller ones,
4 TB and more than a day."""

_BITS, _MORE, _SEVEN = 63, 0x80, 0x7F
_PADDING = bytes(128)  # a row that is cut off ends there


@dataclass(frozen=True, slots=True)
class Column:
    """One quantity of rows: at the end of the span, its margin, and what it came to in the span.

    That is times seconds, and told where it `changed`.
    """

    values: Whole
    margins: Whole
    integrals: Whole
    changed: Told

    @classmethod
    def empty(cls, rows: int) -> Column:
        """Return that of rows that have nothing of it."""
        values, margins, integrals = np.zeros((3, rows), np.int64)
        return cls(values, margins, integrals, np.zeros(rows, np.bool_))

    def part(self, first: int, last: int) -> Column:
        """Return that of some rows; what is written into it is written here."""
        return self._each(lambda numbers: numbers[first:last], self.changed[first:last])

    def magnitudes(self) -> Column:
        """Return it without signs, as floats: what sums of it may come to at most, about."""
        return self._each(lambda numbers: np.abs(numbers).astype(float), self.changed)

    def ordered(self, order: Whole) -> Column:
        """Return it with its rows in another order."""
        return self._each(lambda numbers: numbers[order], self.changed[order])

    def _each(self, do: Callable[[Whole], Any], changed: Told) -> Column:
        return Column(do(self.values), do(self.margins), do(self.integrals), changed)


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
        for at in _Walk(some).into({name: each.part(first, last) for name, each in of.items()}):
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


class _Walk:
    """Goes through rows side by side."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        sizes = np.fromiter(map(len, rows), np.int64, len(rows))
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes
        self._bytes = np.frombuffer(b"".join((*rows, _PADDING)), np.uint8)
        self._odd = np.zeros(len(rows), np.bool_)
        self._usual, self._moved = np.zeros((2, len(rows)), np.int64)

    def into(self, columns: Mapping[str, Column]) -> list[int]:
        """Fill columns, and return the rows that they cannot have."""
        if not columns.keys() <= NUMBERS.keys():
            return list(range(len(self._odd)))
        numbers = {NUMBERS[name]: column for name, column in columns.items()}
        rows, at = self._heads()
        while rows.size:
            size, at = self._take(rows, at)
            self._odd[rows[size > self._ends[rows] - at]] = True
            head, first = self._take(rows, at)
            number = head >> FLAGS
            self._odd[rows[number == 0]] = True  # its name is a text
            for wanted, column in numbers.items():
                found = np.flatnonzero(number == wanted)
                if found.size:
                    self._figure(column, rows[found], first[found], head[found])
            at = at + size
            left = (at < self._ends[rows]) & ~self._odd[rows]
            rows, at = rows[left], at[left]
        return [int(row) for row in np.flatnonzero(self._odd)]

    def _heads(self) -> tuple[Whole, Whole]:
        """Read how rows begin, and return those that have more, with where that is."""
        version = self._bytes[self._starts]
        self._odd |= (version == 0) | (version > VERSION)
        rows = np.flatnonzero(~self._odd)
        self._usual[rows], at = self._take(rows, self._starts[rows] + 1)
        newer = np.flatnonzero(version[rows] > 1)
        self._moved[rows[newer]], at[newer] = self._take(rows[newer], at[newer])
        self._odd |= (self._usual > _LONGEST) | (self._moved > _LONGEST)
        left = (at < self._ends[rows]) & ~self._odd[rows]
        return rows[left], at[left]

    def _figure(self, column: Column, rows: Whole, at: Whole, head: Whole) -> None:
        value, at = self._signed(rows, at, _LARGEST)
        column.values[rows] = value
        sampled = np.flatnonzero(head & MARGIN)
        if sampled.size:
            column.margins[rows[sampled]], at[sampled] = self._signed(
                rows[sampled], at[sampled], _LARGEST
            )
        did = np.flatnonzero(head & ROLLUP)
        if did.size:
            self._rolled(column, rows[did], at[did], value[did])

    def _rolled(self, column: Column, rows: Whole, at: Whole, value: Whole) -> None:
        """Read what a figure came to, as `packed` says."""
        last, at = self._signed(rows, at, _LARGEST)
        first, at = self._signed(rows, at, _LARGEST)
        for _ in range(2):  # the least and the most
            _, at = self._take(rows, at)
        integral, at = self._signed(rows, at, _LEFT)
        known, _ = self._signed(rows, at, _LONGEST)
        last, known = last + value, known + self._usual[rows]
        column.integrals[rows] = integral + last * known + first * self._moved[rows]
        column.changed[rows] = True

    def _signed(self, rows: Whole, at: Whole, most: int) -> tuple[Whole, Whole]:
        number, at = self._take(rows, at)
        number = (number >> 1) ^ -(number & 1)
        self._odd[rows[np.abs(number) > most]] = True
        return number, at

    def _take(self, rows: Whole, at: Whole) -> tuple[Whole, Whole]:
        """Return the numbers that begin there, and where the next do."""
        byte = self._bytes[at]
        number, at = (byte & _SEVEN).astype(np.int64), at + 1
        more, shift = np.flatnonzero(byte & _MORE), 7
        while more.size:
            if shift == _BITS:
                self._odd[rows[more]] = True
                break
            byte = self._bytes[at[more]]
            number[more] |= (byte & _SEVEN).astype(np.int64) << shift
            at[more] += 1
            more, shift = more[(byte & _MORE) > 0], shift + 7
        return number, at
