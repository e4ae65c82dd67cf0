"""A dataset that was read and written once, for deployments that all begin with it.

Reading the capture and writing its rows anew would take half of many a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import redis
from clickhouse_connect.driver.client import Client

from services.embedded.write import keys as writing_keys, rows as writing_rows
from services.embedded.write.dataset import Collection, Dataset, Entry, Row
from services.embedded.write.rows import TABLES

_HOME = "written"


@dataclass(frozen=True)
class Rest:
    """Collections in memory."""

    kept_collections: tuple[Collection, ...]

    def rows(self) -> Iterator[Row]:
        """Yield none."""
        return iter(())

    def entries(self) -> Iterator[Entry]:
        """Yield none."""
        return iter(())

    def collections(self) -> Iterator[Collection]:
        """Yield the collections."""
        return iter(self.kept_collections)


@dataclass(frozen=True)
class Written:
    """The rows in a database of the engine, the keys as what writes them, and the rest."""

    rest: Rest
    commands: int
    packed: bytes

    @classmethod
    def of(cls, dataset: Dataset, client: Client) -> Self:
        """Read a dataset, and write its rows."""
        client.command(f"CREATE DATABASE {_HOME}")
        writing_rows.write(client, _HOME, dataset.rows(), merge=False)
        commands = [each for entry in dataset.entries() for each in writing_keys._commands(entry)]
        pack = redis.Connection().pack_command
        packed = b"".join(part for command in commands for part in pack(*command))
        return cls(Rest(tuple(dataset.collections())), len(commands), packed)

    def copy_keys(self, client: redis.Redis) -> None:
        """Write the keys: packing their commands takes ten times as long as Valkey takes."""
        pool = client.connection_pool
        connection = pool.get_connection()
        connection.send_packed_command([self.packed])
        for _ in range(self.commands):
            connection.read_response()
        pool.release(connection)

    def copy_rows(self, client: Client) -> None:
        """Give the tables of a client's database these rows, without writing them again."""
        for table in TABLES:
            client.command(f"ALTER TABLE {table} ATTACH PARTITION ALL FROM {_HOME}.{table}")


def let_last(client: redis.Redis) -> None:
    """Have what ends live ten times as long: the first sessions would end while a module runs."""
    keys = client.keys("kato:*")
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.pttl(key)
        for key, life in zip(keys, pipeline.execute(), strict=True):
            if life > 0:
                pipeline.pexpire(key, 10 * life)
        pipeline.execute()
