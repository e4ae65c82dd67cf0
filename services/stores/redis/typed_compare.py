"""Whether keys are there as an archive has them: type, every value, when each ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from services.archive.formats import TypedKey
from services.archive.models import Fingerprint
from services.stores.redis.link import Link
from services.stores.redis.typed_content import ContentReader
from services.tenancy.layout import text_of

_BATCH = 500
_IN_ORDER = frozenset({"string", "list", "stream"})


@dataclass(slots=True)
class KeySum:
    """What a key comes to, whichever way its value was cut into pieces, at one moment.

    Members of sets, hashes and sorted sets count in any order, and fields that have ended (`now`,
    in milliseconds since 1970) not at all.
    """

    first: TypedKey
    now: int
    _ordered: Any = field(default_factory=hashlib.sha256)
    _any_order: Fingerprint = field(default_factory=Fingerprint)
    _members: int = 0

    def add(self, piece: TypedKey) -> None:
        """Take in one piece."""
        if piece.type == "string":
            self._ordered.update(piece.value.encode("utf-8", "surrogatepass"))
            self._members = 1
            return
        for member in self._members_of(piece):
            self._members += 1
            line = json.dumps(member).encode()
            if piece.type in _IN_ORDER:
                self._ordered.update(line + b"\n")
            else:
                self._any_order.add(line)

    def _members_of(self, piece: TypedKey) -> Iterator[Any]:
        match piece.type:
            case "zset":
                # a small sorted set of Redis 7 keeps -0 as 0
                yield from ([member, float(score) + 0.0] for member, score in piece.value)
            case "hash":
                yield from (each for each in piece.value if not each[2] or each[2] > self.now)
            case "stream":
                yield from piece.value["entries"]
                if "last_id" in piece.value:
                    yield _state(piece.value)
            case _:
                yield from piece.value

    @property
    def is_over(self) -> bool:
        """Whether it is rightly gone: its time is over, or that of all its fields."""
        ends = self.first.expires_at
        over = ends is not None and ends <= self.now
        return over or (self.first.type == "hash" and not self._members)

    def equals(self, other: KeySum) -> bool:
        """Whether both are the same; an end that is not known to the millisecond is one."""
        mine, theirs = self.first, other.first
        if mine.type != theirs.type or (mine.pttl is None) != (theirs.pttl is None):
            return False
        ends = {mine.expires_at, theirs.expires_at}
        return (len(ends) == 1 or None in ends) and self.value == other.value

    @property
    def value(self) -> tuple[str, str]:
        """What its members come to, in their order and in any."""
        return self._ordered.hexdigest(), str(self._any_order)


def _state(value: dict[str, Any]) -> Any:
    """Return what a stream keeps besides its entries, its groups in the order of their names."""
    groups = sorted(value["groups"], key=lambda group: str(group["name"]))
    in_order = [group | {"consumers": sorted(group["consumers"])} for group in groups]
    return {**value, "entries": [], "groups": in_order}


def differing(link: Link, keys: Iterable[TypedKey], *, now: int) -> Iterator[str]:
    """Yield the names of keys that are not there as they are given. Raises StoreError."""
    reader, batch = ContentReader(link), list[KeySum]()
    for each in sums_of(keys, now):
        batch.append(each)
        if len(batch) == _BATCH:
            link.prolong()
            yield from _differing(reader, batch, now)
            batch = []
    link.prolong()
    yield from _differing(reader, batch, now)


def _differing(reader: ContentReader, batch: list[KeySum], now: int) -> Iterator[str]:
    names = [each.first.key for each in batch]
    found = {each.first.key: each for each in sums_of(reader.read(names), now)}
    for each in batch:
        there = found.get(each.first.key)
        if not (each.is_over if there is None else each.equals(there)):
            yield text_of(each.first.key)


def sums_of(keys: Iterable[TypedKey], now: int) -> Iterator[KeySum]:
    """Yield what each key comes to, its pieces taken together."""
    current: KeySum | None = None
    for key in keys:
        if current is not None and not key.continues:
            yield current
            current = None
        if current is None:
            current = KeySum(key, now)
        current.add(key)
    if current is not None:
        yield current
