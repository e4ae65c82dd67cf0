"""One Redis key's value, by its type: at most a stated part of it, never in one huge command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import hiredis

from services.browse.models import KeyValue
from services.stores.redis.link import Link, packed
from services.tenancy.layout import bytes_of

VALUE_BYTES = 64 * 1024
"""Of a string so many bytes are read."""
MEMBERS, MEMBER_BYTES = 200, 2048
"""Of other types so many members, of each so many bytes."""

_SLICE = 50
_MILLISECONDS = 1000
_GONE = -2

Members = Iterator[tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class Type:
    """How long a value is, and how its members are read slice by slice.

    Of a hash and a sorted set a member is a pair, of a stream an entry's id with all its fields.
    """

    length: str
    members: Callable[[Link, bytes, int], Members]


def read_value(link: Link, key: str) -> KeyValue | None:
    """Read one key, or None when it is not there. Raises a StoreError."""
    head = head_of(link, key)
    return None if head is None else _read(link, bytes_of(key), head)


def head_of(link: Link, key: str) -> KeyValue | None:
    """Read what a key is, without its value; None when it is not there. Raises a StoreError."""
    name = bytes_of(key)
    link.send(packed("TYPE", name) + packed("PTTL", name) + packed("MEMORY", "USAGE", name))
    kind, pttl, memory = link.replies(3)
    for reply in (kind, pttl):
        if isinstance(reply, hiredis.ReplyError):
            raise link.error(reply)
    if kind == b"none" or pttl == _GONE:
        return None
    size = memory if isinstance(memory, int) else None
    ttl = pttl / _MILLISECONDS if pttl >= 0 else None
    return KeyValue(key, _text(kind), 0, size, ttl, ())


def _text(word: Any) -> str:
    return word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)


def _read(link: Link, name: bytes, head: KeyValue) -> KeyValue:
    if head.type == "string":
        return _string(link, name, head)
    found = TYPES.get(head.type)
    if found is None:
        return _filled(head, 0, [], f"values of type {head.type} are not shown")
    size: int = link.ask(found.length, name)
    each = (head.memory or 0) // max(size, 1)
    wanted = MEMBERS if each <= VALUE_BYTES else 1
    members = list(islice(found.members(link, name, min(_SLICE, wanted)), wanted))
    if head.type == "stream":
        members = [(entry, b" ".join(fields)) for entry, *fields in members]
    cut = [tuple(part[:MEMBER_BYTES] for part in member) for member in members]
    notes = []
    if size > len(members):
        notes.append(f"{len(members):,} of {size:,} members")
    if cut != members:
        notes.append(f"the first {MEMBER_BYTES:,} bytes of each part")
    return _filled(head, size, cut, "; ".join(notes))


def _filled(head: KeyValue, size: int, members: list[tuple[bytes, ...]], note: str) -> KeyValue:
    return KeyValue(head.key, head.type, size, head.memory, head.ttl, tuple(members), note)


def _string(link: Link, name: bytes, head: KeyValue) -> KeyValue:
    size: int = link.ask("STRLEN", name)
    value: bytes = link.ask("GETRANGE", name, 0, VALUE_BYTES - 1)
    note = f"the first {len(value):,} of {size:,} bytes" if size > len(value) else ""
    return _filled(head, size, [(value,)], note)


def _list(link: Link, name: bytes, each: int) -> Members:
    start = 0
    while found := link.ask("LRANGE", name, start, start + each - 1):
        yield from ((member,) for member in found)
        start += each


def _sorted(link: Link, name: bytes, each: int) -> Members:
    start = 0
    while found := link.ask("ZRANGE", name, start, start + each - 1, "WITHSCORES"):
        yield from _scored(found)
        start += each


def _scored(found: list[Any]) -> Members:
    """Pair members with scores, as either version of Redis's protocol writes them."""
    if isinstance(found[0], list):
        return ((member, b"%.17g" % score) for member, score in found)
    return zip(found[::2], found[1::2], strict=True)


def _stream(link: Link, name: bytes, each: int) -> Members:
    start = b"-"
    while found := link.ask("XRANGE", name, start, "+", "COUNT", each):
        for entry, fields in found:
            yield entry, *(fields or ())
        start = b"(" + found[-1][0]


def _hash(link: Link, name: bytes, each: int) -> Members:
    for found in _scanned(link, "HSCAN", name, each):
        yield from zip(found[::2], found[1::2], strict=True)


def _set(link: Link, name: bytes, each: int) -> Members:
    for found in _scanned(link, "SSCAN", name, each):
        yield from ((member,) for member in found)


def _scanned(link: Link, command: str, name: bytes, each: int) -> Iterator[list[bytes]]:
    cursor = b"0"
    while True:
        cursor, found = link.ask(command, name, cursor, "COUNT", each)
        yield found
        if cursor == b"0":
            return


TYPES = {
    "list": Type("LLEN", _list),
    "zset": Type("ZCARD", _sorted),
    "stream": Type("XLEN", _stream),
    "hash": Type("HLEN", _hash),
    "set": Type("SCARD", _set),
}
