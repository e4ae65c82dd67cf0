"""Redis keys of one owner: counted by kind, the largest of them, and any one's value.

Nothing is changed, not even what an evicting server takes for used. One SCAN pass goes through
the keyspace; its glob is escaped, and every key that it returns is read again byte by byte, for a
glob is no proof of whose a key is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from services.browse.models import KeyInventory, KeyValue, KindSummary, SizedKey
from services.stores.redis.link import Client, Link, conversation, packed
from services.stores.redis.scan import keyspace
from services.stores.redis.values import read_value
from services.stores.redis.whole import pieces
from services.tenancy.layout import Owner, OwnerKind, bytes_of, read_key, text_of

LARGEST = 50
"""So many of the largest keys are listed."""

_MILLISECONDS = 1000


class KeyPages:
    """Reads the keys of one owner; every method raises a StoreError when Redis cannot be asked.

    `service` is KATO's SERVICE_NAME, `scan_count` the COUNT of SCAN. A pass may take
    `pass_seconds`, and each answer the client's `socket_timeout`. A whole value has at most
    `most_bytes`.
    """

    def __init__(
        self, client: Client, *, service: str, scan_count: int, pass_seconds: float,
        most_bytes: int,
    ) -> None:  # fmt: skip
        self._client = client
        self._service = service
        self._scan_count = scan_count
        self._pass_seconds = pass_seconds
        self._most_bytes = most_bytes

    def inventory(self, owner: Owner) -> KeyInventory:
        """Count every key of one owner with its memory and TTL, in one pass."""
        tally = _Tally()
        with self._talk("looking through the keys of one owner") as link:
            for keys in self._keys(link, owner):
                tally.add(keys, _sizes(link, keys))
        return tally.inventory()

    def value(self, key: str) -> KeyValue | None:
        """Return one key's value, cut at a stated size, or None when there is no such key."""
        with self._talk("reading a key") as link:
            return read_value(link, key)

    def whole(self, key: str) -> Iterator[bytes]:
        """Yield one key's whole value in pieces; raises ValueNotWhole, also in the middle."""
        with self._talk("reading a whole key") as link:
            yield from pieces(link, key, self._most_bytes)

    def values(self, keys: Sequence[str]) -> tuple[KeyValue | None, ...]:
        """Return the values of a few keys, None for those that are not there."""
        with self._talk("reading keys") as link:
            return tuple(read_value(link, key) for key in keys)

    def _keys(self, link: Link, owner: Owner) -> Iterator[list[tuple[bytes, str]]]:
        """Yield the owner's keys with their kinds, as each reply of the pass brings them."""
        for found in keyspace(link, count=self._scan_count, begins=prefix_of(owner), ahead=False):
            names = ((key, read_key(key, self._service)) for key in found)
            yield [(key, name.kind) for key, name in names if name.owner == owner]

    @contextmanager
    def _talk(self, operation: str) -> Iterator[Link]:
        with conversation(self._client, operation=operation, seconds=self._pass_seconds) as link:
            yield link


def prefix_of(owner: Owner) -> bytes:
    """Return what every key of an owner begins with."""
    name = bytes_of(owner.name)
    match owner.kind:
        case OwnerKind.KB:
            return name + b":"
        case OwnerKind.TENANT:
            return b"tenant:" + name + b":"
        case _:
            raise ValueError(f"keys are not looked through by {owner.kind}")


@dataclass(slots=True)
class _Kind:
    count: int = 0
    bytes: int = 0
    refused: bool = False
    with_ttl: int = 0
    shortest: float | None = None
    longest: float | None = None

    def add(self, size: int | None, ttl: float | None) -> None:
        self.count += 1
        self.bytes += size or 0
        self.refused |= size is None
        if ttl is not None:
            self.with_ttl += 1
            self.shortest = ttl if self.shortest is None else min(ttl, self.shortest)
            self.longest = ttl if self.longest is None else max(ttl, self.longest)

    def summary(self, kind: str) -> KindSummary:
        size = None if self.refused else self.bytes
        return KindSummary(kind, self.count, size, self.with_ttl, self.shortest, self.longest)


class _Tally:
    """What was counted so far."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._largest: list[tuple[int, bytes, str, float | None]] = []

    def add(self, keys: Sequence[tuple[bytes, str]], sizes: Sequence[_Size | None]) -> None:
        """Count keys; one that was gone when its size was asked for is none."""
        for (key, kind), size in zip(keys, sizes, strict=True):
            if size is None:
                continue
            self._kinds.setdefault(kind, _Kind()).add(size.bytes, size.ttl)
            if size.bytes is not None:
                self._keep((size.bytes, key, kind, size.ttl))

    def _keep(self, key: tuple[int, bytes, str, float | None]) -> None:
        change: Callable[..., Any] = heapq.heappushpop
        if len(self._largest) < LARGEST:
            change = heapq.heappush
        elif key[0] < self._largest[0][0]:
            return
        change(self._largest, key)

    def inventory(self) -> KeyInventory:
        kinds = [found.summary(kind) for kind, found in self._kinds.items()]
        kinds.sort(key=lambda kind: (-(kind.bytes or 0), -kind.count, kind.kind))
        largest = sorted(self._largest, key=lambda key: (-key[0], key[1]))
        return KeyInventory(
            kinds=tuple(kinds),
            largest=tuple(SizedKey(text_of(k), kind, size, ttl) for size, k, kind, ttl in largest),
            count=sum(kind.count for kind in kinds),
        )


@dataclass(frozen=True, slots=True)
class _Size:
    bytes: int | None
    ttl: float | None


def _sizes(link: Link, keys: Sequence[tuple[bytes, str]]) -> list[_Size | None]:
    """Ask for memory and TTL of keys in one round; None for a key that is gone."""
    if not keys:
        return []
    link.send(b"".join(packed("MEMORY", "USAGE", key) + packed("PTTL", key) for key, _ in keys))
    replies = link.replies(2 * len(keys))
    return [_size(*replies[at : at + 2]) for at in range(0, len(replies), 2)]


def _size(memory: Any, pttl: Any) -> _Size | None:
    if memory is None or pttl == -2:  # noqa: PLR2004 - Redis' sign for a key that is not there
        return None
    known = memory if isinstance(memory, int) else None
    return _Size(known, pttl / _MILLISECONDS if isinstance(pttl, int) and pttl >= 0 else None)
