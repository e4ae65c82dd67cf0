"""The commands that write one key of an archive. Pure.

A key is what its line says: `key`, `type`, `expires_at` (milliseconds since 1970, or None) and a
`value` by its type. Bytes are text by `text_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.stores.redis.erase_sessions import chunks
from services.stores.redis.link import Word, packed
from services.tenancy.layout import bytes_of

_SLICE, _SLICE_BYTES = 500, 1 << 19
_NOBODY = "kato-tenants"

Words = tuple[Word, ...]
FieldEnds = Sequence[tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Made:
    """What it takes to write a key. `size` is about how many bytes that is.

    `words` are the words of each command without its verb and name. `field_ends` are fields of a
    hash that end, with when.
    """

    key: str
    name: bytes
    size: int
    words: Callable[[bytes], Iterator[Words]]
    expires_at: int | None
    field_ends: FieldEnds = ()

    @property
    def has_field_ends(self) -> bool:
        """Whether any of a hash's fields ends before its key does."""
        return bool(self.field_ends)

    def content(self, name: bytes) -> Iterator[bytes]:
        """Yield the commands that write the value under a name."""
        return (packed(*words) for words in self.words(name))

    def end(self, name: bytes) -> Iterator[bytes]:
        """Yield the commands that let it end when it is to, and its fields."""
        for field, at in self.field_ends:
            yield packed("HPEXPIREAT", name, at, "FIELDS", 1, field)
        if self.expires_at is not None:
            yield packed("PEXPIREAT", name, self.expires_at)

    def commands(self, name: bytes) -> Iterator[bytes]:
        """Yield all commands, in order."""
        yield from self.content(name)
        yield from self.end(name)


def commands_of(key: Mapping[str, Any], now: int) -> Made | None:
    """Return what it takes to write a key; None where it is over, or all that it holds is.

    A hash whose fields have all ended would come back as a key that holds nothing.
    """
    ends: int | None = key["expires_at"]
    if ends is not None and ends <= now:
        return None
    name, value, of_type = bytes_of(key["key"]), key["value"], key["type"]
    if of_type == "hash":
        return _hash(key["key"], name, value, ends, now)
    words, size = _MAKES[of_type](value)
    return Made(key["key"], name, size + len(name), words, ends)


def _hash(key: str, name: bytes, value: Any, ends: int | None, now: int) -> Made | None:
    living = [
        (bytes_of(field), bytes_of(held), at) for field, held, at in value if not at or at > now
    ]
    if not living:
        return None
    pairs = [word for field, held, _ in living for word in (field, held)]
    field_ends = [(field, at) for field, _, at in living if at]
    size = sum(map(len, pairs)) + len(name)
    return Made(key, name, size, _adding("HSET", pairs, of_each=2), ends, field_ends)


def _string(value: str) -> tuple[Callable[[bytes], Iterator[Words]], int]:
    raw = bytes_of(value)

    def words(name: bytes) -> Iterator[Words]:
        yield "SET", name, raw[:_SLICE_BYTES]
        for at in range(_SLICE_BYTES, len(raw), _SLICE_BYTES):
            yield "APPEND", name, raw[at : at + _SLICE_BYTES]

    return words, len(raw)


def _list(value: Sequence[str]) -> tuple[Callable[[bytes], Iterator[Words]], int]:
    members = list(map(bytes_of, value))
    return _adding("RPUSH", members), sum(map(len, members))


def _set(value: Sequence[str]) -> tuple[Callable[[bytes], Iterator[Words]], int]:
    members = list(map(bytes_of, value))
    return _adding("SADD", members), sum(map(len, members))


def _zset(value: Sequence[Sequence[str]]) -> tuple[Callable[[bytes], Iterator[Words]], int]:
    pairs = [word for member, score in value for word in (score.encode(), bytes_of(member))]
    return _adding("ZADD", pairs, of_each=2), sum(map(len, pairs))


def _stream(value: Mapping[str, Any]) -> tuple[Callable[[bytes], Iterator[Words]], int]:
    entries = [
        (entry.encode(), tuple(map(bytes_of, fields))) for entry, fields in value["entries"]
    ]

    def words(name: bytes) -> Iterator[Words]:
        yield from (("XADD", name, entry, *fields) for entry, fields in entries)
        if not entries:
            yield from _empty_stream(name)
        yield from _stream_state(name, value)

    return words, sum(len(part) for _, fields in entries for part in fields)


def _empty_stream(name: bytes) -> Iterator[Words]:
    """Make a stream of which no entry is left; to add and delete one would be counted in it."""
    yield "XGROUP", "CREATE", name, _NOBODY, "0-0", "MKSTREAM"
    yield "XGROUP", "DESTROY", name, _NOBODY


def _stream_state(name: bytes, value: Mapping[str, Any]) -> Iterator[Words]:
    """Set what a stream keeps besides its entries: its counters, and who has read how far."""
    yield (
        "XSETID", name, value["last_id"],
        "ENTRIESADDED", value["entries_added"], "MAXDELETEDID", value["max_deleted_id"],
    )  # fmt: skip
    for group in value["groups"]:
        called = bytes_of(group["name"])
        read = group["entries_read"]
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


_MAKES: dict[str, Callable[[Any], tuple[Callable[[bytes], Iterator[Words]], int]]] = {
    "string": _string,
    "list": _list,
    "set": _set,
    "zset": _zset,
    "stream": _stream,
}

TYPES = frozenset({"hash", *_MAKES})
"""The types of key that are written; values of a module's types are none of them."""
