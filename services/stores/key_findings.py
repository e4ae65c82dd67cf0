"""What a look at Redis comes to: items by owner and kind, blockers, and what is disclosed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.figures import Measure
from services.names import text_of
from services.purging.models import Item
from services.purging.sources import Said
from services.stores.key_ending import Ending, chunks
from services.stores.key_sorting import KeySorter, OwnKey
from services.stores.keylink import Link, packed
from services.stores.keyscan import memory_of

_SAMPLES = 3
_BATCH = 500
_SAY_EVERY = 10_000
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

    def add(self, key: bytes, size: int | None) -> None:
        self.count += 1
        self.size = None if size is None or self.size is None else self.size + size
        if len(self.samples) < _SAMPLES:
            self.samples.append(text_of(key))


class KeyFindings:
    """What was found so far, by store, owner and kind."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Measure, str, str], _Sum] = {}

    def weigh(
        self, keys: Sequence[OwnKey], sizes: Sequence[Any], *, store: Measure = Measure.KEYS
    ) -> None:
        """Count keys with their memory; one that is gone is none."""
        for own, size in zip(keys, sizes, strict=True):
            if size is not None:
                known = size if isinstance(size, int) else None
                self._of(store, own.owner, own.kind).add(own.key, known)

    def count_ending(self, ending: Ending) -> None:
        """Count session records, and ids in KATO's index."""
        for key, node in ending.records.items():
            self._of(Measure.SESSIONS, node, "session").add(key, ending.sizes[key])
        for one, node in ending.members.items():
            self._of(Measure.KEYS, node, "session_index").add(one, None)

    def _of(self, store: Measure, owner: str, kind: str) -> _Sum:
        key = (store, owner, kind)
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = _Sum()
        return found

    def items(self) -> tuple[Item, ...]:
        """Return everything, sorted."""
        return tuple(
            Item(*key, each.count, each.size, tuple(each.samples), _HOW.get(key[2], "UNLINK"))
            for key, each in sorted(self._sums.items())
        )


class Progress:
    """Says now and then how many keys were erased."""

    def __init__(self, said: Said) -> None:
        self._said, self._erased, self._next = said, 0, _SAY_EVERY

    def add(self, number: int) -> None:
        """Count keys that were erased."""
        self._erased += number
        if self._erased >= self._next:
            self._next = self._erased + _SAY_EVERY
            self._said(f"erased {self._erased:,} keys")

    def end(self) -> None:
        """Say the whole."""
        self._said(f"erased {self._erased:,} keys")


def weighed(link: Link, keys: Sequence[OwnKey]) -> list[Any]:
    """Ask for the memory of keys."""
    found: list[Any] = []
    for chunk in chunks(keys, _BATCH):
        link.send(memory_of([own.key for own in chunk]))
        found += link.replies(len(chunk))
    return found


def blockers_of(sorter: KeySorter, ending: Ending) -> tuple[str, ...]:
    """Say what is the surface's and cannot be erased, or may be and cannot be told apart."""
    clashing = (
        f"the kb_id {text_of(kb_id)} is not told from what else keys begin with: "
        f"{number:,} keys that begin so cannot be told apart"
        for kb_id, number in sorted(sorter.aside.clashing.items())
    )
    bare = (f"a key of unknown kind: {text_of(key)}" for key in sorted(sorter.aside.bare))
    return (*clashing, *bare, *sorted(ending.blockers))


def unread_of(ending: Ending) -> Iterator[str]:
    """Disclose session records that say nothing of whose they are."""
    if ending.unreadable:
        yield (
            f"{ending.unreadable:,} session records cannot be read; "
            "none of these node_ids was seen in them"
        )


def streams_of(link: Link, keys: Sequence[bytes]) -> tuple[str, ...]:
    """Disclose the streams that hold everyone's observations."""
    if keys:
        link.send(b"".join(packed("XLEN", key) for key in keys))
    found = zip(keys, link.replies(len(keys)), strict=True)
    return tuple(
        f"the stream {text_of(key)} holds {number:,} observations of every tenant, "
        "which cannot be told apart"
        for key, number in sorted(found)
        if isinstance(number, int) and number
    )


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
