"""How often patterns were seen: KATO's counters in Redis, read many at a time.

KATO keeps a pattern's frequency in a key of its own, which no index goes by. To sort by it, the
names are streamed out of ClickHouse and their counters asked for with MGET, some hundred a
command, the next command under way while a reply is looked at; of these only the best are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from services.browse.models import PatternCursor, PatternRow
from services.stores.clickhouse.pages import Columns
from services.stores.redis.link import Client, Link, conversation, packed
from services.tenancy.layout import bytes_of

MOST_KEYS = 500
"""Keys in one MGET."""

UNKNOWN = -1
_AHEAD = 4
_LARGEST = 2**62

Numbers = NDArray[np.int64]
Order = tuple[int, bytes, bytes]
"""What rows are sorted by: frequency downwards, then name and kb_id."""


class Frequencies:
    """Reads pattern frequencies. Raises a StoreError when Redis cannot be asked.

    A read may take `pass_seconds`.
    """

    def __init__(self, client: Client, *, pass_seconds: float) -> None:
        self._client = client
        self._pass_seconds = pass_seconds

    def of(self, rows: Sequence[PatternRow]) -> tuple[int | None, ...]:
        """Return the frequency of each pattern, None where there is no number."""
        pairs = [(bytes_of(row.kb_id), bytes_of(row.name)) for row in rows]
        chunks = [pairs[at : at + MOST_KEYS] for at in range(0, len(pairs), MOST_KEYS)]
        with self._talk() as link:
            for chunk in chunks:
                link.send(packed("MGET", *(_key(kb, name) for kb, name in chunk)))
            found = [number for _ in chunks for number in _numbers(link).tolist()]
        return tuple(None if number == UNKNOWN else number for number in found)

    def top(
        self, blocks: Iterable[Columns], *, limit: int, after: PatternCursor | None
    ) -> tuple[PatternRow, ...]:
        """Return the most frequent patterns that come after a row, in one pass over all.

        Those without a frequency come last. Ties go by name and kb_id.
        """
        best = _Best(limit, after)
        with self._talk() as link:
            waiting: list[_Chunk] = []
            for chunk in (chunk for block in blocks for chunk in _chunks(block)):
                link.send(chunk.command())
                waiting.append(chunk)
                if len(waiting) > _AHEAD:
                    best.offer(waiting.pop(0), _numbers(link))
            for chunk in waiting:
                best.offer(chunk, _numbers(link))
        return best.rows()

    def _talk(self) -> AbstractContextManager[Link]:
        return conversation(
            self._client, operation="reading frequencies", seconds=self._pass_seconds
        )


class _Chunk:
    """Some patterns of one kb_id, in a row in one block."""

    def __init__(self, block: Columns, kb: bytes, start: int, stop: int) -> None:
        self.block, self.kb, self.start = block, kb, start
        self.names: Sequence[bytes] = block.names[start:stop]

    def command(self) -> bytes:
        """Write the MGET; names of one length, as KATO's are, differ from it only in the name."""
        if len(set(map(len, self.names))) != 1:
            return packed("MGET", *(_key(self.kb, name) for name in self.names))
        prefix = self.kb + b":frequency:"
        head = b"\r\n$%d\r\n%b" % (len(prefix) + len(self.names[0]), prefix)
        count = b"*%d\r\n$4\r\nMGET" % (len(self.names) + 1)
        return b"".join((count, head, head.join(self.names), b"\r\n"))


class _Best:
    """The best rows so far."""

    def __init__(self, limit: int, after: PatternCursor | None) -> None:
        self._limit = limit
        self._after: Order | None = None
        if after is not None:
            self._after = (-after.value, bytes_of(after.name), bytes_of(after.kb_id))
        self._found: list[tuple[Order, Columns, int]] = []
        self._worst: Order | None = None

    def offer(self, chunk: _Chunk, numbers: Numbers) -> None:
        """Take in those rows of a chunk that are better than the worst so far."""
        for at in self._candidates(numbers):
            order = (-int(numbers[at]), chunk.names[at], chunk.kb)
            after = self._after is None or order > self._after
            if after and (self._worst is None or order < self._worst):
                self._found.append((order, chunk.block, chunk.start + at))
        if len(self._found) >= 2 * self._limit:
            self._cut()

    def _candidates(self, numbers: Numbers) -> Iterable[int]:
        fits = np.ones(len(numbers), dtype=bool)
        if self._worst is not None:
            fits &= numbers >= -self._worst[0]
        if self._after is not None:
            fits &= numbers <= -self._after[0]
        return np.flatnonzero(fits).tolist()

    def _cut(self) -> None:
        self._found.sort(key=lambda each: each[0])
        del self._found[self._limit :]
        if len(self._found) == self._limit:
            self._worst = self._found[-1][0]

    def rows(self) -> tuple[PatternRow, ...]:
        """Return them in order."""
        self._cut()
        return tuple(
            block.row(at, None if order[0] == -UNKNOWN else -order[0])
            for order, block, at in self._found
        )


def _key(kb: bytes, name: bytes) -> bytes:
    return b"%b:frequency:%b" % (kb, name)


def _chunks(block: Columns) -> Iterator[_Chunk]:
    """Cut a block into runs of one kb_id."""
    start = 0
    for kb, size in _runs(block.kb_ids):
        for at in range(start, start + size, MOST_KEYS):
            yield _Chunk(block, kb, at, min(at + MOST_KEYS, start + size))
        start += size


def _runs(kb_ids: Sequence[bytes]) -> list[tuple[bytes, int]]:
    """Return each run of one kb_id with its length; a block mostly is of one partition."""
    if kb_ids and kb_ids.count(kb_ids[0]) == len(kb_ids):
        return [(kb_ids[0], len(kb_ids))]
    return [(kb, len(list(run))) for kb, run in groupby(kb_ids)]


def _numbers(link: Link) -> Numbers:
    """Read the reply of one MGET; what is no number, or too large for one, is unknown."""
    values = link.reply()
    try:
        found: Numbers = np.array(values, dtype="S").astype(np.int64)
    except (ValueError, OverflowError):
        return np.array([_number(value) for value in values], dtype=np.int64)
    return found


def _number(value: bytes | None) -> int:
    if not isinstance(value, bytes) or not value.isdigit():
        return UNKNOWN
    return min(int(value[:20]), _LARGEST)
