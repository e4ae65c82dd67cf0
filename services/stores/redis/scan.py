"""One SCAN pass over the keyspace, with the memory of keys asked for on the way.

The next SCAN is sent as soon as a reply is framed, before its keys are looked at: the server and
this process work at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import hiredis
import numpy as np

from services.stores.redis.errors import SlotMoved
from services.stores.redis.link import Link, form, packed
from services.stores.redis.sums import Sums
from services.stores.redis.tally import KeyTally
from services.usage.sums import Indexes

AT_LEAST = 5
"""Of each owner and kind, so many keys are sized even in a small sample."""

MEMORY = form("MEMORY", "USAGE", None)
"""Of one key; the server's default SAMPLES (5 members) applies."""

_REPORT_SECONDS = 0.3
_REPORT_PART = 0.1
_WINDOW = 1000
_FIRST = 100
_GLOB = b"\\*?[]^-"


class Repeats:
    """Drops the keys that SCAN returns twice, remembering only the last thousand.

    SCAN goes through the hash table in an order that growing does not change. When the table
    shrinks, one bucket of the smaller table covers several of the larger, some of which may have
    been returned just before. Those are the only repeats: at the start of a reply, of keys that
    were at the end of those before, so that the last hundred tell whether there are any. What can
    escape is less than one bucket each time that the table shrinks during the pass.
    """

    def __init__(self) -> None:
        self._last: list[bytes] = []

    def drop(self, keys: list[bytes]) -> list[bytes]:
        """Return the keys of the next reply that were not there just before."""
        last = self._last
        self._last = (keys if len(keys) >= _WINDOW else last + keys)[-_WINDOW:]
        if set(keys[:_FIRST]).isdisjoint(last[-_FIRST:]):
            return keys
        seen = set(last)
        return [key for key in keys if key not in seen]


def keyspace(
    link: Link, *, count: int, begins: bytes = b"", ahead: bool = True
) -> Iterator[list[bytes]]:
    """Yield all keys, or those that begin so, some at a time.

    Over one server by SCAN, as `scan` has it; over a cluster slot by slot, at all of its nodes and
    over connections of its own.
    """
    walk = link.walk(count)
    if walk is None:
        options = ("MATCH", glob_of(begins)) if begins else ()
        return scan(link, "SCAN", count=count, options=options, ahead=ahead)
    if not begins:
        return walk
    return ([key for key in keys if key.startswith(begins)] for keys in walk)


def glob_of(begins: bytes) -> bytes:
    """Return the MATCH of keys that begin so, in which each byte means itself."""
    escaped = (b"\\%c" % byte if byte in _GLOB else b"%c" % byte for byte in begins)
    return b"".join(escaped) + b"*"


def members_of(link: Link, command: str, key: bytes, *, count: int) -> Iterator[list[bytes]]:
    """Yield the members of a key some at a time, the next of them under way.

    Where its slot moves meanwhile it is begun anew, and none comes twice for that.
    """
    seen: set[bytes] = set()
    while True:
        try:
            for some in scan(link, command, key, count=count):
                fresh = [one for one in some if one not in seen] if seen else some
                if link.is_cluster:
                    seen.update(fresh)
                yield fresh
        except SlotMoved:
            yield []  # so that the consumer reads what it sent before
        else:
            return


def scan(
    link: Link, *command: bytes | str, count: int, options: Sequence[bytes | str] = (),
    ahead: bool = True,
) -> Iterator[list[bytes]]:  # fmt: skip
    """Yield the members of each reply of a SCAN, SSCAN or the like, the next one under way.

    What the consumer sends is answered after the reply that comes next; at once where the next
    one is not asked for `ahead`.
    """
    repeats = Repeats()
    link.send(packed(*command, 0, *options, "COUNT", count))
    while True:
        cursor, found = link.reply()
        if cursor == b"0":
            yield repeats.drop(found)
            return
        if not ahead:
            yield repeats.drop(found)
        link.send(packed(*command, cursor, *options, "COUNT", count))
        if ahead:
            yield repeats.drop(found)


Choose = Callable[[Indexes], Indexes | None]
"""Says which of the keys just counted, by their groups, to ask the memory of; None is all."""


def none_of(_: Indexes) -> Indexes:
    """Ask for no memory."""
    return np.empty(0, np.intp)


def all_of(_: Indexes) -> None:
    """Ask for the memory of every key."""
    return


def some_of(share: float, sums: Sums) -> Choose:
    """Ask for the memory of a share of the keys, and for that of the first few of each group.

    SCAN's order is that of a keyed hash: the first keys of a group are drawn by lot too.
    """
    chance = np.random.default_rng()

    def choose(groups: Indexes) -> Indexes:
        few = sums.ordinals(groups) < AT_LEAST
        return np.flatnonzero(few | (chance.random(len(groups)) < share))

    return choose


class Reports:
    """Calls `report` a few times a second, and for a tenth of the time at most."""

    def __init__(self, report: Callable[[], None] | None) -> None:
        self._report = report
        self._next = time.monotonic() + _REPORT_SECONDS

    def offer(self) -> None:
        """Report, if it is time."""
        now = time.monotonic()
        if self._report is None or now < self._next:
            return
        self._report()
        done = time.monotonic()
        self._next = done + max(_REPORT_SECONDS, (done - now) / _REPORT_PART)


class KeyPass:
    """One pass that fills a tally. Stops asking for memory once Redis refuses a whole round."""

    def __init__(self, link: Link, tally: KeyTally, *, choose: Choose, reports: Reports) -> None:
        self._link = link
        self._tally = tally
        self._choose = choose
        self._reports = reports

    def run(self, *, count: int) -> None:
        """Scan everything, some `count` keys a round. Raises StoreError."""
        due = np.empty(0, np.intp)
        for keys in keyspace(self._link, count=count):
            asked = self._ask(keys, self._tally.count(keys))
            self._weigh(due)
            due = asked
            self._reports.offer()
        self._weigh(due)

    def _ask(self, keys: list[bytes], groups: Indexes) -> Indexes:
        """Ask for the memory of the chosen keys, and return their groups."""
        chosen = self._choose(groups)
        if chosen is not None:
            keys, groups = [keys[at] for at in chosen.tolist()], groups[chosen]
        if keys:
            self._link.send_each(MEMORY, keys)
        return groups

    def _weigh(self, due: Indexes) -> None:
        if not len(due):
            return
        sizes = self._link.replies(len(due))
        self._tally.sums.weigh(due, sizes)
        if all(isinstance(size, hiredis.ReplyError) for size in sizes):
            self._choose = none_of
