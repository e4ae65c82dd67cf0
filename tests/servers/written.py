"""A dataset that was read and written once, for deployments that all begin with it.

Reading the capture and writing its rows anew would take half of many a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import redis
from clickhouse_connect.driver.client import Client

from services.embedded.write import keys as writing_keys, rows as writing_rows
from services.embedded.write.dataset import Collection, Dataset, Entry, Row
from services.embedded.write.rows import TABLES
from services.embedded.write.stores import Targets

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
    home: str = _HOME

    @classmethod
    def of(cls, dataset: Dataset, client: Client) -> Self:
        """Read a dataset, and write its rows."""
        client.command(f"CREATE DATABASE {_HOME}")
        writing_rows.write(client, _HOME, dataset.rows(), merge=False)
        commands = [each for entry in dataset.entries() for each in writing_keys._commands(entry)]
        return cls(Rest(tuple(dataset.collections())), len(commands), _packed(commands))

    def left_in(self, targets: Targets, home: str) -> Self:
        """Return what is left of it in a deployment; its rows are kept in a database, `home`."""
        keys, rows, points = targets.redis, targets.clickhouse, targets.qdrant
        assert keys is not None
        assert rows is not None
        assert points is not None
        rows.command(f"CREATE DATABASE {home}")
        writing_rows.write(rows, home, iter(()), merge=False)
        for table in TABLES:
            held = f"{targets.database}.{table}"
            rows.command(f"ALTER TABLE {home}.{table} ATTACH PARTITION ALL FROM {held}")
        commands = [
            ("RESTORE", key, max(0, keys.pttl(key)), keys.dump(key)) for key in sorted(keys.keys())
        ]
        there = {each.name: points.count(each.name).count
                 for each in points.get_collections().collections}  # fmt: skip
        left = (each for each in self.rest.kept_collections if each.name in there)
        kept = tuple(each if there[each.name] else replace(each, points=()) for each in left)
        assert all(there[each.name] == len(each.points) for each in kept)
        return replace(self, rest=Rest(kept), commands=len(commands), packed=_packed(commands),
                       home=home)  # fmt: skip

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
            client.command(f"ALTER TABLE {table} ATTACH PARTITION ALL FROM {self.home}.{table}")


def _packed(commands: Iterable[tuple[Any, ...]]) -> bytes:
    pack = redis.Connection().pack_command
    return b"".join(part for command in commands for part in pack(*command))


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
