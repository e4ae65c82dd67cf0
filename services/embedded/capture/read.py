"""Capture directories: what was read back from a KATO, one JSON object a line.

- `redis.jsonl`: `{key, type, pttl, value}`, pttl in milliseconds, -1 for none;
- `clickhouse_TABLE.jsonl`: rows, an object by column each; times are UTC;
- `qdrant.jsonl`: `{collection, size, distance, points: [{id, vector, payload}]}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from clickhouse_connect.driver.client import Client
from qdrant_client import QdrantClient

from services.embedded.capture import lines
from services.embedded.errors import CaptureError
from services.embedded.write.dataset import Collection, Dataset, Entry, Misread, Row
from services.embedded.write.rows import TABLES
from services.embedded.write.stores import LoadReport, Targets, write
from services.stores.redis.link import Client as Keyspace

REDIS, QDRANT = "redis.jsonl", "qdrant.jsonl"
ROWS = {f"clickhouse_{name}.jsonl": name for name in TABLES}
NEEDED = (REDIS, "clickhouse_patterns_data.jsonl", QDRANT)
"""Files without which a directory is no capture."""

Item = TypeVar("Item")


def load(
    directory: Path,
    *,
    clickhouse: Client | None,
    redis: Keyspace | None,
    qdrant: QdrantClient | None,
    database: str,
    merge: bool = False,
) -> LoadReport:
    """Load a capture directory into the stores, TTLs as recorded.

    The whole of it is read before anything is written. Raises CaptureError for a line that
    cannot be understood, DataPresent when a store holds data and `merge` is not given, and
    StoreError; see `writing.write` for what merging does.
    """
    capture = Capture(directory)
    capture.check()
    return write(capture, Targets(clickhouse, redis, qdrant, database), merge=merge)


def save(dataset: Dataset, directory: Path) -> None:
    """Write a dataset as a capture directory, replacing the files that are there."""
    directory.mkdir(parents=True, exist_ok=True)
    _save(directory / REDIS, map(lines.entry_shown, _whole(dataset)))
    _save(directory / QDRANT, map(lines.collection_shown, dataset.collections()))
    for file, table in ROWS.items():
        rows = (row for row in dataset.rows() if row.table == table)
        _save(directory / file, map(lines.row_shown, rows))


def _whole(dataset: Dataset) -> Iterator[Entry]:
    for entry in dataset.entries():
        if entry.more:
            raise CaptureError(REDIS, None, "a key that comes in parts cannot be written")
        yield entry


def _save(path: Path, values: Iterator[object]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(value) + "\n" for value in values)


class Capture:
    """A capture directory, as a dataset. Its methods raise CaptureError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def check(self) -> None:
        """Read everything once, and look for files that would be left out."""
        for name in NEEDED:
            if not (self._directory / name).is_file():
                raise CaptureError(name, None, "it is missing: this is no capture directory")
        for path in sorted(self._directory.glob("clickhouse_*.jsonl")):
            if path.name not in ROWS:
                raise CaptureError(path.name, None, "KATO has no table of that name")
        for everything in (self.rows(), self.entries(), self.collections()):
            for _ in everything:
                pass

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        for file, name in ROWS.items():
            yield from self._read(file, partial(lines.row, table=TABLES[name]))

    def entries(self) -> Iterator[Entry]:
        """Yield the keys."""
        yield from self._read(REDIS, lines.entry)

    def collections(self) -> Iterator[Collection]:
        """Yield the collections."""
        yield from self._read(QDRANT, lines.collection)

    def _read(self, file: str, understand: Callable[[object], Item]) -> Iterator[Item]:
        path = self._directory / file
        if not path.exists() and file not in NEEDED:
            return
        try:
            with path.open("rb") as found:
                yield from _understood(file, found, understand)
        except OSError as exc:
            raise CaptureError(file, None, f"it cannot be read ({exc.strerror})") from exc


def _understood(
    file: str, found: Iterable[bytes], understand: Callable[[object], Item]
) -> Iterator[Item]:
    for number, line in enumerate(found, start=1):
        try:
            item = understand(lines.read_json(line))
        except Misread as exc:
            raise CaptureError(file, number, str(exc)) from exc
        yield item
