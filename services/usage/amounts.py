"""Amounts of very many, in columns. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.figures import Amount

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
