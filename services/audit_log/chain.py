"""Hashing entries into a chain, and verifying one. Pure.

Without a key whoever can write to the database can also compute the chain anew; with one they
cannot. That the end is missing, only anchors tell.
"""

from __future__ import annotations

import hashlib
import hmac
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial

from services.audit_log.models import GENESIS, Anchor, Entry, Event, Kept, State, Verification
from services.audit_log.texts import entry_of, entry_text, index_of
from services.errors import LogError
from services.tenancy.layout import bytes_of

_ID_DIGITS = 8
_NONE_SEALED = (
    "A key is set, and no entry is sealed with one: either nothing was logged since it was set, or "
    "the log was written anew without it. What was not anchored cannot be checked."
)


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys that seal entries: the first seals, all verify. None of them: a plain hash."""

    keys: tuple[str, ...] = field(default=(), repr=False)

    @property
    def seal(self) -> str:
        """Which key new entries are sealed with; empty for none."""
        return _id(self.keys[0]) if self.keys else ""

    def age(self, seal: str) -> int:
        """Return how many keys are newer than one that is known; none at all is the oldest."""
        ids = [_id(key) for key in self.keys]
        return ids.index(seal) if seal in ids else len(ids)

    def knows(self, seal: str) -> bool:
        """Whether entries with this seal can be checked here."""
        return not seal or any(_id(key) == seal for key in self.keys)

    def hash(self, text: str, seal: str) -> str:
        """Return the hash of an entry's text. Raises LogError for a key that is not set."""
        if not seal:
            return hashlib.sha256(text.encode()).hexdigest()
        for key in self.keys:
            if _id(key) == seal:
                return hmac.digest(key.encode(), text.encode(), "sha256").hex()
        raise LogError("the log is sealed with a key that is not set: KATO_TENANTS_LOG_KEY")


def linked(
    event: Event, last: Entry | None, keys: LogKeys,
    seal_of: Callable[[int], str] = lambda _: "",
) -> Entry:  # fmt: skip
    """Return the entry that follows the last one; `seal_of` tells the seal of one before it.

    Raises LogError where the last is sealed with a key that is not set: what would be written
    without it could not be told from what somebody else writes. And where it is sealed with a
    newer key than the first that is set: what an older one seals then is as bad as edited.
    """
    if last is not None and not keys.knows(last.seal):
        raise LogError("the log is sealed with a key that is not set: KATO_TENANTS_LOG_KEY")
    if last is not None and last.seal and not keys.seal:
        raise LogError("the log is sealed, and no key is set: KATO_TENANTS_LOG_KEY")
    if last is not None and last.seal != keys.seal and _was_used(keys.seal, last, seal_of):
        raise LogError("the newest key has to stand first, an older one does: KATO_TENANTS_LOG_KEY")
    number, previous = (1, GENESIS) if last is None else (last.number + 1, last.hash)
    text = entry_text(number, event, previous=previous, seal=keys.seal)
    return Entry(number, event, previous, keys.hash(text, keys.seal), keys.seal)


def _was_used(seal: str, last: Entry, seal_of: Callable[[int], str]) -> bool:
    """Whether entries before those with the last one's seal have this one: it is an older key's.

    Entries of one key stand together, so their first is found by halving.
    """
    number, current = last.number, last.seal
    while number > 0 and current not in {"", seal}:
        same = partial(_has_seal, current, seal_of)
        number = bisect_left(range(1, number + 1), True, key=same)
        current = seal_of(number) if number else ""
    return current == seal


def _has_seal(seal: str, seal_of: Callable[[int], str], number: int) -> bool:
    return seal_of(number) == seal


def verify(kept: Iterable[Kept], anchors: Iterable[Anchor], keys: LogKeys) -> Verification:
    """Say whether these are all entries, as they were written, in their order from number 1 on."""
    walk = _Walk(keys, anchors)
    for row in kept:
        fault = walk.step(row)
        if fault is not None:
            return fault
    return walk.end()


