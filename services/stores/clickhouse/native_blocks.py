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
class Block:
    """One block as FORMAT Native has it, without what was added, and how many rows it has."""

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


def blocks_of(data: Iterable[bytes], frame: Frame, sums: Sums, *, most: int) -> Iterator[Block]:
    """Yield the blocks of a stream, and reckon up their rows.

    Raises NotWhole where it is cut or followed by anything else, TooLarge for a block of more than
    `most` bytes.
    """
    reading = _Reading(_header(frame.hash, _HASH_TYPE), _header(frame.end, _END_TYPE), sums, most)
    for piece in data:
        reading.buffer += piece
        yield from reading.blocks()
        if len(reading.buffer) > 2 * most + len(piece):  # with its hashes
            raise TooLarge
    if reading.buffer:
        raise NotWhole


@dataclass(slots=True)
class _Reading:
    """The bytes that are not a whole block yet; `seen` of them have no end of a block."""

    begin: bytes
    end: bytes
    sums: Sums
    most: int
    buffer: bytearray = field(default_factory=bytearray)
    seen: int = 0

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks that are whole."""
        while (at := self.buffer.find(self.end, self.seen)) >= 0:
            columns, rows, start = _numbers(self.buffer)
            stop = at + len(self.end) + rows
            if len(self.buffer) < stop:
                self.seen = at
                return
            if any(self.buffer[at + len(self.end) : stop]):
                raise NotWhole  # the server's own end is zeros
            block = self._block(columns, rows, start, at)
            if rows:
                yield block
            del self.buffer[:stop]
            self.seen = 0
        self.seen = max(0, len(self.buffer) - len(self.end))

    def _block(self, columns: int, rows: int, start: int, at: int) -> Block:
        if not self.buffer.startswith(self.begin, start):
            raise NotWhole
        first = start + len(self.begin)
        last = first + rows * _HASH_BYTES
        if at - last > self.most:
            raise TooLarge
        with memoryview(self.buffer) as view:
            _add(self.sums, view[first:last], rows)
            content = b"".join((_number(columns - 2), _number(rows), view[last:at]))
        return Block(content, rows)


def _add(sums: Sums, hashes: memoryview, rows: int) -> None:
    halves = np.frombuffer(hashes, "<u8").reshape(rows, 2)
    low, high = halves.sum(axis=0, dtype=np.uint64)
    sums.rows += rows
    sums.low += int(low)
    sums.high += int(high)


def _header(name: str, kind: bytes) -> bytes:
    text = name.encode("ascii")
    return _number(len(text)) + text + _number(len(kind)) + kind


def _numbers(buffer: bytearray) -> tuple[int, int, int]:
    """Return a block's columns, its rows, and where its first column begins."""
    columns, at = _read(buffer, 0)
    rows, at = _read(buffer, at)
    return columns, rows, at


def _read(buffer: bytearray, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(_LONGEST_NUMBER):
        byte = buffer[at + shift] if at + shift < len(buffer) else _LONG
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
