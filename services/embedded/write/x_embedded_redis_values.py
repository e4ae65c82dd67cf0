"""How each type of Redis key is read from JSON, shown as JSON, and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from services.embedded.write.dataset import KeyType, Misread, RedisValue, StreamItem
from services.tenancy.layout import bytes_of

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
