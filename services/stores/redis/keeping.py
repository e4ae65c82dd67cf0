"""One pass over the keyspace for retention: predictions by kb_id with how long they were not used.

The pipeline of facts about keys is read one reply of SCAN later, so that the server works on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import hiredis

from services.errors import Problem
from services.retention.bounds import Chosen, Entry, choose
from services.retention.models import Bounds
from services.retention.ports import BoundsOf, Predictions
from services.stores.redis.heads import SPECIAL_HEADS
from services.stores.redis.link import Link, packed
from services.stores.redis.uses import FREQ, Uses
from services.tenancy.layout import NOBODY, SESSION_PREFIX, read_key, text_of

_PREDICTION = b":prediction:"
_NEVER, _VANISHED = -1, -2
_NOT_IDLE = Problem("its Redis counts how often keys are used, not since when they are not (LFU)")
_OF_CHANGES = Problem("its Redis tells since when keys were not changed, and not used (LRM)")
_NO_USE = Problem("its Redis does not tell which keys were used longest ago")
_NO_SIZE = Problem("its Redis does not tell the memory of keys")


@dataclass(slots=True)
class Owned:
    """The predictions of one kb_id. Keys are kept only where something bounds them."""

    bounds: Bounds
    uses: Uses
    there: int = 0
    told: bool = True
    sized: bool = True
    entries: list[Entry] = field(default_factory=list)

    @property
    def problem(self) -> Problem | None:
        """Why something that bounds them cannot be told."""
        bounds = self.bounds
        by_use = bounds.idle is not None or bounds.count is not None or bounds.bytes is not None
        if by_use and not self._tells_use:
            return _OF_CHANGES if self.uses.of_changes else _NO_USE
        if bounds.idle is not None and self.uses.kind == FREQ:
            return _NOT_IDLE
        return _NO_SIZE if bounds.bytes is not None and not self.sized else None

    @property
    def _tells_use(self) -> bool:
        return self.told and not self.uses.of_changes

    def chosen(self, *, at: datetime) -> Chosen:
        """Choose what goes; what cannot be told bounds nothing."""
        bounds = self.bounds
        if not self._tells_use:
            bounds = replace(bounds, idle=None, count=None, bytes=None)
        if self.uses.kind == FREQ:
            bounds = replace(bounds, idle=None)
        if not self.sized:
            bounds = replace(bounds, bytes=None)
        if bounds.idle is not None:
            since = max(0, int((self.uses.at - at).total_seconds()))
            bounds = replace(bounds, idle=bounds.idle + since)
        return choose(self.entries, bounds)


def found_of(owned: Owned, *, at: datetime) -> Predictions:
    """Return how many there are, and what of them goes."""
    chosen, problem = owned.chosen(at=at), owned.problem
    due = len(chosen.gone)
    return Predictions(
        owned.there, None if problem is not None and not due else due,
        chosen.bytes if owned.sized else None, len(chosen.expiring), problem,
    )  # fmt: skip


class Collecting:
    """Asks for the facts of predictions that something bounds, and keeps them by kb_id."""

    def __init__(self, link: Link, bounds_of: BoundsOf, *, weigh: bool) -> None:
        self._link, self._bounds_of, self._weigh = link, bounds_of, weigh
        self._by_head: dict[bytes, Owned | None] = {}
        self._uses = Uses(link)
        self._due: list[tuple[Owned, bytes]] = []

    @property
    def by_kb(self) -> dict[str, Owned]:
        """What was found, by kb_id."""
        return {text_of(head): each for head, each in self._by_head.items() if each is not None}

    def take(self, keys: Iterable[bytes]) -> None:
        """Count predictions, and ask for the facts of those that something bounds."""
        due = self._read()
        for key in keys:
            owned = self._owned(key.partition(b":")[0])
            if owned is not None:
                owned.there += 1
                if owned.bounds:
                    due.append((owned, key))
        self._ask(due)

    def finish(self) -> None:
        """Read what was asked for; nothing else may be under way."""
        while self._due:
            self._ask(self._read())

    def _ask(self, due: list[tuple[Owned, bytes]]) -> None:
        if due:
            self._link.send(self._uses.timed(self._question(owned, key) for owned, key in due))
        self._due = due

    def _read(self) -> list[tuple[Owned, bytes]]:
        """Read what was asked for; return what is to be asked again."""
        due = self._due
        if not due:
            return []
        before, *told, after = self._link.replies(3 * len(due) + 2)
        uses = self._uses.read(told[::3], before=before, after=after)
        if uses is None:
            return due
        for (owned, key), use, size, ttl in zip(due, uses, told[1::3], told[2::3], strict=True):
            self._note(owned, key, use=use, size=size, ttl=ttl)
        return []

    def _owned(self, head: bytes) -> Owned | None:
        if head not in self._by_head:
            bounds = self._bounds_of(text_of(head))
            self._by_head[head] = None if bounds is None else Owned(bounds, self._uses)
        return self._by_head[head]

    def _question(self, owned: Owned, key: bytes) -> bytes:
        """Ask for a key's use, its memory to show it or where a bound is of it, and its TTL."""
        weighs = self._weigh or owned.bounds.bytes is not None
        weighed = packed("MEMORY", "USAGE", key) if weighs else packed("EXISTS", key)
        return self._uses.question(key) + weighed + packed("PTTL", key)

    def _note(self, owned: Owned, key: bytes, *, use: Any, size: Any, ttl: Any) -> None:
        if isinstance(ttl, hiredis.ReplyError):
            raise self._link.error(ttl)
        if ttl == _VANISHED or use is None:
            owned.there -= 1
            return
        owned.told = owned.told and isinstance(use, int)
        owned.sized = owned.sized and isinstance(size, int)
        idle = use if owned.told else 0
        expires = None if ttl == _NEVER else ttl
        owned.entries.append(Entry(key, idle, size if isinstance(size, int) else 0, expires))


@dataclass(slots=True)
class Passing:
    """What one pass has come by."""

    collecting: Collecting
    service: str
    records: list[bytes] = field(default_factory=list)
    streams: list[bytes] = field(default_factory=list)
    caches: list[bytes] = field(default_factory=list)

    @property
    def by_kb(self) -> dict[str, Owned]:
        """Predictions by kb_id."""
        return self.collecting.by_kb


def sorted_out(passing: Passing, keys: Sequence[bytes]) -> None:
    """Sort the keys of one reply."""
    passing.collecting.take(key for key in keys if _is_prediction(key))
    for key in keys:
        if key.partition(b":")[0] in SPECIAL_HEADS:
            _put_aside(passing, key)


def _is_prediction(key: bytes) -> bool:
    head, _, rest = key.partition(b":")
    return rest.startswith(_PREDICTION[1:]) and head not in SPECIAL_HEADS


def _put_aside(passing: Passing, key: bytes) -> None:
    name = read_key(key, passing.service)
    if name.kind == "session" and name.owner == NOBODY and key.startswith(SESSION_PREFIX):
        passing.records.append(key)
    elif name.kind == "stream":
        passing.streams.append(key)
    elif name.kind in ("cache", "metrics"):
        passing.caches.append(key)
