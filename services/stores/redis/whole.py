"""One Redis key's whole value as a file, piece by piece: its bytes, or a line of JSON a member.

No command asks for more than about a piece, however large the value is; of a value whose members
differ much in size, for more where some are far above their mean. What is written meanwhile may be
in the file or not, and a member that moves may stand in it twice, as SCAN has it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator

from services.errors import ValueNotWhole
from services.stores.redis.link import Link
from services.stores.redis.values import TYPES, head_of
from services.tenancy.layout import bytes_of, text_of

PIECE_BYTES = 256 * 1024
_MOST_MEMBERS = 1000

Member = tuple[bytes, ...]


def pieces(link: Link, key: str, most: int) -> Iterator[bytes]:
    """Yield the value of a key: of a string its bytes, else lines of JSON, in ASCII.

    Raises ValueNotWhole where there is no such key, or its file would be above `most` bytes; and a
    StoreError.
    """
    size = 0
    for piece in _pieces(link, key, most):
        size += len(piece)
        if size > most:
            raise _too_large(most)
        yield piece


def _pieces(link: Link, key: str, most: int) -> Iterator[bytes]:
    head = head_of(link, key)
    if head is None:
        raise ValueNotWhole("there is no such key, or no longer")
    name = bytes_of(key)
    if head.type == "string":
        yield from _string(link, name, most)
    elif head.type in TYPES:
        found = TYPES[head.type]
        mean = (head.memory or 0) // max(link.ask(found.length, name), 1)
        each = max(min(PIECE_BYTES // max(mean, 1), _MOST_MEMBERS), 1)
        line = _LINES[head.type]
        for member in found.members(link, name, each):
            yield json.dumps(line(member)).encode() + b"\n"
    else:
        raise ValueNotWhole(f"values of type {head.type} are not read")


def _string(link: Link, name: bytes, most: int) -> Iterator[bytes]:
    size: int = link.ask("STRLEN", name)
    if size > most:
        raise _too_large(most)
    for start in range(0, size, PIECE_BYTES):
        yield link.ask("GETRANGE", name, start, min(start + PIECE_BYTES, size) - 1)


def _too_large(most: int) -> ValueNotWhole:
    return ValueNotWhole(f"its value is above {most:,} bytes (KATO_TENANTS_VALUE_BYTES)")


def _score(score: bytes) -> float | str:
    """Return a score as a number, which JSON has not for what is infinite."""
    number = float(score)
    return number if math.isfinite(number) else text_of(score)


def _fields(fields: Member) -> list[list[str]]:
    """Return the fields of an entry in their order: a name may stand in it twice."""
    return [[text_of(name), text_of(value)] for name, value in zip(fields[::2], fields[1::2],
                                                                   strict=True)]  # fmt: skip


_LINES: dict[str, Callable[[Member], object]] = {
    "list": lambda member: text_of(member[0]),
    "set": lambda member: text_of(member[0]),
    "hash": lambda pair: {"field": text_of(pair[0]), "value": text_of(pair[1])},
    "zset": lambda pair: {"member": text_of(pair[0]), "score": _score(pair[1])},
    "stream": lambda entry: {"entry": text_of(entry[0]), "fields": _fields(entry[1:])},
}
"""What stands in a line, by the type of the value."""
