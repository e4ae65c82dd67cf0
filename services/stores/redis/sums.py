"""Sums over many groups of keys at once: counts, memory, and how sure they are. No I/O."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Indexes = NDArray[np.intp]
Sizes = NDArray[np.float64]

_SIGMAS = 1.96
_ONE = np.float64(1)
# Two-sided 95 % quantiles of Student's t, by degrees of freedom from 1.
_STUDENT = np.array([12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228])


class Amounts(NamedTuple):
    """What groups come to, a column each; `sizes`, in bytes, count where they are `known`."""

    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    known: NDArray[np.bool_]
    count_margin: NDArray[np.float64]
    bytes_margin: NDArray[np.float64]


class Sums:
    """The running sums of groups that are numbered from 0.

    `count` are a group's keys, `sized` those of them whose memory is known, `bytes` and `squares`
    the sums of that memory and of its square; `refused` those of which Redis would not tell.
    What a key costs does not depend on the number of groups.
    """

    def __init__(self) -> None:
        self._size = 0
        self._sums = np.zeros((5, 1024))
        self._spread_out()

    def _spread_out(self) -> None:
        self.count, self.sized, self.bytes, self.squares, self.refused = self._sums

    def new(self, width: int = 1) -> int:
        """Begin some more groups and return the number of the first."""
        first, self._size = self._size, self._size + width
        if self._size > self._sums.shape[1]:
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)], axis=1)
            self._spread_out()
        return first

    def add(self, groups: Indexes) -> None:
        """Count one key for each number."""
        np.add.at(self.count, groups, _ONE)

    def weigh(self, groups: Indexes, sizes: list[Any]) -> None:
        """Add the memory of one key for each number, as MEMORY USAGE replied.

        None is a key that vanished, which is not counted any more; anything else but a number is
        a refusal.
        """
        try:
            known = np.array(sizes, np.int64)
        except TypeError:
            groups, known = self._set_aside(groups, sizes)
        held = known.astype(np.float64)
        np.add.at(self.sized, groups, _ONE)
        np.add.at(self.bytes, groups, held)
        np.add.at(self.squares, groups, held * held)

    def _set_aside(self, groups: Indexes, sizes: list[Any]) -> tuple[Indexes, NDArray[np.int64]]:
        """Deal with the replies that are no number, and return the others."""
        gone = np.array([size is None for size in sizes], dtype=bool)
        told = np.array([isinstance(size, int) for size in sizes], dtype=bool)
        np.subtract.at(self.count, groups[gone], _ONE)
        np.add.at(self.refused, groups[~gone & ~told], _ONE)
        numbers = [size for size in sizes if isinstance(size, int)]
        return groups[told], np.array(numbers, np.int64)

    def ordinals(self, groups: Indexes) -> Indexes:
        """Return of each key just added how many of its group had been added before it."""
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        after = np.searchsorted(ordered, ordered, "right") - np.arange(len(ordered))
        ordinals = np.empty_like(groups)
        ordinals[order] = self.count[ordered].astype(np.intp) - after
        return ordinals

    def sized_share(self) -> float:
        """Return the part of the counted keys whose memory is known."""
        counted = self.count.sum()
        return float(self.sized.sum() / counted) if counted else 1.0

    def amounts(self, groups: Indexes, share: float = 1.0) -> Amounts:
        """Return the amounts of these groups, scaled up from the share that was scanned.

        Bytes are not known of a group of which no key was sized, or one was refused.
        """
        known = (self.sized > 0) & (self.refused == 0)
        bytes_margin = np.where(known, self._bytes_margin(share), 0.0)
        return Amounts(
            np.rint(self.count / share).astype(np.int64)[groups],
            np.rint(self._held() / share).astype(np.int64)[groups],
            known[groups],
            (_SIGMAS * np.sqrt(self.count * (1 - share)) / share)[groups],
            bytes_margin[groups],
        )

    def _held(self) -> NDArray[np.float64]:
        """The memory of all counted keys, those that were not sized being as large as the rest."""
        whole = self.sized >= self.count
        return np.where(whole, self.bytes, self.bytes / np.maximum(self.sized, 1) * self.count)

    def _bytes_margin(self, share: float) -> NDArray[np.float64]:
        """Half of the 95 % interval: for the keys not sized, and for those not scanned."""
        squares = self.squares / np.maximum(self.sized, 1) * self.count
        unseen = _SIGMAS * np.sqrt(squares * (1 - share))
        margin: NDArray[np.float64] = np.hypot(unseen, self._sampling_margin()) / share
        return margin

    def _sampling_margin(self) -> NDArray[np.float64]:
        """Half of the 95 % interval of a sum of which a part was sized, drawn evenly.

        By Student's t, with the correction for a finite population. Where a single key was sized
        nothing is known of the spread, and it is taken to be as large as that key.
        """
        sized, counted = np.maximum(self.sized, 1), np.maximum(self.count, 1)
        freedom = np.maximum(sized - 1, 1)
        spread = np.maximum(self.squares - self.bytes**2 / sized, 0) / freedom
        spread = np.where(self.sized == 1, self.squares, spread)
        unsized = np.clip(1 - self.sized / counted, 0, 1)
        margin: NDArray[np.float64] = (
            _student(freedom) * self.count * np.sqrt(spread / sized * unsized)
        )
        return margin


def _student(freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Look up the quantile; beyond the table, 1.96 + 2.4 / freedom is right to three digits."""
    few = _STUDENT[np.minimum(freedom, len(_STUDENT)).astype(np.intp) - 1]
    return np.where(freedom <= len(_STUDENT), few, _SIGMAS + 2.4 / freedom)
