"""Sums of amounts, of what owners have, and of very many amounts in columns. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.figures import PREDICTIONS, Amount, Measure, Usage

Indexes = NDArray[np.intp]
Numbers = NDArray[np.int64]
Margins = NDArray[np.float64]


class Amounts(NamedTuple):
    """Amounts, a column a field; `sizes`, in bytes, count where they are `known`."""

    counts: Numbers
    sizes: Numbers
    known: NDArray[np.bool_]
    count_margin: Margins
    bytes_margin: Margins

    @classmethod
    def of(cls, amounts: Sequence[Amount]) -> Amounts:
        """Put amounts in columns."""
        return cls(
            np.array([each.count for each in amounts], np.int64),
            np.array([each.bytes or 0 for each in amounts], np.int64),
            np.array([each.bytes is not None for each in amounts], np.bool_),
            np.array([each.count_margin for each in amounts], np.float64),
            np.array([each.bytes_margin for each in amounts], np.float64),
        )

    def of_some(self, places: Indexes) -> Amounts:
        """Return those at some places."""
        counts, sizes, known, of_count, of_bytes = self
        return Amounts(
            counts[places], sizes[places], known[places], of_count[places], of_bytes[places]
        )

    def summed(self, at: Indexes, number: int) -> Amounts:
        """Return so many sums, `at` which each amount is added.

        Bytes are summed where they are known, independent errors in quadrature.
        """
        counts, sizes = np.zeros(number, np.int64), np.zeros(number, np.int64)
        known = np.zeros(number, np.bool_)
        np.add.at(counts, at, self.counts)
        np.add.at(sizes, at, np.where(self.known, self.sizes, 0))
        known[at[self.known]] = True
        margins = (_root(margin, at, number) for margin in self[3:])
        return Amounts(counts, sizes, known, *margins)

    def total(self) -> Amount:
        """Return the sum of all."""
        (found,) = self.summed(np.zeros(len(self.counts), np.intp), 1).each()
        return found

    def each(self) -> Iterator[Amount]:
        """Yield every amount."""
        for count, size, known, *margins in zip(*(c.tolist() for c in self), strict=True):
            yield Amount(count, size if known else None, *margins)


def _root(margin: Margins, at: Indexes, number: int) -> Margins:
    found = np.zeros(number)
    if margin.any():
        np.add.at(found, at, margin**2)
    return np.sqrt(found)


class Sum:
    """A running sum of amounts: a fleet has more of them than frozen values could be made of."""

    __slots__ = ("bytes", "bytes_variance", "count", "count_variance")

    def __init__(self) -> None:
        self.count = 0
        self.bytes: int | None = None
        self.count_variance = self.bytes_variance = 0.0

    def add(self, amount: Amount) -> None:
        """Add one: bytes where known, independent errors in quadrature."""
        self.count += amount.count
        if amount.bytes is not None:
            self.bytes = amount.bytes + (self.bytes or 0)
        if amount.count_margin or amount.bytes_margin:
            self.count_variance += amount.count_margin**2
            self.bytes_variance += amount.bytes_margin**2

    def amount(self) -> Amount:
        """Return the sum."""
        if not (self.count_variance or self.bytes_variance):
            return Amount(self.count, self.bytes)
        margins = math.sqrt(self.count_variance), math.sqrt(self.bytes_variance)
        return Amount(self.count, self.bytes, *margins)


def total(amounts: Iterable[Amount]) -> Amount:
    """Return the sum of amounts."""
    found = Sum()
    for amount in amounts:
        found.add(amount)
    return found.amount()


def add_usages(usages: Iterable[Usage]) -> Usage:
    """Sum usages, one at least; a figure that is unknown in one is unknown in the sum."""
    first, *rest = usages
    if not rest:
        return first
    every = (first, *rest)
    names = (*Measure, PREDICTIONS)
    figures = {str(m): _total_known([usage.of(m) for usage in every]) for m in names}
    return Usage(**figures, keys_by_kind=_kinds([usage.keys_by_kind for usage in every]))


def _total_known(amounts: Sequence[Amount | None]) -> Amount | None:
    known = [amount for amount in amounts if amount is not None]
    return total(known) if len(known) == len(amounts) else None


def _kinds(of_each: Sequence[Mapping[str, int] | None]) -> dict[str, int] | None:
    found = Counter[str]()
    for kinds in of_each:
        if kinds is None:
            return None
        found.update(kinds)
    return dict(+found)
