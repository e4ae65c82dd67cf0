"""What a look at Redis comes to: items by owner and kind, blockers, and what is disclosed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import hiredis

from services.figures import Measure
from services.jobs.models import Progress
from services.jobs.ports import Said
from services.purge.models import Item
from services.stores.redis.erase_sessions import Ending, chunks, keys_of, sound
from services.stores.redis.link import Link, packed
from services.stores.redis.scan import MEMORY
from services.stores.redis.targets import KeySorter, Lots
from services.tenancy.layout import text_of

_SAMPLES = 3
_BATCH = 500
_FEW = 10
_SAY_SECONDS = 0.5
_TRIM = 5_000
_HOW = {
    "session": "ended by KATO's API, its record erased",
    "session_index": "taken out of KATO's index of sessions",
}


@dataclass(slots=True)
class _Sum:
    count: int = 0
    size: int | None = 0
    samples: list[str] = field(default_factory=list)

    def add(self, keys: Sequence[bytes], sizes: Sequence[Any]) -> None:
        there = [size for size in sizes if size is not None]
        is_told = all(isinstance(size, int) for size in there) and self.size is not None
        self.count += len(there)
        self.size = (self.size or 0) + sum(there) if is_told else None
        for key, size in zip(keys, sizes, strict=True):
            if len(self.samples) >= _SAMPLES:
                break
            if size is not None:
                self._keep(key)

    def add_unsized(self, number: int, sample: bytes | None) -> None:
        self.count += number
        self.size = None
        if sample is not None:
            self._keep(sample)

    def _keep(self, key: bytes) -> None:
        if len(self.samples) < _SAMPLES:
            self.samples.append(text_of(key))


class KeyFindings:
    """What was found so far, by store, owner and kind."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Measure, str, str], _Sum] = {}

    def weigh(self, lots: Lots, sizes: Iterable[Any], *, store: Measure = Measure.KEYS) -> None:
        """Count keys with their memory, one after the other; one that is gone is none."""
        left = iter(sizes)
        for (owner, kind), keys in lots.items():
            told = [*islice(left, len(keys))]
            if any(size is not None for size in told):
                self._of(store, owner, kind).add(keys, told)

    def count(
        self, store: Measure, owner: str, kind: str, number: int, *, sample: bytes | None = None
    ) -> None:
        """Count things of which no memory is known; of none there is no item."""
        if number:
            self._of(store, owner, kind).add_unsized(number, sample)

    def _of(self, store: Measure, owner: str, kind: str) -> _Sum:
        key = (store, owner, kind)
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = _Sum()
        return found

    def items(self) -> tuple[Item, ...]:
        """Return everything, sorted."""
        return tuple(
            Item(
                *key,
                each.count,
                each.size,
                tuple(each.samples),
                _HOW.get(key[2], "UNLINK"),
                plain=True,
            )
            for key, each in sorted(self._sums.items())
        )


class Telling:
    """Says twice a second how many keys were dealt with, of `whole` where that is known."""

    def __init__(self, said: Said, words: str, whole: int | None = None) -> None:
        self._said, self._words, self.whole = said, words, whole
        self._done, self._next = 0, time.monotonic() + _SAY_SECONDS

    def expect(self, number: int) -> None:
        """Count what is to come besides, where the whole is known."""
        self.whole = None if self.whole is None else self.whole + number

    def add(self, number: int) -> None:
        """Count keys that were dealt with."""
        self._done += number
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _SAY_SECONDS
            self.end()

    def end(self) -> None:
        """Say how far it is."""
        self._said(Progress(self._words, self._done, self.whole))


def weighed(link: Link, lots: Lots) -> list[Any]:
    """Ask for the memory of keys: None for one that is not there, an error where it is not told.

    Some are asked for while the answers before them are read.
    """
    keys, found, due = keys_of(lots), list[Any](), 0
    for chunk in chunks(keys, _BATCH):
        link.send_each(MEMORY, chunk)
        found += link.replies(due)
        due = len(chunk)
    found += link.replies(due)
    untold = [at for at, size in enumerate(found) if is_refusal(size)]
    for at in _absent(link, keys, untold):
        found[at] = None
    return found


