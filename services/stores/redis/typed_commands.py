"""The commands that write a key of an archive, or one piece of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.archive.formats import TypedKey
from services.stores.redis.erase_sessions import chunks
from services.stores.redis.link import Word, packed
from services.tenancy.layout import bytes_of

_SLICE = 500
_NOBODY = "kato-tenants"

Words = tuple[Word, ...]
Making = Callable[[bytes, Any, bool], Iterator[Words]]


@dataclass(frozen=True, slots=True)
class Made:
    """What it takes to write a key, or a piece that adds to what came before.

    `content` are the commands' words for the name that it is written under; `expires_at` is in
    milliseconds since 1970. `field_ends` are fields of a hash that end, with when. `size` is about
    how many bytes are written. `is_empty` where nothing is left of it that has not ended.
    """

    of: TypedKey
    content: Callable[[bytes], Iterator[Words]]
    size: int
    expires_at: int | None
    field_ends: Sequence[tuple[bytes, int]] = ()
    is_empty: bool = False

    @property
    def name(self) -> bytes:
        """The key's name."""
        return self.of.key

    def pieces(self, name: bytes) -> Iterator[bytes]:
        """Yield the commands that write the value, and when its fields end."""
        for words in self.content(name):
            yield packed(*words)
        for field, at in self.field_ends:
            yield packed("HPEXPIREAT", name, at, "FIELDS", 1, field)

    def end(self, name: bytes) -> Iterator[bytes]:
        """Yield the command that lets the key end when it is to, where it does."""
        if self.expires_at is not None:
            yield packed("PEXPIREAT", name, self.expires_at)

    def commands(self, name: bytes) -> Iterator[bytes]:
        """Yield all commands, in order."""
        yield from self.pieces(name)
        yield from self.end(name)


def made_of(key: TypedKey, now: int) -> Made | None:
    """Return what it takes to write a key; None where its time is over.

    Fields that have ended are left out: a hash of these alone would hold nothing and be there.
    Servers that tell no absolute time of a key (before Redis 7) leave it as long from now on.
    """
    ends = key.expires_at
    if ends is None and key.pttl is not None:
        ends = now + key.pttl
    if ends is not None and ends <= now:
        return None
    if key.type == "hash":
        return _hash(key, ends, now)
    making = _MAKES[key.type]
    size = len(key.key) + _size(key.value)
    return Made(key, lambda name: making(name, key.value, key.continues), size, ends)


def _hash(key: TypedKey, ends: int | None, now: int) -> Made:
    living = [(field, value, at) for field, value, at in key.value if not at or at > now]
    pairs = [bytes_of(word) for field, value, _ in living for word in (field, value)]
    field_ends = [(bytes_of(field), at) for field, _, at in living if at]
    size = len(key.key) + sum(map(len, pairs))
    content = _adding("HSET", pairs, of_each=2)
    return Made(key, content, size, ends, field_ends, is_empty=not living)


def _size(value: Any) -> int:
    """Return about how many bytes a value's texts have."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return _size(value["entries"])
    return sum(map(_size, value))


def _string(name: bytes, value: str, continues: bool) -> Iterator[Words]:
    yield "APPEND" if continues else "SET", name, bytes_of(value)


def _list(name: bytes, value: Sequence[str], _: bool) -> Iterator[Words]:
    return _adding("RPUSH", list(map(bytes_of, value)))(name)


def _set(name: bytes, value: Sequence[str], _: bool) -> Iterator[Words]:
    return _adding("SADD", list(map(bytes_of, value)))(name)


def _zset(name: bytes, value: Sequence[Sequence[str]], _: bool) -> Iterator[Words]:
    words = [bytes_of(word) for member, score in value for word in (score, member)]
    return _adding("ZADD", words, of_each=2)(name)


def _stream(name: bytes, value: Mapping[str, Any], continues: bool) -> Iterator[Words]:
    for entry in value["entries"]:
        yield "XADD", name, *map(bytes_of, entry)
    if not value["entries"] and not continues:  # to add an entry and delete it would be counted
        yield "XGROUP", "CREATE", name, _NOBODY, "0-0", "MKSTREAM"
        yield "XGROUP", "DESTROY", name, _NOBODY
    if "last_id" in value:
        yield "XSETID", name, value["last_id"], *_counters(value)
        for group in value["groups"]:
            yield from _group(name, group)


def _counters(value: Mapping[str, Any]) -> Words:
    """Return what a stream counts besides, of servers that tell (since Redis 7)."""
    if value.get("entries_added") is None:
        return ()
    return "ENTRIESADDED", value["entries_added"], "MAXDELETEDID", value["max_deleted_id"]


def _group(name: bytes, group: Mapping[str, Any]) -> Iterator[Words]:
    """Yield what makes a group: how far it has read, who reads, and what was not acknowledged."""
    called, read = bytes_of(group["name"]), group["entries_read"]
    counted: Words = () if read is None else ("ENTRIESREAD", read)
    yield "XGROUP", "CREATE", name, called, group["last_delivered_id"], *counted
    for consumer in group["consumers"]:
        yield "XGROUP", "CREATECONSUMER", name, called, bytes_of(consumer)
    for entry, consumer, delivered_at, times in group.get("pending", ()):
        yield (
            "XCLAIM", name, called, bytes_of(consumer), 0, entry,
            "TIME", delivered_at, "RETRYCOUNT", times, "FORCE", "JUSTID",
        )  # fmt: skip


def _adding(
    verb: str, words: Sequence[bytes], *, of_each: int = 1
) -> Callable[[bytes], Iterator[Words]]:
    def adding(name: bytes) -> Iterator[Words]:
        for part in chunks(words, _SLICE * of_each):
            yield verb, name, *part

    return adding


_MAKES: dict[str, Making] = {
    "string": _string,
    "list": _list,
    "set": _set,
    "zset": _zset,
    "stream": _stream,
}
