"""Sums over many groups of keys at once: counts, memory, and how sure they are. No I/O."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.usage.sums import Amounts, Indexes

Sizes = NDArray[np.float64]

_SIGMAS = 1.96
_ONE = np.float64(1)
# Two-sided 95 % quantiles of Student's t, by degrees of freedom from 1.
_STUDENT = np.array([12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228])


class Columns(NamedTuple):
    """The sums of some groups, a column each, as `Sums` tells of them."""

    keys: Sizes
    sized: Sizes
    bytes: Sizes
    squares: Sizes
    refused: Sizes

    def of(self, some: Indexes) -> Columns:
        """Return the sums of some of these groups."""
        return Columns(*(column[some] for column in self))

    def of_size(self, size: int) -> Columns:
        """Return columns of the first so many groups; of those there are not yet, nothing."""
        more = np.zeros(max(0, size - len(self.keys)))
        return Columns(*(np.concatenate([column[:size], more]) for column in self))


class Sums:
    """The running sums of groups that are numbered from 0.

    Of their `columns`, `keys` counts a group's keys, `sized` those of them whose memory is known,
    `bytes` and `squares` are the sums of that memory and of its square; `refused` counts those of
    which Redis would not tell. What a key costs does not depend on the number of groups.
    """

    def __init__(self, size: int = 0) -> None:
        self._size = size
        self.columns = Columns(*np.zeros((len(Columns._fields), max(1024, size))))

    @property
    def found(self) -> Columns:
        """A copy of the sums of all groups that there are."""
        return self.columns.of_size(self._size)

    def new(self, width: int = 1) -> int:
        """Begin some more groups and return the number of the first."""
        first, self._size = self._size, self._size + width
        if self._size > len(self.columns.keys):
            self.columns = self.columns.of_size(2 * len(self.columns.keys))
        return first

    def add(self, groups: Indexes) -> None:
        """Count one key for each number."""
        np.add.at(self.columns.keys, groups, _ONE)

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
        np.add.at(self.columns.sized, groups, _ONE)
        np.add.at(self.columns.bytes, groups, held)
        np.add.at(self.columns.squares, groups, held * held)

    def _set_aside(self, groups: Indexes, sizes: list[Any]) -> tuple[Indexes, NDArray[np.int64]]:
        """Deal with the replies that are no number, and return the others."""
        gone = np.array([size is None for size in sizes], dtype=bool)
        told = np.array([isinstance(size, int) for size in sizes], dtype=bool)
        np.subtract.at(self.columns.keys, groups[gone], _ONE)
        np.add.at(self.columns.refused, groups[~gone & ~told], _ONE)
        numbers = [size for size in sizes if isinstance(size, int)]
        return groups[told], np.array(numbers, np.int64)

    def ordinals(self, groups: Indexes) -> Indexes:
        """Return of each key just added how many of its group had been added before it."""
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        after = np.searchsorted(ordered, ordered, "right") - np.arange(len(ordered))
        ordinals = np.empty_like(groups)
        ordinals[order] = self.columns.keys[ordered].astype(np.intp) - after
        return ordinals

    def there(self, groups: Indexes) -> Indexes:
        """Return the places of those of these groups that have a key."""
        return np.flatnonzero(self.columns.keys[groups])

    def sized_share(self) -> float:
        """Return the part of the counted keys whose memory is known."""
        counted = self.columns.keys.sum()
        return float(self.columns.sized.sum() / counted) if counted else 1.0

    def amounts(self, groups: Indexes, share: float = 1.0) -> Amounts:
        """Return the amounts of these groups, scaled up from the share that was scanned.

        Bytes are not known of a group of which no key was sized, or one was refused. There is a
        margin where not all was scanned, or not all of it sized.
        """
        found = self.columns.of(groups)
        known = (found.sized > 0) & (found.refused == 0)
        partly = np.flatnonzero(known & ((found.sized < found.keys) | (share < 1)))
        bytes_margin = np.zeros(len(groups))
        bytes_margin[partly] = _bytes_margin(found.of(partly), share)
        return Amounts(
            np.rint(found.keys / share).astype(np.int64),
            np.rint(_held(found) / share).astype(np.int64),
            known,
            _SIGMAS * np.sqrt(found.keys * (1 - share)) / share,
            bytes_margin,
        )


def _held(found: Columns) -> Sizes:
    """The memory of all counted keys, those that were not sized being as large as the rest."""
    whole = found.sized >= found.keys
    return np.where(whole, found.bytes, found.bytes / np.maximum(found.sized, 1) * found.keys)


def _bytes_margin(found: Columns, share: float) -> Sizes:
    """Half of the 95 % interval: for the keys not sized, and for those not scanned."""
    squares = found.squares / np.maximum(found.sized, 1) * found.keys
    unseen = _SIGMAS * np.sqrt(squares * (1 - share))
    margin: Sizes = np.hypot(unseen, sampling_margin(found)) / share
    return margin


def sampling_margin(found: Columns) -> Sizes:
    """Half of the 95 % interval of a sum of which a part was sized, drawn evenly.

    By Student's t, with the correction for a finite population. Where a single key was sized
    nothing is known of the spread, and it is taken to be as large as that key.
    """
    sized, counted = np.maximum(found.sized, 1), np.maximum(found.keys, 1)
    freedom = np.maximum(sized - 1, 1)
    unsized = np.clip(1 - found.sized / counted, 0, 1)
    margin: Sizes = student(freedom) * found.keys * np.sqrt(spread_of(found) / sized * unsized)
    return margin


def spread_of(found: Columns) -> Sizes:
    """The variance of a key's memory, as the keys that were sized tell it."""
    sized = np.maximum(found.sized, 1)
    spread = np.maximum(found.squares - found.bytes**2 / sized, 0) / np.maximum(sized - 1, 1)
    return np.where(found.sized == 1, found.squares, spread)


def student(freedom: Sizes) -> Sizes:
    """Look up the quantile; beyond the table, 1.96 + 2.4 / freedom is right to three digits."""
    few = _STUDENT[np.minimum(freedom, len(_STUDENT)).astype(np.intp) - 1]
    return np.where(freedom <= len(_STUDENT), few, _SIGMAS + 2.4 / freedom)
