"""A file's checked rows, staged on this machine until they are written, and what was there before.

One SQLite file for each import, which only its owner can read. What was there before a batch is in
it before the batch is written, so that what a killed process wrote can be taken back. When an
import has ended, its rows are removed from it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from services.imports.models import TOLD, Item, Refused, Why
from services.imports.ports import Before
from services.settings.private_files import make_private_file

BEGUN, UNWANTED, JOB = "begun", "unwanted", "job"
"""Facts: that somebody began to write, that it is to be taken back, and the id of its job."""

_TABLES = """
CREATE TABLE IF NOT EXISTS item (number INTEGER PRIMARY KEY, key BLOB UNIQUE, body BLOB);
CREATE TABLE IF NOT EXISTS refused (number INTEGER, why TEXT, about BLOB);
CREATE TABLE IF NOT EXISTS had (key BLOB PRIMARY KEY, was BLOB);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value BLOB);
"""
_NEXT = "SELECT number, key, body FROM item WHERE number > ? ORDER BY number LIMIT ?"
_HAD = """
SELECT had.key, number, body, was FROM had JOIN item ON item.key = had.key
WHERE had.key > ? ORDER BY had.key LIMIT ?
"""


class Spool:
    """One import's file. Every method is one transaction."""

    def __init__(self, path: Path) -> None:
        make_private_file(path)
        self.path = path
        with self._open() as at:
            at.executescript(_TABLES)

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.path, timeout=30, isolation_level=None))

    def add(self, items: Sequence[Item]) -> list[Item]:
        """Keep items, and return those whose key is new in the file."""
        with self._open() as at:
            at.execute("BEGIN")
            found = [
                item
                for item in items
                if at.execute(
                    "INSERT OR IGNORE INTO item VALUES (?, ?, ?)",
                    (item.number, _blob(item.key), _blob(json.dumps(item.body))),
                ).rowcount
            ]
            at.execute("COMMIT")
        return found

    def remove(self, keys: Iterable[str]) -> None:
        """Forget items by their keys."""
        self._many("DELETE FROM item WHERE key = ?", [(_blob(key),) for key in keys])

    def refuse(self, refused: Sequence[Refused]) -> None:
        """Keep which rows are not taken, and why."""
        rows = [(each.number, each.why.name, _blob(each.about)) for each in refused]
        self._many("INSERT INTO refused VALUES (?, ?, ?)", rows)

    def refused(self, limit: int = TOLD) -> tuple[int, tuple[Refused, ...]]:
        """Return how many rows are not taken, and the first of them."""
        with self._open() as at:
            (count,) = at.execute("SELECT count(*) FROM refused").fetchone()
            asked = "SELECT number, why, about FROM refused ORDER BY number LIMIT ?"
            found = at.execute(asked, (limit,)).fetchall()
        return count, tuple(Refused(n, Why[why], _text(about)) for n, why, about in found)

    def count(self) -> int:
        """Return how many items are kept."""
        with self._open() as at:
            (count,) = at.execute("SELECT count(*) FROM item").fetchone()
        return int(count)

    def batches(self, size: int) -> Iterator[Sequence[Item]]:
        """Yield the items in the order of the file."""
        after = 0
        while True:
            with self._open() as at:
                found = at.execute(_NEXT, (after, size)).fetchall()
            if not found:
                return
            after = found[-1][0]
            yield [_item(*row) for row in found]

    def keep_before(self, before: Before) -> None:
        """Keep what keys had before they are written; the first time counts."""
        rows = [(_blob(key), None if was is None else _blob(was)) for key, was in before.items()]
        self._many("INSERT OR IGNORE INTO had VALUES (?, ?)", rows)

    def forget_before(self, keys: Iterable[str]) -> None:
        """Forget what keys had, since they were not written."""
        self._many("DELETE FROM had WHERE key = ?", [(_blob(key),) for key in keys])

    def forget_all_before(self) -> None:
        """Forget what any key had, since all have it again."""
        with self._open() as at:
            at.execute("DELETE FROM had")

    def befores(self, size: int) -> Iterator[tuple[Before, Sequence[Item]]]:
        """Yield what keys had before, with what was to be written to them."""
        last = b""
        while True:
            with self._open() as at:
                asked = _HAD
                found = at.execute(asked, (last, size)).fetchall()
            if not found:
                return
            last = found[-1][0]
            before = {_text(key): None if was is None else _text(was) for key, _, _, was in found}
            yield before, [_item(number, key, body) for key, number, body, _ in found]

    def empty(self) -> None:
        """Remove the rows, also from the disk; how the import went stays."""
        with self._open() as at:
            for table in ("item", "had"):
                at.execute(f"DELETE FROM {table}")  # noqa: S608 - one of these two
            at.execute("VACUUM")

    def claim(self) -> bool:
        """Whether the caller is the first to ask, of however many processes."""
        with self._open() as at:
            done = at.execute("INSERT OR IGNORE INTO fact VALUES ('claimed', '')").rowcount
        return done == 1

    def give_up(self) -> None:
        """Let another one ask: what was claimed could not be begun."""
        self._many("DELETE FROM fact WHERE name = ?", [("claimed",)])

    def put(self, name: str, value: bytes) -> None:
        """Keep a fact."""
        self._many("INSERT OR REPLACE INTO fact VALUES (?, ?)", [(name, value)])

    def get(self, name: str) -> bytes | None:
        """Return a fact; None where it was not kept."""
        with self._open() as at:
            found = at.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if found is None else bytes(found[0])

    def _many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._open() as at:
            at.execute("BEGIN")
            at.executemany(statement, rows)
            at.execute("COMMIT")


def _item(number: int, key: bytes, body: bytes) -> Item:
    return Item(number, _text(key), json.loads(body))


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(blob: bytes) -> str:
    return bytes(blob).decode("utf-8", "surrogatepass")
