"""The content of Redis keys by their types, with their TTLs: what every server takes and gives.

DUMP is no way between servers: that of Valkey 9 is refused by every Redis, and that of Redis 8 by
Valkey, and it carries no TTL of its key. Everything is pipelined, and bounded: a large value comes
in several pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
_TRIES = 4
_MOST_WORDS = 10_000
_VOLATILE = re.compile(rb"(?:subexpiry|keys_with_volatile_items)=(\d+)")
_NEVER, _GONE = -1, -2

Sized = tuple[bytes, str, int]
"""A key with its type and its memory in bytes."""


class ContentReader:
    """Reads keys over one link. What it learns of their types serves it for those that follow."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._types = _Types(link)
        self._field_ttls: bool | None = None
        self._again: list[bytes] = []

    def read(self, keys: Sequence[bytes]) -> Iterator[TypedKey]:
        """Yield those keys that are there with their content, in any order.

        A large one comes in several pieces in a row. A key that changes its type or its TTL while
        it is read is read again. Raises StoreError, StoreRejected for a key of a type that no other
        server is sure to have (a module's).
        """
        self._field_ttls = None
        for batch in chunks(keys, _BATCH):
            yield from self._read(batch)

    def _read(self, keys: Sequence[bytes]) -> Iterator[TypedKey]:
        for _ in range(_TRIES):
            self._again = []
            yield from self._once(keys)
            if not self._again:
                return
            keys = self._again
        raise StoreUnavailable(STORE, "reading keys", "a key changes its type all the time")

    def _once(self, keys: Sequence[bytes]) -> Iterator[TypedKey]:
        kinds = self._types.of(keys)
        strings = [key for key, kind in zip(keys, kinds, strict=True) if kind == "string"]
        others = [each for each in zip(keys, kinds, strict=True) if each[1] not in _NO_OTHERS]
        if strings:
            yield from self._strings(strings)
        if others:
            yield from self._others(others)

    def _others(self, keys: Sequence[tuple[bytes, str]]) -> Iterator[TypedKey]:
        """Read keys of other types: those that are not large whole, some at once."""
        due: list[Sized] = []
        size = 0
        for each in self._sized(keys):
            _, kind, memory = each
            if kind not in _WHOLE or memory > PIECE_BYTES:
                yield from self._in_pieces(each)
                continue
            if size + memory > _ROUND_BYTES:
                yield from self._whole(due)
                due, size = [], 0
            due.append(each)
            size += memory
        yield from self._whole(due)

    def _strings(self, keys: Sequence[bytes]) -> Iterator[TypedKey]:
        """Read strings: one that is short comes at sight."""
        self._link.send(b"".join([_SHORT % (len(key), key, len(key), key) for key in keys]))
        replies = self._link.replies(2 * len(keys))
        ending, longer = list[TypedKey](), list[bytes]()
        for key, value, pttl in zip(keys, replies[::2], replies[1::2], strict=True):
            if not self._is_there(key, value, pttl):
                continue
            if not 0 < len(value) < _HEAD:
                longer.append(key)
            elif pttl == _NEVER:
                yield TypedKey(key, "string", text_of(value))
            else:
                ending.append(TypedKey(key, "string", text_of(value), pttl))
        yield from self._with_ends(ending)
        for key in longer:
            yield from self._in_pieces((key, "string", PIECE_BYTES))

    def _sized(self, keys: Sequence[tuple[bytes, str]]) -> list[Sized]:
        """Ask for the memory of keys that are there; where it is withheld, they are large."""
        self._link.send_each(MEMORY, [key for key, _ in keys])
        told = zip(keys, self._link.replies(len(keys)), strict=True)
        return [
            (key, kind, memory if isinstance(memory, int) else PIECE_BYTES + 1)
            for (key, kind), memory in told
            if memory is not None
        ]

    def _whole(self, keys: Sequence[Sized]) -> Iterator[TypedKey]:
        """Read keys whole, in one round."""
        self._link.send(
            b"".join([_WHOLE[kind] % (len(key), key, len(key), key) for key, kind, _ in keys])
        )
        replies = self._link.replies(2 * len(keys))
        ending: list[TypedKey] = []
        for (key, kind, _), reply, pttl in zip(keys, replies[::2], replies[1::2], strict=True):
            if not self._is_there(key, reply, pttl) or not (value := self._value(key, kind, reply)):
                continue  # an empty one is gone
            if pttl == _NEVER:
                yield TypedKey(key, kind, value)
            else:
                ending.append(TypedKey(key, kind, value, pttl))
        yield from self._with_ends(ending)

    def _is_there(self, key: bytes, reply: Any, pttl: Any) -> bool:
        """Whether a key was there, and of the type that it was read as. Raises StoreError."""
        if not isinstance(reply, hiredis.ReplyError) and isinstance(pttl, int):
            return pttl != _GONE
        if not str(reply).startswith("WRONGTYPE"):
            raise self._link.error(reply if isinstance(reply, hiredis.ReplyError) else pttl)
        self._mistook(key)
        return False

    def _with_ends(self, found: Sequence[TypedKey]) -> Iterator[TypedKey]:
        """Ask when keys end, of a server that tells (since Redis 7).

        One that does not end any more was written meanwhile, and is read again: what it had is not
        to come back for good.
        """
        if not found:
            return
        self._link.send(b"".join([_END % (len(each.key), each.key) for each in found]))
        for each, end in zip(found, self._link.replies(len(found)), strict=True):
            if end == _NEVER:
                self._again.append(each.key)
            elif end != _GONE:
                yield each._replace(expires_at=end) if isinstance(end, int) else each

    def _value(self, key: bytes, kind: str, reply: Any) -> Any:
        match kind:
            case "set":
                return sorted(map(text_of, reply))
            case "hash":
                return self._fields(key, in_turn(reply)) if reply else None
            case "list":
                return list(map(text_of, reply))
            case _:
                return pairs_of(reply)

    def _in_pieces(self, sized: Sized) -> Iterator[TypedKey]:
        """Read a large value, or a stream's, piece by piece."""
        key, kind, memory = sized
        first = self._first_of(key, kind)
        if first is None:
            return
        begun = False
        for piece in pieces_of(self._link, key, kind, memory):
            value = self._fields(key, piece) if kind == "hash" else piece
            yield first._replace(value=value, continues=begun)
            begun = True

    def _first_of(self, key: bytes, kind: str) -> TypedKey | None:
        """Ask whether a key is there, of that type, and when it ends; its value comes later."""
        self._link.send(_ABOUT % ((len(key), key) * 3))
        now, pttl, end = self._link.replies(3)
        for reply in (now, pttl):
            if isinstance(reply, hiredis.ReplyError):
                raise self._link.error(reply)
        if now == b"none" or _GONE in (pttl, end):
            return None
        if now != kind.encode():
            self._mistook(key)
            return None
        if _NEVER in (pttl, end):
            return TypedKey(key, kind, None)
        return TypedKey(key, kind, None, pttl, end if isinstance(end, int) else None)

    def _mistook(self, key: bytes) -> None:
        """Have a key read again that is of another type, which is asked from then on."""
        self._types.doubt(key)
        self._again.append(key)

    def _fields(self, key: bytes, reply: Sequence[bytes]) -> list[list[Any]]:
        """Return a hash's fields with their values and when they expire, by their names.

        One that expired since it was read is gone: its value is not to come back for good.
        """
        texts = list(map(text_of, reply))
        pairs, ends = zip(texts[::2], texts[1::2], strict=True), self._ends(key, reply[::2])
        if ends is None:
            return [[name, value, None] for name, value in sorted(pairs)]
        return [
            [name, value, None if end == _NEVER else end]
            for (name, value), end in sorted(zip(pairs, ends, strict=True))
            if end != _GONE
        ]

    def _ends(self, key: bytes, fields: Sequence[bytes]) -> Sequence[int] | None:
        """Return when each field expires; None where none of the database does."""
        if self._field_ttls is None:
            self._field_ttls = _has_field_ttls(self._link)
        if not self._field_ttls:
            return None
        ends = self._link.ask("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)
        return ends or [_GONE] * len(fields)


class _Types:
    """What type keys are of: asked of the server, until it is known of the word after their head.

    KATO's and the guide's keys of a kind are of one type. Of a word whose keys differ it is asked
    for each.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._of_word: dict[bytes, str] = {}

    def of(self, keys: Sequence[bytes]) -> list[str]:
        """Return the type of each key, as Redis calls it; it may be another by now."""
        known = self._of_word.get
        found = [known((key + b"::").split(b":", 2)[1], _UNKNOWN) for key in keys]
        if _UNKNOWN in found:
            asked = [at for at, kind in enumerate(found) if kind == _UNKNOWN]
            for at, kind in zip(asked, self._ask([keys[at] for at in asked]), strict=True):
                found[at] = kind
        return found

    def doubt(self, key: bytes) -> None:
        """Ask for the types of all keys with this one's word from now on."""
        self._of_word[_word(key)] = _UNKNOWN

    def _ask(self, keys: Sequence[bytes]) -> list[str]:
        self._link.send(b"".join([_TYPE % (len(key), key) for key in keys]))
        kinds = [kind.decode("ascii", "replace") for kind in sound(self._link, len(keys))]
        if len(self._of_word) > _MOST_WORDS:
            self._of_word.clear()
        for key, kind in zip(keys, kinds, strict=True):
            if kind != "none" and self._of_word.setdefault(_word(key), kind) != kind:
                self.doubt(key)
        return kinds


def _word(key: bytes) -> bytes:
    return (key + b"::").split(b":", 2)[1]


_UNKNOWN = ""
_NO_OTHERS = frozenset({"string", "none"})
_TYPE, _PTTL, _END = form("TYPE", None), form("PTTL", None), form("PEXPIRETIME", None)
_ABOUT = _TYPE + _PTTL + _END
_SHORT = form("GETRANGE", None, 0, _HEAD - 1) + _PTTL
_WHOLE = {
    "list": form("LRANGE", None, 0, -1) + _PTTL,
    "set": form("SMEMBERS", None) + _PTTL,
    "zset": form("ZRANGE", None, 0, -1, "WITHSCORES") + _PTTL,
    "hash": form("HGETALL", None) + _PTTL,
}


def _has_field_ttls(link: Link) -> bool:
    """Whether any hash of this database has a field that expires; True where nobody tells.

    Redis has such since 7.4 and says so in INFO as `subexpiry`, Valkey since 9.0 as
    `keys_with_volatile_items`.
    """
    if link.is_cluster:
        return any(map(_has_field_ttls, link.primaries))
    link.send(packed("COMMAND", "INFO", "HPEXPIRETIME") + packed("INFO", "keyspace"))
    command, keyspace = link.replies(2)
    if isinstance(command, list) and command and command[0] is None:
        return False
    told = _VOLATILE.findall(keyspace) if isinstance(keyspace, bytes) else []
    return any(map(int, told)) if told else True
