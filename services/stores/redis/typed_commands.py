"""The commands that write a key of an archive, or one piece of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from services.archive.formats import TypedKey
from services.stores.redis.link import Word, packed
from services.tenancy.layout import bytes_of

_SLICE = 500
_END_OF_FIELD = itemgetter(2)
_NOBODY = "kato-tenants"

Words = tuple[Word, ...]
Making = Callable[[bytes, Any, bool], Iterable[Words]]


class Made(NamedTuple):
    """What it takes to write a key, or a piece that adds to what came before.

    `value` is what has not ended of the key's; `expires_at` is in milliseconds since 1970.
    `field_ends` are fields of a hash that end, with when. `size` is about how many bytes are
    written.
    """

    name: bytes
    of: TypedKey
    value: Any
    size: int
    expires_at: int | None
    field_ends: Sequence[tuple[bytes, int]] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it is a hash of which nothing is left."""
        return self.of.type == "hash" and not self.value

    def pieces(self, name: bytes) -> list[bytes]:
        """Return the commands that write the value, and when its fields end."""
        every = _MAKES[self.of.type](name, self.value, self.of.continues)
        found = [packed(*words) for words in every]
        for field, at in self.field_ends:
            found.append(packed("HPEXPIREAT", name, at, "FIELDS", 1, field))
        return found

    def end(self, name: bytes) -> list[bytes]:
        """Return the command that lets the key end when it is to, where it does."""
        at = self.expires_at
        return [] if at is None else [packed("PEXPIREAT", name, at)]

    def commands(self, name: bytes) -> list[bytes]:
        """Return all commands, in order."""
        return self.pieces(name) + self.end(name)


def made_of(key: TypedKey, now: int) -> Made | None:
    """Return what it takes to write a key; None where its time is over.

    Fields that have ended are left out: a hash of these alone would hold nothing and be there.
    """
    ends = end_of(key, now)
    if ends is not None and ends <= now:
        return None
    value = key.value
    field_ends: Sequence[tuple[bytes, int]] = ()
    if key.type == "hash" and any(map(_END_OF_FIELD, value)):
        value = [each for each in value if not each[2] or each[2] > now]
        field_ends = [(bytes_of(field), at) for field, _, at in value if at]
    size = len(key.key) + _size(key.type, value)
    return Made(key.key, key, value, size, ends, field_ends)


def end_of(key: TypedKey, now: int) -> int | None:
    """Return when a key ends, in milliseconds since 1970.

    Servers that tell no absolute time of a key (before Redis 7) leave it as long from now on.
    """
    if key.expires_at is None and key.pttl is not None:
        return now + key.pttl
    return key.expires_at


def _size(kind: str, value: Any) -> int:
    """Return about how many bytes a value's texts have."""
    match kind:
        case "string":
            return len(value)
        case "list" | "set":
            return sum(map(len, value))
        case "stream":
            return sum(len(word) for entry in value["entries"] for word in entry)
        case _:
            return sum(len(each[0]) + len(each[1]) for each in value)


def _string(name: bytes, value: str, continues: bool) -> Iterator[Words]:
    yield "APPEND" if continues else "SET", name, bytes_of(value)


def _list(name: bytes, value: Sequence[str], _: bool) -> Iterable[Words]:
    return _adding("RPUSH", name, _all(value))


def _set(name: bytes, value: Sequence[str], _: bool) -> Iterable[Words]:
    return _adding("SADD", name, _all(value))


def _zset(name: bytes, value: Sequence[Sequence[str]], _: bool) -> Iterable[Words]:
    words = _all([word for member, score in value for word in (score, member)])
    return _adding("ZADD", name, words, of_each=2)


def _hash(name: bytes, value: Sequence[Sequence[Any]], _: bool) -> Iterable[Words]:
    words = _all([word for field, text, _ in value for word in (field, text)])
    return _adding("HSET", name, words, of_each=2)


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


def _all(texts: Sequence[str]) -> list[bytes]:
    """Return what `bytes_of` makes of each, of most without a call."""
    try:
        return [text.encode("utf-8", "surrogateescape") for text in texts]
    except UnicodeEncodeError:
        return list(map(bytes_of, texts))


def _adding(verb: str, name: bytes, words: Sequence[bytes], *, of_each: int = 1) -> Iterable[Words]:
    size = _SLICE * of_each
    if len(words) <= size:
        return ((verb, name, *words),) if words else ()
    return [(verb, name, *words[at : at + size]) for at in range(0, len(words), size)]


_MAKES: dict[str, Making] = {
    "string": _string,
    "hash": _hash,
    "list": _list,
    "set": _set,
    "zset": _zset,
    "stream": _stream,
}
