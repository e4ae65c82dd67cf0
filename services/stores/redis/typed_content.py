"""The content of Redis keys by their types, with their TTLs: what every server takes and gives.

DUMP is no way between servers: that of Valkey 9 is refused by every Redis, and that of Redis 8 by
Valkey, and it carries no TTL of its key. Everything is pipelined, and bounded: a large value comes
in several pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis

from services.archive.formats import TypedKey
from services.errors import StoreUnavailable
from services.stores.redis.erase_sessions import chunks, sound
from services.stores.redis.errors import STORE
from services.stores.redis.large_content import PIECE_BYTES, in_turn, pairs_of, pieces_of
from services.stores.redis.link import Link, form, packed
from services.stores.redis.scan import MEMORY
from services.tenancy.layout import text_of

_BATCH = 500
_HEAD = 16 * 1024  # bytes of a string that are read at sight
_ROUND_BYTES = 4 * 1024 * 1024  # memory of the keys that are read whole in one round
_TRIES = 3
_VOLATILE = re.compile(rb"(?:subexpiry|keys_with_volatile_items)=(\d+)")
_NEVER, _GONE = -1, -2


@dataclass(slots=True)
class _Found:
    """A key that is there; TTLs in ms, `expires_at` as a Unix time in ms, `memory` in bytes.

    More of it is told in the second round.
    """

    key: bytes
    type: str
    pttl: int | None
    expires_at: int | None = None
    memory: int = PIECE_BYTES + 1

    def typed(self, value: Any, *, continues: bool = False) -> TypedKey:
        return TypedKey(self.key, self.type, value, self.pttl, self.expires_at, continues)


def read_content(link: Link, keys: Sequence[bytes]) -> Iterator[TypedKey]:
    """Yield the keys that are there with their content; a large one in several pieces in a row.

    A key whose type changes while it is read is read again. Raises StoreError, StoreRejected for
    a key of a type that no other server is sure to have (a module's).
    """
    reading = _Reading(link)
    for batch in chunks(keys, _BATCH):
        yield from reading.read(batch)


class _Reading:
    """Reads over one link; whether the server has TTLs of hash fields is asked once."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._field_ttls: bool | None = None
        self._again: list[bytes] = []

    def read(self, keys: Sequence[bytes]) -> Iterator[TypedKey]:
        """Read some keys, and those once more that changed their type meanwhile."""
        for _ in range(_TRIES):
            self._again = []
            yield from self._once(keys)
            if not self._again:
                return
            keys = self._again
        raise StoreUnavailable(STORE, "reading keys", "a key changes its type all the time")

    def _once(self, keys: Sequence[bytes]) -> Iterator[TypedKey]:
        due: list[_Found] = []
        size = 0
        for each, short in self._second(self._first(keys)):
            if short is not None:
                yield each.typed(text_of(short))
            elif each.type not in _WHOLE or each.memory > PIECE_BYTES:
                yield from self._in_pieces(each)
            else:
                if size + each.memory > _ROUND_BYTES:
                    yield from self._whole(due)
                    due, size = [], 0
                due.append(each)
                size += each.memory
        yield from self._whole(due)

    def _first(self, keys: Sequence[bytes]) -> list[_Found]:
        """Ask for types and TTLs; keys that are gone are left out."""
        self._link.send(b"".join([_FIRST % (len(key), key, len(key), key) for key in keys]))
        replies = sound(self._link, 2 * len(keys))
        told = zip(keys, replies[::2], replies[1::2], strict=True)
        return [
            _Found(key, kind.decode("ascii", "replace"), pttl if pttl >= 0 else None)
            for key, kind, pttl in told
            if kind != b"none" and pttl != _GONE
        ]

    def _second(self, keys: Sequence[_Found]) -> list[tuple[_Found, bytes | None]]:
        """Ask for short strings whole, for the memory of all else, and when each expires."""
        self._link.send(b"".join(map(_second, keys)))
        replies = iter(self._link.replies(sum(1 if key.pttl is None else 2 for key in keys)))
        found: list[tuple[_Found, bytes | None]] = []
        for each in keys:
            reply = next(replies)
            expires = next(replies) if each.pttl is not None else None
            if reply is None or expires == _GONE or not self._is_readable(each, reply):
                continue
            if expires == _NEVER:  # since it was asked for its TTL it was written anew
                each.pttl = None
            elif isinstance(expires, int):
                each.expires_at = expires
            if isinstance(reply, int):
                each.memory = reply
            is_short = isinstance(reply, bytes) and 0 < len(reply) < _HEAD
            found.append((each, reply if is_short else None))
        return found

    def _is_readable(self, each: _Found, reply: Any) -> bool:
        """Note a key of another type now. Raises StoreError; a withheld MEMORY USAGE is none."""
        if not isinstance(reply, hiredis.ReplyError):
            return True
        if str(reply).startswith("WRONGTYPE"):
            self._again.append(each.key)
            return False
        if each.type == "string":
            raise self._link.error(reply)
        return True

    def _whole(self, keys: Sequence[_Found]) -> Iterator[TypedKey]:
        """Read keys whole, in one round."""
        self._link.send(b"".join([_filled(_WHOLE[each.type], each.key) for each in keys]))
        for each, reply in zip(keys, self._link.replies(len(keys)), strict=True):
            if self._is_sound(each, reply) and reply and (value := self._value(each, reply)):
                yield each.typed(value)  # an empty one is gone

    def _is_sound(self, each: _Found, reply: Any) -> bool:
        if not self._is_readable(each, reply):
            return False
        if isinstance(reply, hiredis.ReplyError):
            raise self._link.error(reply)
        return True

    def _value(self, each: _Found, reply: Any) -> Any:
        match each.type:
            case "list":
                return list(map(text_of, reply))
            case "set":
                return sorted(map(text_of, reply))
            case "zset":
                return pairs_of(reply)
            case _:
                return self._fields(each.key, in_turn(reply))

    def _in_pieces(self, each: _Found) -> Iterator[TypedKey]:
        """Read a large value, or a stream's, piece by piece."""
        begun = False
        for piece in pieces_of(self._link, each.key, each.type, each.memory):
            value = self._fields(each.key, piece) if each.type == "hash" else piece
            yield each.typed(value, continues=begun)
            begun = True

    def _fields(self, key: bytes, reply: Sequence[bytes]) -> list[list[Any]]:
        """Return a hash's fields with their values and when they expire, by their names.

        One that expired since it was read is gone: its value is not to come back for good.
        """
        told = zip(reply[::2], reply[1::2], self._ends(key, reply[::2]), strict=True)
        found = (
            [text_of(field), text_of(value), None if end == _NEVER else end]
            for field, value, end in told if end != _GONE
        )  # fmt: skip
        return sorted(found, key=lambda each: each[0])

    def _ends(self, key: bytes, fields: Sequence[bytes]) -> Sequence[int]:
        if self._field_ttls is None:
            self._field_ttls = _has_field_ttls(self._link)
        if not self._field_ttls:
            return [_NEVER] * len(fields)
        ends = self._link.ask("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)
        return ends or [_GONE] * len(fields)


_FIRST = form("TYPE", None) + form("PTTL", None)
_SHORT = form("GETRANGE", None, 0, _HEAD - 1)
_END = form("PEXPIRETIME", None)
_WHOLE = {
    "list": form("LRANGE", None, 0, -1),
    "set": form("SMEMBERS", None),
    "zset": form("ZRANGE", None, 0, -1, "WITHSCORES"),
    "hash": form("HGETALL", None),
}


def _filled(command: bytes, key: bytes) -> bytes:
    return command % (len(key), key)


def _second(each: _Found) -> bytes:
    """Write what is asked second of a key; when it expires only of one that does."""
    first = _filled(_SHORT if each.type == "string" else MEMORY, each.key)
    return first if each.pttl is None else first + _filled(_END, each.key)


def _has_field_ttls(link: Link) -> bool:
    """Whether any hash of this database has a field that expires; True where nobody tells.

    Redis has such since 7.4 and says so in INFO as `subexpiry`, Valkey since 9.0 as
    `keys_with_volatile_items`.
    """
    link.send(packed("COMMAND", "INFO", "HPEXPIRETIME") + packed("INFO", "keyspace"))
    command, keyspace = link.replies(2)
    if isinstance(command, list) and command and command[0] is None:
        return False
    told = _VOLATILE.findall(keyspace) if isinstance(keyspace, bytes) else []
    return any(map(int, told)) if told else True