class _Walk:
    """One way along a chain."""

    def __init__(self, keys: LogKeys, anchors: Iterable[Anchor]) -> None:
        self._keys = keys
        self._anchors: dict[int, set[str]] = {}
        for anchor in anchors:
            self._anchors.setdefault(anchor.number, set()).add(anchor.hash)
        self._number, self._head = 0, GENESIS
        self._unkeyed = self._anchored = 0
        self._age = keys.age("")  # of the newest key so far

    def step(self, row: Kept) -> Verification | None:
        """Take the next entry; return what is wrong with it."""
        out_of_place = self._place(row)
        if out_of_place is not None:
            return out_of_place
        try:
            entry = entry_of(row.text, row.hash)
        except LogError:
            return self._broken(row.number, "was edited: it cannot be read any more")
        if not self._keys.knows(entry.seal):
            why = "is sealed with a key that is not set here, so it cannot be checked"
            return self._result(State.UNCHECKED, bad=row.number, why=why)
        why = self._wrong(entry, row)
        if why:
            return self._broken(row.number, why)
        self._take(entry)
        return None

    def end(self) -> Verification:
        """Return what the whole way came to, after the last entry."""
        beyond = max(self._anchors, default=0)
        if beyond > self._number:
            why = f"is missing: the log ends at {self._number:,}, and {beyond:,} was anchored"
            return self._broken(self._number + 1, f"{why}: it was truncated")
        if self._keys.seal and self._unkeyed == self._number > self._anchored:
            return self._result(State.UNCHECKED, why=_NONE_SEALED)
        return self._result(State.OK if self._anchors else State.UNANCHORED)

    def _place(self, row: Kept) -> Verification | None:
        due = self._number + 1
        if row.number > due:
            more = f", and those up to {row.number - 1:,}" if row.number - 1 > due else ""
            return self._broken(due, f"is missing{more}: deleted")
        if row.number < due:
            return self._broken(row.number, "stands twice, or not in its place")
        return None

    def _wrong(self, entry: Entry, row: Kept) -> str:
        """Say what is wrong with an entry that can be read; nothing where it is right."""
        if not hmac.compare_digest(self._keys.hash(row.text, entry.seal).encode(),
                                   bytes_of(row.hash)):  # fmt: skip
            return "was edited: its hash is another's"
        if entry.number != row.number:
            return f"was reordered: it was written as number {entry.number:,}"
        if entry.previous != self._head:
            return "does not follow the one before it: one of the two was replaced"
        if self._keys.age(entry.seal) > self._age:
            key = "an older key" if entry.seal else "no key"
            return f"is sealed with {key}, after entries with a newer one"
        if index_of(entry.event) != row.index:
            return "was edited: what it is found by says something else than it does"
        return self._not_as_anchored(row)

    def _not_as_anchored(self, row: Kept) -> str:
        if self._anchors.get(row.number, {row.hash}) == {row.hash}:
            return ""
        return (
            "is another than the one that was anchored: the log was truncated after "
            f"{self._anchored:,} or later, and appended to, or written anew"
        )

    def _take(self, entry: Entry) -> None:
        self._number, self._head = entry.number, entry.hash
        self._unkeyed += not entry.seal
        self._age = self._keys.age(entry.seal)
        if entry.number in self._anchors:
            self._anchored = entry.number

    def _broken(self, number: int, why: str) -> Verification:
        return self._result(State.BROKEN, bad=number, why=why)

    def _result(self, state: State, *, bad: int | None = None, why: str = "") -> Verification:
        return Verification(
            state, self._number, self._head, bad, why, len(self._anchors), self._anchored,
            self._unkeyed,
        )  # fmt: skip


@lru_cache(maxsize=16)
def _id(key: str) -> str:
    return hashlib.sha256(f"kato-tenants log key {key}".encode()).hexdigest()[:_ID_DIGITS]
