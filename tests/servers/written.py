"""A dataset that was read and written once, for deployments that all begin with it.

Reading the capture and writing its rows anew would take half of many a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from clickhouse_connect.driver.client import Client

from services.embedded.write import rows as writing_rows
from services.embedded.write.dataset import Collection, Dataset, Entry, Row
from services.embedded.write.rows import TABLES

_HOME = "written"


@dataclass(frozen=True)
class Rest:
    """Keys and collections in memory."""

    kept_entries: tuple[Entry, ...]
    kept_collections: tuple[Collection, ...]

    def rows(self) -> Iterator[Row]:
        """Yield none."""
        return iter(())

    def entries(self) -> Iterator[Entry]:
        """Yield the keys."""
        return iter(self.kept_entries)

    def collections(self) -> Iterator[Collection]:
        """Yield the collections."""
        return iter(self.kept_collections)


@dataclass(frozen=True)
class Written:
    """The rows in a database of the engine, and the rest in memory."""

    rest: Rest

    @classmethod
    def of(cls, dataset: Dataset, client: Client) -> Self:
        """Read a dataset, and write its rows."""
        client.command(f"CREATE DATABASE {_HOME}")
        writing_rows.write(client, _HOME, dataset.rows(), merge=False)
        return cls(Rest(tuple(dataset.entries()), tuple(dataset.collections())))

    def copy_rows(self, client: Client) -> None:
        """Give the tables of a client's database these rows, without writing them again."""
        for table in TABLES:
            client.command(f"ALTER TABLE {table} ATTACH PARTITION ALL FROM {_HOME}.{table}")
