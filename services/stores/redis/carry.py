"""Carries memory over from the last pass that asked for it to passes that count. No I/O but one.

A key's memory costs the server more than its name does. So between two passes that ask for the
memory of every key, or of a sample above the budget, a pass counts all keys and asks only for that
of keys whose owner or kind was not there then, and of a small share of the others:

- An owner's kind that has as many keys as then has that memory still, as of then.
- One that has more or fewer has what it had a key, with a margin for those that came or went.
- One that was not there is read as in any other pass: nothing is guessed from others.
- Where the share of a kind says that its keys are of another size now, it goes by that share. Where
  the shares of all say so, nothing is carried over, and memory is read anew at once.

Nothing is carried over to another server, to one that was started again or filled anew, nor where
the server does not tell.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain

import numpy as np

from services.stores.redis.link import Link
from services.stores.redis.scan import Choose
from services.stores.redis.server import Opening, asked, fields_of, number
from services.stores.redis.sums import Columns, Sizes, Sums, sampling_margin, spread_of, student
from services.stores.redis.tally import KeyTally, Numbered
from services.usage.sums import Amounts, Indexes

_EMPTYING = ("flushall", "flushdb", "swapdb", "replicaof", "slaveof", "config|resetstat")
_SHARE_OF = 20_000
_ENOUGH = 30
_SIGMAS_OF_ONE, _SIGMAS_OF_ALL = 5.0, 3.0
_WORTH = 0.005


@dataclass(frozen=True, slots=True)
class Standing:
    """Which server it is, how often it was emptied, and how many commands it has answered."""

    filled: tuple[str, ...]
    commands: int

    @classmethod
    def ask(cls, link: Link, told: Opening) -> Standing | None:
        """Ask for it in one round trip; None where it is not told, or of a replica."""
        if link.is_cluster:
            parts = zip(link.primaries, told.parts, strict=False)
            return cls._of_all([cls.ask(each, part) for each, part in parts])
        run_id = told.facts.get("run_id")
        commands = number(told.facts.get("total_commands_processed", ""))
        if told.standing.is_replica or not run_id or commands is None:
            return None
        (info,) = asked(link, ("INFO", "commandstats"))
        if info is None:
            return None
        calls = fields_of(info)
        emptied = (_calls(calls.get(f"cmdstat_{name}", "")) for name in _EMPTYING)
        return cls((run_id, *emptied), commands)

    @classmethod
    def _of_all(cls, nodes: Sequence[Standing | None]) -> Standing | None:
        told = [each for each in nodes if each is not None]
        if len(told) < len(nodes):
            return None
        filled = chain.from_iterable(each.filled for each in told)
        return cls(tuple(filled), sum(each.commands for each in told))

    def follows(self, before: Standing) -> bool:
        """Whether all that was there `before` still is, unless it was removed key by key."""
        return self.filled == before.filled and self.commands >= before.commands


def _calls(stat: str) -> str:
    return stat.partition("calls=")[2].partition(",")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What a pass found that asked for memory: by group, and how these are numbered.

    `at` is when it began, `began` the same by this process's monotonic clock.
    """

    columns: Columns
    numbered: Numbered
    standing: Standing
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)

    def is_young(self, seconds: float) -> bool:
        """Whether it began less than so many seconds ago."""
        return time.monotonic() - self.began < seconds


@dataclass(frozen=True, slots=True)
class Beginning:
    """When a pass that asks for memory began, and where the server stood."""

    standing: Standing
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)

    def base(self, tally: KeyTally) -> Base | None:
        """Return what it found; None where memory is not known of all groups."""
        columns = tally.sums.found
        if np.any(columns.refused) or np.any((columns.keys > 0) & (columns.sized == 0)):
            return None
        return Base(columns, tally.numbered, self.standing, self.at, self.began)


class CarriedSums(Sums):
    """Running sums of a pass that counts, with the memory of an earlier one. Numbered as there."""

    def __init__(self, base: Columns) -> None:
        super().__init__(len(base.keys))
        self._base = base.of_size(len(self.columns.keys))

    def new(self, width: int = 1) -> int:
        """Begin some more groups, of which nothing is carried over."""
        first = super().new(width)
        if len(self._base.keys) < len(self.columns.keys):
            self._base = self._base.of_size(len(self.columns.keys))
        return first

    def choose(self, most: float, of_new: Choose) -> Choose:
        """Ask for the memory of some 20,000 keys, a share `most` at most, and as `of_new` does."""
        chance = np.random.default_rng()
        share = min(most, _SHARE_OF / max(1, self._base.keys.sum()))

        def chosen(groups: Indexes) -> Indexes:
            picked = chance.random(len(groups)) < share
            new = np.flatnonzero(self._base.keys[groups] == 0)
            some = of_new(groups[new]) if len(new) else None
            picked[new] = False
            picked[new if some is None else new[some]] = True
            return np.flatnonzero(picked)

        return chosen

    def amounts(self, groups: Indexes, share: float = 1.0) -> Amounts:
        """Return the amounts of these groups: what was carried over where something was."""
        found = super().amounts(groups, share)
        if share < 1:  # a pass under way
            return found
        was, now = self._base.of(groups), self.columns.of(groups)
        off, spread = _off(was, now)
        otherwise = (now.sized >= _ENOUGH) & (np.abs(off) > _SIGMAS_OF_ONE * spread)
        over = (was.keys > 0) & ~otherwise
        held = was.bytes / np.maximum(was.sized, 1) * now.keys
        return found._replace(
            sizes=np.where(over, np.rint(held).astype(np.int64), found.sizes),
            known=found.known | over,
            bytes_margin=np.where(over, _margin(was, now), found.bytes_margin),
        )

    def contradicted(self) -> bool:
        """Whether the shares of all groups say that keys are of another size than they were."""
        now = self.columns
        off, spread = _off(self._base, now)
        all_off, expected = abs(off.sum()), (now.bytes - off)[self._base.keys > 0].sum()
        unlikely = all_off > _SIGMAS_OF_ALL * np.sqrt((spread**2).sum())
        return bool(unlikely and all_off > _WORTH * expected)


def carrying(service: str, base: Base) -> tuple[KeyTally, CarriedSums]:
    """Return what counts a pass whose memory is carried over."""
    sums = CarriedSums(base.columns)
    return KeyTally(service, sums=sums, numbered=base.numbered), sums


def _off(was: Columns, now: Columns) -> tuple[Sizes, Sizes]:
    """Return by how much the keys that were sized are off what they were expected to have.

    With it what that may be by chance, one sigma: by how keys differed then or, where that is
    more, by how these are off. So neither a large key that was met nor one that was not is news.
    """
    there = was.keys > 0
    each = was.bytes / np.maximum(was.sized, 1)
    off = np.where(there, now.bytes - now.sized * each, 0)
    squares = now.squares - 2 * each * now.bytes + now.sized * each**2
    variance = np.maximum(squares, now.sized * spread_of(was))
    return off, np.sqrt(np.where(there, np.maximum(variance, 0), 0))


def _margin(was: Columns, now: Columns) -> Sizes:
    """Half of the 95 % interval: for keys that came or went, and for those not sized then."""
    keys = np.maximum(was.keys, 1)
    moved = np.abs(now.keys - was.keys)
    by_chance = np.sqrt(spread_of(was) * moved * (1 + moved / keys))
    then = sampling_margin(was) * now.keys / keys
    freedom = np.maximum(was.sized - 1, 1)
    margin: Sizes = np.hypot(student(freedom) * by_chance, then)
    return margin
