"""Sums over many groups of keys at once: counts, memory, and how sure they are. No I/O."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.figures import Amount

Indexes = NDArray[np.intp]
Sizes = NDArray[np.float64]

_SIGMAS = 1.96
_GATHERED = 50
# Two-sided 95 % quantiles of Student's t, by degrees of freedom from 1.
_STUDENT = np.array([12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228])


class Sums:
    """The running sums of groups that are numbered from 0.

    `count` are a group's keys, `sized` those of them whose memory is known, `bytes` and `squares`
    the sums of that memory and of its square; `refused` those of which Redis would not tell.
    What comes in is gathered and summed up some ten thousand keys at a time.
    """

    def __init__(self) -> None:
        self._size = 0
        self._sums = np.zeros((5, 1024))
        self._seen: list[Indexes] = []
        self._weighed: list[tuple[Indexes, Sizes]] = []
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
        self._seen.append(groups)
        if len(self._seen) >= _GATHERED:
            self.settle()

    def weigh(self, groups: Indexes, sizes: list[Any]) -> None:
        """Add the memory of one key for each number, as MEMORY USAGE replied.

        None is a key that vanished, which is not counted any more; anything else but a number is
        a refusal.
        """
        try:
            known = np.array(sizes, np.int64)
        except TypeError:
            groups, known = self._set_aside(groups, sizes)
        self._weighed.append((groups, known.astype(np.float64)))

    def _set_aside(self, groups: Indexes, sizes: list[Any]) -> tuple[Indexes, NDArray[np.int64]]:
        """Deal with the replies that are no number, and return the others."""
        gone = np.array([size is None for size in sizes], dtype=bool)
        told = np.array([isinstance(size, int) for size in sizes], dtype=bool)
        np.subtract.at(self.count, groups[gone], 1)
        np.add.at(self.refused, groups[~gone & ~told], 1)
        numbers = [size for size in sizes if isinstance(size, int)]
        return groups[told], np.array(numbers, np.int64)

    def settle(self) -> None:
        """Sum up what was gathered."""
        size = self._sums.shape[1]
        if self._seen:
            self.count += np.bincount(np.concatenate(self._seen), minlength=size)
        if self._weighed:
            parts = zip(*self._weighed, strict=True)
            groups, known = (np.concatenate(part) for part in parts)
            self.sized += np.bincount(groups, minlength=size)
            self.bytes += np.bincount(groups, known, minlength=size)
            self.squares += np.bincount(groups, known * known, minlength=size)
        self._seen, self._weighed = [], []

    def ordinals(self, groups: Indexes) -> Indexes:
        """Return of each key just added how many of its group had been added before it."""
        self.settle()
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        after = np.searchsorted(ordered, ordered, "right") - np.arange(len(ordered))
        ordinals = np.empty_like(groups)
        ordinals[order] = self.count[ordered].astype(np.intp) - after
        return ordinals

    def sized_share(self) -> float:
        """Return the part of the counted keys whose memory is known."""
        self.settle()
        counted = self.count.sum()
        return float(self.sized.sum() / counted) if counted else 1.0

    def amounts(self, share: float = 1.0) -> dict[int, Amount]:
        """Return the amount of each group, scaled up from the share that was scanned.

        Groups without a key are left out. Bytes are None for a group of which no key was sized,
        or one was refused.
        """
        self.settle()
        there = np.flatnonzero(self.count)
        columns = (
            np.rint(self.count / share).astype(np.int64),
            np.rint(self._held() / share).astype(np.int64),
            _SIGMAS * np.sqrt(self.count * (1 - share)) / share,
            self._bytes_margin(share),
            (self.sized > 0) & (self.refused == 0),
        )
        rows = zip(*(column[there].tolist() for column in columns), strict=True)
        made = _Amounts()
        return {number: made[row] for number, row in zip(there.tolist(), rows, strict=True)}

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


class _Amounts(dict[tuple[int, int, float, float, bool], Amount]):
    """Amounts made so far: in a large fleet most groups are like another."""

    def __missing__(self, row: tuple[int, int, float, float, bool]) -> Amount:
        count, held, count_margin, bytes_margin, is_known = row
        amount = Amount(count, None, count_margin)
        if is_known:
            amount = Amount(count, held, count_margin, bytes_margin)
        self[row] = amount
        return amount
