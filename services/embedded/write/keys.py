"""How each type of Redis key is read from JSON, shown as JSON, and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import hiredis

from services.embedded.write.dataset import Entry, KeyType, Misread, RedisValue, StreamItem
from services.errors import StoreRejected
from services.stores.redis.erase_sessions import sound
from services.stores.redis.errors import STORE
from services.stores.redis.link import Client, Link, conversation, packed
from services.tenancy.layout import bytes_of

_BATCH = 500
_SECONDS = 600.0  # a batch may take, and each answer the client's own timeout
_LOADING = "loading keys"
_STALE_ID = "equal or smaller than the target stream top item"


def count(client: Client) -> int:
    """Count the keys."""
    with conversation(client, operation="looking for keys", seconds=_SECONDS) as link:
        return int(link.ask("DBSIZE"))


def write(client: Client, entries: Iterator[Entry], *, merge: bool) -> Counter[str]:
    """Write keys with their TTLs; with `merge`, into what is there, where its type allows."""
    counts: Counter[str] = Counter()
    with conversation(client, operation=_LOADING, seconds=_SECONDS) as link:
        while batch := list(islice(entries, _BATCH)):
            link.prolong()
            new = _mergeable(link, batch) if merge else batch
            counts["keys"] += sum(not entry.more for entry in new)
            counts["skipped"] += len(batch) - len(new) + _send(link, new)
    return counts


def _send(link: Link, batch: Sequence[Entry]) -> int:
    """Send what writes these keys; return how many entries of streams were too old to add."""
    commands = [packed(*command) for entry in batch for command in _commands(entry)]
    if commands:
        link.send(b"".join(commands))
    answers = link.replies(len(commands))
    errors = [answer for answer in answers if isinstance(answer, hiredis.ReplyError)]
    for error in errors:
        if _STALE_ID not in str(error):
            raise link.error(error)
    return len(errors)


def _commands(entry: Entry) -> Iterator[Command]:
    key = bytes_of(entry.key)
    for command in KINDS[entry.type].commands(key, entry.value):
        if entry.ttl_ms is not None and entry.type is KeyType.STRING:
            yield *command, "PX", entry.ttl_ms  # never there without its TTL
        else:
            yield command
    if entry.ttl_ms is not None and entry.type is not KeyType.STRING:
        yield "PEXPIRE", key, entry.ttl_ms


def _mergeable(link: Link, batch: Sequence[Entry]) -> list[Entry]:
    """Leave out the lists that are there. Raises StoreRejected for a key of another type."""
    link.send(b"".join(packed("TYPE", bytes_of(entry.key)) for entry in batch))
    types = [answer.decode() for answer in sound(link, len(batch))]
    if any(there not in ("none", entry.type) for entry, there in zip(batch, types, strict=True)):
        raise StoreRejected(STORE, _LOADING, "a key of the same name is of another type")
    pairs = zip(batch, types, strict=True)
    return [e for e, there in pairs if e.more or there != KeyType.LIST]


_CHUNK = 5000
"""Members that go into one command: none should hold the server for long."""

Command = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ValueKind:
    """`read` takes JSON and raises Misread for what Redis could not hold.

    `shown` is its reverse, `commands` what writes a value under a key.
    """

    read: Callable[[object], RedisValue]
    shown: Callable[[Any], object]
    commands: Callable[[bytes, Any], Iterator[Command]]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Misread("text is expected")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not (isinstance(value, list) and value):
        raise Misread("a list of at least one text is expected")
    return tuple(map(_text, value))


def _fields(value: object) -> Mapping[str, str]:
    if not (isinstance(value, dict) and value):
        raise Misread("an object of at least one field is expected")
    return {name: _text(inner) for name, inner in value.items()}


def _pairs(value: object, what: str) -> list[tuple[object, object]]:
    shaped = isinstance(value, list) and all(isinstance(i, list) and len(i) == 2 for i in value)  # noqa: PLR2004
    if not (value and shaped):
        raise Misread(f"a list of at least one {what} is expected")
    return [(first, second) for first, second in cast("list[list[object]]", value)]


def _scores(value: object) -> tuple[tuple[str, float], ...]:
    pairs = _pairs(value, "[member, score]")
    if any(isinstance(score, bool) or not isinstance(score, int | float) for _, score in pairs):
        raise Misread("a score has to be a number")
    return tuple((_text(member), float(cast("float", score))) for member, score in pairs)


def _stream(value: object) -> tuple[StreamItem, ...]:
    pairs = _pairs(value, "[id, fields]")
    return tuple((_stream_id(entry_id), _fields(fields)) for entry_id, fields in pairs)


def _stream_id(value: object) -> str:
    time, dash, number = _text(value).partition("-")
    if not (dash and time.isdecimal() and number.isdecimal()):
        raise Misread("an entry's id is written milliseconds-number")
    return f"{time}-{number}"


def _set_text(key: bytes, value: str) -> Iterator[Command]:
    yield "SET", key, bytes_of(value)


def _add(command: str) -> Callable[[bytes, tuple[str, ...]], Iterator[Command]]:
    def add(key: bytes, value: tuple[str, ...]) -> Iterator[Command]:
        for at in range(0, len(value), _CHUNK):
            yield command, key, *map(bytes_of, value[at : at + _CHUNK])

    return add


def _set_fields(key: bytes, value: Mapping[str, str]) -> Iterator[Command]:
    flat = _flat(value)
    for at in range(0, len(flat), 2 * _CHUNK):
        yield "HSET", key, *flat[at : at + 2 * _CHUNK]


def _flat(fields: Mapping[str, str]) -> list[bytes]:
    return [bytes_of(text) for pair in fields.items() for text in pair]


def _add_scores(key: bytes, value: tuple[tuple[str, float], ...]) -> Iterator[Command]:
    for at in range(0, len(value), _CHUNK):
        pairs = value[at : at + _CHUNK]
        yield "ZADD", key, *(part for member, score in pairs for part in (score, bytes_of(member)))


def _append(key: bytes, value: tuple[StreamItem, ...]) -> Iterator[Command]:
    for entry_id, fields in value:
        yield "XADD", key, entry_id, *_flat(fields)


def _listed(value: Any) -> object:
    return [list(item) if isinstance(item, tuple) else item for item in value]


KINDS: Mapping[KeyType, ValueKind] = {
    KeyType.STRING: ValueKind(_text, str, _set_text),
    KeyType.HASH: ValueKind(_fields, dict, _set_fields),
    KeyType.SET: ValueKind(_texts, _listed, _add("SADD")),
    KeyType.LIST: ValueKind(_texts, _listed, _add("RPUSH")),
    KeyType.ZSET: ValueKind(_scores, _listed, _add_scores),
    KeyType.STREAM: ValueKind(_stream, _listed, _append),
}
"""Every type of key that is written."""
