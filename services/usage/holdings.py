"""What each part of a fleet holds, in columns, and the part itself once it is looked at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.figures import PREDICTIONS, Amount, Measure, Usage
from services.usage.patterns import Patterns
from services.usage.places import Places
from services.usage.snapshot import KbUsage
from services.usage.sums import Amounts, Indexes, Numbers

T = TypeVar("T")

NOWHERE = -1
"""What stands for the place of what a part has not."""


class Kinds(NamedTuple):
    """How many keys of each kind the parts have.

    `codes` are a part's number times `width` with a kind's number added; each is there once, and
    they rise.
    """

    codes: Indexes
    counts: Numbers
    width: int

    @classmethod
    def of(cls, parts: Indexes, kinds: Indexes, counts: Numbers, *, width: int) -> Self:
        """Sum up counts by part and kind."""
        codes = parts * width + kinds
        order = np.argsort(codes, kind="stable")
        codes, counts = codes[order], counts[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        summed = np.add.reduceat(counts, starts) if len(starts) else counts
        return cls(codes[starts], summed, width)

    def differ(self, before: Kinds) -> Indexes:
        """Return the parts of which a kind is not as it was before, or had none then.

        One that lost a kind has fewer keys, or more of another.
        """
        at = _places(before.codes, self.codes)
        changed = self.codes
        if len(before.codes):
            as_it_was = (before.codes[at] == self.codes) & (before.counts[at] == self.counts)
            changed = changed[~as_it_was]
        parts: Indexes = changed // max(self.width, 1)
        return parts


@dataclass(frozen=True)
class Holdings:
    """What the parts hold that were found in one round, by their places in it.

    `parts` are their numbers, which rise, and `spoken` the owners by whom it is told whose each
    is. `amounts` are by measure, and of `PREDICTIONS`, and count where something was `found`;
    elsewhere it is what `none` has. `pattern_at` is each part's place in `patterns`, or NOWHERE;
    `collections` are of the parts that have such.
    """

    places: Places
    parts: Indexes
    spoken: Indexes
    amounts: Mapping[str, Amounts]
    found: Mapping[str, NDArray[np.bool_]]
    kinds: Kinds
    none: Usage
    patterns: Patterns
    pattern_at: Indexes
    collections: Mapping[int, Sequence[str]]

    def part(self, at: int) -> KbUsage:
        """Return a part."""
        owner = self._spoken[at]
        name, is_kb = self.places.parts[self._parts[at]]
        place = self.pattern_at[at]
        pattern = None if place == NOWHERE else self.patterns[place]
        return KbUsage(
            name=name,
            is_kb=is_kb,
            claim=self.places.claims[owner],
            usage=self.usage(at),
            nodes=self.places.ownership.nodes_by_kb.get(name, ()) if is_kb else (),
            first_write=pattern.first_write if pattern else None,
            last_write=pattern.last_write if pattern else None,
            collections=tuple(self.collections.get(at, ())),
            rows_by_table=pattern.rows_by_table if pattern else {},
        )

    def kb_ids(self) -> frozenset[str]:
        """Return every kb_id among the parts."""
        parts = self.places.parts
        return frozenset(parts[number][0] for number in self._parts if parts[number][1])

    def same(self, before: Holdings) -> NDArray[np.bool_]:
        """Say of each part whether it is as it was in another round of the same places."""
        comparable = self.places is before.places and self.none == before.none
        if not (comparable and len(before.parts) and self.kinds.width == before.kinds.width):
            return np.zeros(len(self.parts), np.bool_)
        at = _places(before.parts, self.parts)
        same: NDArray[np.bool_] = before.parts[at] == self.parts
        same &= before.spoken[at] == self.spoken
        for measure, amounts in self.amounts.items():
            same &= self.found[measure] == before.found[measure][at]
            for now, then in zip(amounts, before.amounts[measure], strict=True):
                same &= now == then[at]
        same &= ~np.isin(self.parts, self.kinds.differ(before.kinds))
        same &= self._same_patterns(before, at)
        same &= ~np.isin(self.parts, _differing(self._collections, before._collections))
        return same

    def _same_patterns(self, before: Holdings, at: Indexes) -> NDArray[np.bool_]:
        """Say of each part whether it has the patterns that it had before, at some place."""
        now, then = self.pattern_at, before.pattern_at[at]
        same: NDArray[np.bool_] = (now == NOWHERE) == (then == NOWHERE)
        both = np.flatnonzero((now != NOWHERE) & (then != NOWHERE))
        same[both] = self.patterns.same(now[both], before.patterns, then[both])
        return same

    @property
    def _collections(self) -> dict[int, Sequence[str]]:
        return {self._parts[at]: found for at, found in self.collections.items()}

    def usage(self, at: int) -> Usage:
        """Return what a part holds."""
        none = self.none
        return Usage(
            self._amount(Measure.PATTERNS, at),
            self._amount(Measure.KEYS, at),
            self._amount(Measure.VECTORS, at),
            self._amount(Measure.SESSIONS, at),
            None if none.keys_by_kind is None else self._kinds_of(at),
            self._amount(PREDICTIONS, at),
        )

    def _amount(self, measure: str, at: int) -> Amount | None:
        found, counts, sizes, known, of_count, of_bytes = self._lists[measure]
        if not found[at]:
            return self.none.of(measure)
        return Amount(counts[at], sizes[at] if known[at] else None, of_count[at], of_bytes[at])

    def _kinds_of(self, at: int) -> dict[str, int]:
        names, starts, kinds, counts = self._kind_lists
        first, end = starts[at], starts[at + 1]
        return {names[kind]: n for kind, n in zip(kinds[first:end], counts[first:end], strict=True)}

    # Python's own lists are read one by one several times faster than numpy's columns.

    @cached_property
    def _lists(self) -> dict[str, list[list[int]]]:
        return {
            measure: [column.tolist() for column in (self.found[measure], *amounts)]
            for measure, amounts in self.amounts.items()
        }

    @cached_property
    def _kind_lists(self) -> tuple[list[str], list[int], list[int], list[int]]:
        parts, kinds = np.divmod(self.kinds.codes, max(self.kinds.width, 1))
        starts = [*np.searchsorted(parts, self.parts).tolist(), len(parts)]
        return self.places.kinds, starts, kinds.tolist(), self.kinds.counts.tolist()

    @cached_property
    def _spoken(self) -> list[int]:
        spoken: list[int] = self.spoken.tolist()
        return spoken

    @cached_property
    def _parts(self) -> list[int]:
        parts: list[int] = self.parts.tolist()
        return parts


def _places(among: Indexes, these: Indexes) -> Indexes:
    """Return where each of these would stand among numbers that rise, at most the last place."""
    return np.minimum(np.searchsorted(among, these), len(among) - 1)


def _differing(now: Mapping[int, T], then: Mapping[int, T]) -> list[int]:
    return [part for part in now.keys() | then.keys() if now.get(part) != then.get(part)]
