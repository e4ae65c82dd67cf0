"""Reads many packed rows side by side, as `packed` says: one figure of each at a time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.history.packed import (
    FLAGS,
    MARGIN,
    NUMBERS,
    PLAIN,
    ROLLUP,
    SAMPLED,
    VERSION,
    WHOLE,
)

Whole = NDArray[np.int64]
Told = NDArray[np.bool_]

_LARGEST, _LONGEST, _LEFT = 1 << 42, 1 << 17, 1 << 60
"""Figures, seconds and what is left of an integral: 64 bits hold what is reckoned of smaller ones,
4 TB and more than a day."""

_MOST = 100  # figures of a row
_BITS, _MORE, _SEVEN, _FORM = 63, 0x80, 0x7F, 3
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
class _Found:
    """Where rows have a quantity: which entry it is there, and in which form.

    Before its own numbers are so many of others that changed plainly, and of the rest.
    """

    column: Column
    rows: Whole
    entry: int
    form: Whole
    plain: Whole
    rest: Whole


class Walk:
    """Goes through rows side by side."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        sizes = np.fromiter(map(len, rows), np.int64, len(rows))
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes
        self._bytes = np.frombuffer(b"".join((*rows, _PADDING)), np.uint8)
        self._odd = np.zeros(len(rows), np.bool_)
        self._usual, self._moved = np.zeros((2, len(rows)), np.int64)

    def into(self, columns: Mapping[str, Column]) -> list[int]:
        """Fill columns, and return the places of rows that they cannot have."""
        if not columns.keys() <= NUMBERS.keys():
            return list(range(len(self._odd)))
        numbers = {NUMBERS[name]: column for name, column in columns.items()}
        version = self._bytes[self._starts]
        self._odd |= (version == 0) | (version > VERSION)
        self._newest(np.flatnonzero(version == VERSION), numbers)
        self._before(np.flatnonzero((version > 0) & (version < VERSION)), numbers)
        return [int(row) for row in np.flatnonzero(self._odd)]

    def _newest(self, rows: Whole, numbers: Mapping[int, Column]) -> None:
        """Read rows of version 3: but for names at its end, all of one is numbers."""
        if not rows.size:
            return
        self._stops = np.flatnonzero(self._bytes < _MORE)
        heads = np.zeros(len(self._odd), np.int64)
        heads[rows] = np.searchsorted(self._stops, self._starts[rows]) + 4
        count, _ = self._take(rows, self._number(heads[rows] - 1))
        self._usual[rows], _ = self._take(rows, self._number(heads[rows] - 3))
        self._moved[rows], _ = self._take(rows, self._number(heads[rows] - 2))
        self._odd[rows[count > _MOST]] = True
        self._odd |= (self._usual > _LONGEST) | (self._moved > _LONGEST)
        values, plain = np.zeros((2, len(self._odd)), np.int64)
        values[rows] = heads[rows] + count
        found = list(self._found(rows, count, heads, numbers, plain))
        grown = values + (values - heads)
        for each in found:
            at = each.rows
            value = self._signed(at, self._number(values[at] + each.entry), _LARGEST)[0]
            each.column.values[at] = value
            likely = np.flatnonzero(each.form == PLAIN)
            if likely.size:
                own = at[likely]
                first = grown[own] + each.plain[likely]
                self._plain(each.column, own, first, plain[own], value[likely])
            self._others(each, grown[at] + 2 * plain[at] + each.rest, value)

    def _found(
        self, rows: Whole, count: Whole, heads: Whole, numbers: Mapping[int, Column], plain: Whole
    ) -> Iterator[_Found]:
        """Yield where quantities are, and count in each row those that changed plainly."""
        rest = np.zeros(len(self._odd), np.int64)
        for entry in range(int(count.max(initial=0))):
            left = (count > entry) & ~self._odd[rows]
            rows, count = rows[left], count[left]
            head, _ = self._take(rows, self._number(heads[rows] + entry))
            number, form = head >> FLAGS, head & _FORM
            self._odd[rows[number == 0]] = True  # its name is a text
            for wanted, column in numbers.items():
                some = np.flatnonzero(number == wanted)
                if some.size:
                    own = rows[some]
                    yield _Found(column, own, entry, form[some], plain[own], rest[own])
            plain[rows] += form == PLAIN
            rest[rows] += np.where(form == SAMPLED, 1, np.where(form == WHOLE, 7, 0))

    def _plain(self, column: Column, rows: Whole, at: Whole, plain: Whole, value: Whole) -> None:
        first, _ = self._signed(rows, self._number(at), _LARGEST)
        integral, _ = self._signed(rows, self._number(at + plain), _LEFT)
        came_to = integral + value * self._usual[rows] + first * self._moved[rows]
        column.integrals[rows] = came_to
        column.changed[rows] = True

    def _others(self, found: _Found, first: Whole, value: Whole) -> None:
        """Read what is said of figures with a margin, or that did something else."""
        more = np.flatnonzero((found.form == SAMPLED) | (found.form == WHOLE))
        if more.size:
            rows = found.rows[more]
            margin, at = self._signed(rows, self._number(first[more]), _LARGEST)
            found.column.margins[rows] = margin
            did = np.flatnonzero(found.form[more] == WHOLE)
            self._rolled(found.column, rows[did], at[did], value[more[did]])

    def _number(self, which: Whole) -> Whole:
        """Return where numbers begin, by their place among all: after the one before."""
        found: Whole = self._stops[np.minimum(which, len(self._stops) - 1) - 1] + 1
        return found

    def _before(self, rows: Whole, numbers: Mapping[int, Column]) -> None:
        """Read rows of versions 1 and 2, in which figures follow one another."""
        rows, at = self._heads(rows)
        while rows.size:
            size, at = self._take(rows, at)
            self._odd[rows[size > self._ends[rows] - at]] = True
            head, first = self._take(rows, at)
            number = head >> FLAGS
            self._odd[rows[number == 0]] = True
            for wanted, column in numbers.items():
                found = np.flatnonzero(number == wanted)
                if found.size:
                    self._figure(column, rows[found], first[found], head[found])
            at = at + size
            left = (at < self._ends[rows]) & ~self._odd[rows]
            rows, at = rows[left], at[left]

    def _heads(self, rows: Whole) -> tuple[Whole, Whole]:
        """Read how rows begin, and return those that have more, with where that is."""
        self._usual[rows], at = self._take(rows, self._starts[rows] + 1)
        newer = np.flatnonzero(self._bytes[self._starts[rows]] > 1)
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
