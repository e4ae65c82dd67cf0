"""A stream in ClickHouse's FORMAT Native, cut into its blocks and proven to be whole. Pure.

Native says nowhere how long a block is, and what follows an error half-way looks like data. So the
query has two columns more than it is asked for, under names that nobody can guess: the first holds
a hash of its row, the last a byte. Where the last one's header stands, its block ends exactly as
many bytes behind it as the block has rows. Both are taken out again.

https://clickhouse.com/docs/interfaces/formats/Native: a block is the number of its columns and of
its rows (LEB128), then for each column name, type and values.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

ROW_HASH = "sipHash128(formatRow('RowBinary', %s))"
"""Hashes what stands for the columns: each row's bytes as a whole, for every element of an array
that is hashed alone costs many times as much."""

NO_HASH = ("AggregateFunction(", "SimpleAggregateFunction(", "JSON", "Object(", "Dynamic",
           "Variant(")  # fmt: skip
"""Types that no fingerprint is over: not every version writes them alike."""

_HASH_TYPE, _END_TYPE = b"FixedString(16)", b"UInt8"
_HASH_BYTES = 16
_LONGEST_NUMBER = 10
_LONG = 128


class NotWhole(Exception):
    """The stream is no sequence of whole blocks."""


class TooLarge(Exception):
    """A block has more bytes than it may have."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Blocks as FORMAT Native has them, without what was added, and how many rows they have."""

    content: bytes
    rows: int


@dataclass(slots=True)
class Sums:
    """How many rows went by, and the sums modulo 2**64 of their hashes' halves."""

    rows: int = 0
    low: int = 0
    high: int = 0

    @property
    def fingerprint(self) -> str:
        """Both sums as 32 hex digits."""
        return f"{self.low % 2**64:016x}{self.high % 2**64:016x}"


@dataclass(frozen=True, slots=True)
class Frame:
    """The names of the two columns that a query has more."""

    hash: str = field(default_factory=lambda: f"h{secrets.token_hex(12)}")
    end: str = field(default_factory=lambda: f"e{secrets.token_hex(12)}")


def chunks_of(data: Iterable[bytes], frame: Frame, sums: Sums, *, most: int) -> Iterator[Chunk]:
    """Yield the blocks of a stream, together as many as have `most` bytes; reckon up their rows.

    Raises NotWhole where it is cut or followed by anything else, TooLarge for a block of more than
    `most` bytes.
    """
    reading = _Reading(_header(frame.hash, _HASH_TYPE), _header(frame.end, _END_TYPE), sums, most)
    for piece in data:
        reading.take(piece)
        yield from reading.chunks()
        if reading.filled - reading.start > 2 * most + len(piece):  # with its hashes
            raise TooLarge
    if reading.filled > reading.start:
        raise NotWhole
    if reading.due:
        yield reading.chunk()


@dataclass(slots=True)
class _Reading:
    """The bytes of a stream that were not given on yet, in one buffer that is used over and over.

    It has them up to `filled`. Up to `start` they are blocks, of which `due` says what goes into
    the next chunk: bytes, or where they begin and end. Up to `kept` they were given on, and up to
    `seen` there is no end of another block.
    """

    begin: bytes
    end: bytes
    sums: Sums
    most: int
    buffer: bytearray = field(default_factory=bytearray)
    filled: int = 0
    start: int = 0
    kept: int = 0
    seen: int = 0
    due: list[bytes | slice] = field(default_factory=list)
    rows: int = 0
    size: int = 0

    def take(self, piece: bytes) -> None:
        """Take in some more bytes; where most of the buffer was given on, from its beginning."""
        if self.kept > self.filled - self.kept:
            self._move(self.kept)
        lacking = self.filled + len(piece) - len(self.buffer)
        if lacking > 0:
            self.buffer += bytes(max(lacking, len(self.buffer) // 4))
        self.buffer[self.filled : self.filled + len(piece)] = piece
        self.filled += len(piece)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks that are whole."""
        while (at := self.buffer.find(self.end, self.seen, self.filled)) >= 0:
            columns, rows, first = _numbers(self.buffer, self.start, self.filled)
            stop = at + len(self.end) + rows
            if self.filled < stop:
                self.seen = at
                return
            if self.buffer.count(0, at + len(self.end), stop) != rows:
                raise NotWhole  # the server's own end is zeros
            values = self._values(first, rows, at)
            head = _number(columns - 2) + _number(rows)
            size = len(head) + values.stop - values.start
            if self.due and self.size + size > self.most:
                yield self.chunk()
            if rows:
                self.due += (head, values)
                self.rows += rows
                self.size += size
            self.start = self.seen = stop
        self.seen = max(self.start, self.filled - len(self.end))

    def chunk(self) -> Chunk:
        """Give on what is due."""
        with memoryview(self.buffer) as view:
            content = b"".join(each if isinstance(each, bytes) else view[each] for each in self.due)
        found = Chunk(content, self.rows)
        self.due, self.rows, self.size = [], 0, 0
        self.kept = self.start
        return found

    def _move(self, by: int) -> None:
        """Move all that was not given on to the buffer's beginning."""
        self.buffer[: self.filled - by] = self.buffer[by : self.filled]
        self.due = [
            each if isinstance(each, bytes) else slice(each.start - by, each.stop - by)
            for each in self.due
        ]
        self.filled, self.start, self.seen = self.filled - by, self.start - by, self.seen - by
        self.kept = 0

    def _values(self, start: int, rows: int, at: int) -> slice:
        """Return where the columns of a block are that were asked for, and reckon up its rows."""
        if not self.buffer.startswith(self.begin, start):
            raise NotWhole
        first = start + len(self.begin)
        last = first + rows * _HASH_BYTES
        if at - last > self.most:
            raise TooLarge
        with memoryview(self.buffer) as view:
            _add(self.sums, view[first:last], rows)
        return slice(last, at)


def _add(sums: Sums, hashes: memoryview, rows: int) -> None:
    halves = np.frombuffer(hashes, "<u8").reshape(rows, 2)
    low, high = halves.sum(axis=0, dtype=np.uint64)
    sums.rows += rows
    sums.low += int(low)
    sums.high += int(high)


def _header(name: str, kind: bytes) -> bytes:
    text = name.encode("ascii")
    return _number(len(text)) + text + _number(len(kind)) + kind


def _numbers(buffer: bytearray, at: int, end: int) -> tuple[int, int, int]:
    """Return a block's columns, its rows, and where its first column begins."""
    columns, at = _read(buffer, at, end)
    rows, at = _read(buffer, at, end)
    return columns, rows, at


def _read(buffer: bytearray, at: int, end: int) -> tuple[int, int]:
    number = 0
    for shift in range(_LONGEST_NUMBER):
        byte = buffer[at + shift] if at + shift < end else _LONG
        number |= (byte % _LONG) << (7 * shift)
        if byte < _LONG:
            return number, at + shift + 1
    raise NotWhole


def _number(value: int) -> bytes:
    found = bytearray()
    while value >= _LONG:
        found.append(value % _LONG + _LONG)
        value //= _LONG
    found.append(value)
    return bytes(found)