def count_there(link: Link, lots: Lots, tally: KeyFindings) -> None:
    """Count the keys that are there, by owner and kind."""
    some = [(which, part) for which, keys in lots.items() for part in chunks(keys, _BATCH)]
    for few in chunks(some, _FEW):
        link.send(b"".join(packed("EXISTS", *part) for _, part in few))
        for ((owner, kind), part), number in zip(few, sound(link, len(few)), strict=True):
            tally.count(Measure.KEYS, owner, kind, number, sample=part[0])


def is_refusal(reply: Any) -> bool:
    """Whether a reply is an error."""
    return isinstance(reply, hiredis.ReplyError)


def _absent(link: Link, keys: Sequence[bytes], places: Sequence[int]) -> Iterator[int]:
    """Where Redis tells no memory, find out at least what is not there any more."""
    for chunk in chunks(places, _BATCH):
        link.send(b"".join(packed("EXISTS", keys[at]) for at in chunk))
        there = link.replies(len(chunk))
        yield from (at for at, number in zip(chunk, there, strict=True) if number == 0)


def blockers_of(sorter: KeySorter, ending: Ending) -> tuple[str, ...]:
    """Say what is the surface's and cannot be erased, or may be and cannot be told apart."""
    clashing = (
        f"the kb_id {text_of(kb_id)} is not told from what else keys begin with: "
        f"{number:,} keys that begin so cannot be told apart"
        for kb_id, number in sorted(sorter.aside.clashing.items())
    )
    return (
        *clashing,
        *_grouped(sorter.aside.bare, "keys that are a name of the target and of unknown kind"),
        *_grouped(ending.naming, "keys of unknown kind that name the target"),
        *_grouped(ending.suspect, "session records that cannot be read and name the target"),
    )


def _grouped(keys: Sequence[bytes], words: str) -> Iterator[str]:
    if keys:
        yield f"{words}: {len(keys):,}, such as {text_of(min(keys))}"


def unread_of(ending: Ending) -> Iterator[str]:
    """Disclose session records that say nothing of whose they are."""
    if ending.strange:
        yield (
            f"{ending.strange:,} session records cannot be read; "
            "none of these node_ids was seen in them"
        )


def streams_of(link: Link, keys: Sequence[bytes]) -> Mapping[str, str]:
    """Return the streams that hold everyone's observations, each with what is disclosed of it."""
    if keys:
        link.send(b"".join(packed("XLEN", key) for key in keys))
    found = zip(keys, link.replies(len(keys)), strict=True)
    told = ((key, text) for key, number in sorted(found, key=_first) for text in _told(key, number))
    return {text_of(key): text for key, text in told}


def _first(pair: tuple[bytes, Any]) -> bytes:
    return pair[0]


def _told(key: bytes, number: Any) -> Iterator[str]:
    """Say how long a stream is, and of one that cannot be asked that nobody knows."""
    if isinstance(number, int) and number:
        yield (
            f"the stream {text_of(key)} holds {number:,} observations of every tenant, "
            "which cannot be told apart"
        )
    elif is_refusal(number) and not str(number).startswith("WRONGTYPE"):
        yield f"the stream {text_of(key)} may hold observations of every tenant: not to be asked"


def trimmed(link: Link, key: bytes) -> int:
    """Empty a stream, a piece at a time; how many entries it had. What is no stream has none."""
    link.send(packed("XLEN", key))
    (number,) = link.replies(1)
    if not isinstance(number, int):
        return 0
    for _ in range(number // _TRIM + 1):  # no more than were there: others go on writing
        if not link.ask("XTRIM", key, "MAXLEN", "~", 0, "LIMIT", _TRIM):
            break
    link.ask("XTRIM", key, "MAXLEN", "=", 0)
    return number
