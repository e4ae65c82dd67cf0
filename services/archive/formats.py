"""Lines of the JSON parts of an archive: Redis keys, points, records. Pure.

All of them are ASCII whatever the names hold. A line's fingerprint leaves out what is otherwise
each time that one looks: how long a key has to live.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

from services.archive.errors import ArchiveError, ArchiveFlaw, ArchiveRefused
from services.archive.models import CHUNK_BYTES, Fingerprint, Part, Piece
from services.tenancy.layout import bytes_of, text_of

_COMPACT = (",", ":")
_encode = json.JSONEncoder(separators=_COMPACT).encode
"""`dumps` makes an encoder anew for each value."""

_text: Callable[[str], str] = encode_basestring_ascii
"""A text alone takes a third of the time so."""


class TypedKey(NamedTuple):
    """A Redis key by its typed content, in plain JSON; every text is one of `text_of`.

    `type` is Redis' own word. `pttl` is in milliseconds when it was read, `expires_at` the Unix
    time in milliseconds, both None for a key without a TTL. `value` by type: `string` a text;
    `list` and `set` texts; `zset` pairs of member and score as Redis writes it; `hash` field,
    value and when the field expires (Unix ms, None for never); `stream` an object of `entries`
    (id, texts of fields and values in turn), `last_id`, `entries_added`, `max_deleted_id`, and
    `groups` (name, last_delivered_id, entries_read, consumers, and `pending`: id, consumer, Unix
    ms of its delivery, how often).

    A value of more than some MiB takes several lines one after the other: those but the first
    have `continues`, and add to what came before (APPEND, RPUSH, SADD, ZADD, HSET, XADD). A tuple,
    since there are millions of them.
    """

    key: bytes
    type: str
    value: Any
    pttl: int | None = None
    expires_at: int | None = None
    continues: bool = False


def key_line(each: TypedKey) -> tuple[bytes, bytes]:
    """Return the line of a key, and what of it goes into the fingerprint."""
    raw, kind, value, pttl, expires_at, continues = each
    more = ',"continues":true' if continues else ""
    said = _SAID.get(kind, _encode)(value)
    lasting = f'"key":{_text(text_of(raw))},"type":"{kind}","value":{said}{more}}}'.encode("ascii")
    if pttl is None and expires_at is None:
        return b'{"pttl":null,"expires_at":null,%b\n' % lasting, lasting
    ends = _number(pttl), _number(expires_at)
    return b'{"pttl":%b,"expires_at":%b,%b\n' % (*ends, lasting), lasting


def _texts(value: Iterable[str]) -> str:
    return f"[{','.join(map(_text, value))}]"


def _fields(value: Iterable[tuple[str, str, int | None]]) -> str:
    return f"[{','.join(map(_field, value))}]"


def _field(each: tuple[str, str, int | None]) -> str:
    name, value, end = each
    return f"[{_text(name)},{_text(value)},{'null' if end is None else end}]"


_SAID: Mapping[str, Callable[[Any], str]] = {
    "string": _text, "list": _texts, "set": _texts, "hash": _fields,
}  # fmt: skip
"""What writes the values of most keys as `_encode` does, in half the time."""


def key_of(line: bytes) -> TypedKey:
    """Read what `key_line` wrote. Raises ArchiveRefused."""
    try:
        found = json.loads(line)
        return TypedKey(
            bytes_of(found["key"]), found["type"], found["value"], found["pttl"],
            found["expires_at"], bool(found.get("continues", False)),
        )  # fmt: skip
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ArchiveRefused(ArchiveFlaw.ALTERED, "redis") from None


def json_line(value: Mapping[str, Any]) -> bytes:
    """Write one point or record as a line, its fields in one order."""
    return json.dumps(value, separators=_COMPACT, sort_keys=True).encode("ascii") + b"\n"


def lines_of(content: bytes) -> Iterator[bytes]:
    """Yield the lines of a chunk without their ends."""
    return iter(content.split(b"\n")[:-1])


class Lines:
    """Packs the lines of one part into chunks, and fingerprints them."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._lines: list[bytes] = []
        self._bytes = self._count = 0
        self.fingerprint = Fingerprint()

    def add(
        self, line: bytes, *, lasting: bytes | None = None, count: int = 1
    ) -> tuple[Piece, ...]:
        """Take a line with its end, and return the chunk before it where that is full.

        `lasting` is what goes into the fingerprint; the line itself where it is not given. Raises
        ArchiveError for a line that is longer than a chunk.
        """
        if len(line) > CHUNK_BYTES:
            raise ArchiveError("one point or record alone is larger than 16 MiB")
        full = (self._piece(),) if self._bytes + len(line) > CHUNK_BYTES else ()
        self._lines.append(line)
        self._bytes += len(line)
        self._count += count
        self.fingerprint.add(line[:-1] if lasting is None else lasting)
        return full

    def end(self, part: Part | None = None) -> Iterator[Piece]:
        """Yield what is left, and then the part alone, with what is said of it at last."""
        if self._lines:
            yield self._piece()
        yield Piece(part or self._part, fingerprint=str(self.fingerprint))

    def _piece(self) -> Piece:
        piece = Piece(self._part, b"".join(self._lines), self._count)
        self._lines.clear()
        self._bytes = self._count = 0
        return piece


def packed(part: Part, lines: Iterable[bytes]) -> Iterator[Piece]:
    """Pack lines that count one each into the chunks of a part."""
    packing = Lines(part)
    for line in lines:
        yield from packing.add(line)
    yield from packing.end()


def _number(value: int | None) -> bytes:
    return b"null" if value is None else b"%d" % value
