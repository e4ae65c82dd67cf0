"""KATO's tables on the servers of a cluster, and what a test puts into them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.settings.environment import Settings
from services.stores.adapters import Stores
from tests.engines.clickhouse.kato_tables import TABLES, settings_for
from tests.servers.clickhouse_cluster import NAME, Cluster, Node, cluster_over

PLACES = ((1, 1), (1, 2), (2, 1))
"""Two shards, of which the first has two replicas."""
LOCAL = "patterns_data_local"


@dataclass(frozen=True)
class Shards:
    """A cluster with KATO's tables in a database of its own, and what reads it."""

    cluster: Cluster
    database: str

    @property
    def settings(self) -> Settings:
        """The settings of a dashboard that knows of the cluster."""
        alone = settings_for(self.cluster.server, self.database, password="")
        return alone.model_copy(update={"clickhouse_cluster": NAME})

    @property
    def stores(self) -> Stores:
        """New adapters over it."""
        return Stores(self.settings)

    def put(
        self, shard: int, kb_ids: Iterable[str], *, each: int = 1, on: Sequence[int] = (),
        first: int = 0,
    ) -> None:  # fmt: skip
        """Write patterns to a shard: to all of its replicas, or to those of these numbers."""
        rows = ", ".join(
            f"('{kb_id}', 'p{number}', [['x']], 1, ['x', 'VCTR|{number}'], 1)"
            for kb_id in kb_ids
            for number in range(first, first + each)
        )
        columns = "kb_id, name, pattern_data, length, token_set, token_count"
        for node in self.cluster.shard(shard):
            if not on or node.replica in on:
                self._run(node, f"INSERT INTO {LOCAL} ({columns}) VALUES {rows}")

    def rows(self, node: Node, table: str = LOCAL) -> dict[str, int]:
        """Return the rows of each kb_id that a server has, past whatever is put before it."""
        told = self._run(node, f"SELECT kb_id, count() FROM {table} GROUP BY kb_id")
        lines = (line.split("\t") for line in told.decode().splitlines())
        return {kb_id: int(count) for kb_id, count in lines}

    def _run(self, node: Node, statement: str) -> bytes:
        return node.query(statement, {"database": self.database, **_MANY})


_MANY = {"max_partitions_per_insert_block": "0"}


@contextmanager
def shards_over(nodes: Sequence[Node]) -> Iterator[Shards]:
    """Make KATO's tables on every server, and a Distributed one for patterns."""
    name = f"t{uuid.uuid4().hex[:12]}"
    statements = [
        f"CREATE DATABASE {name}",
        *(made.replace("{table:Identifier}", f"{name}.{LOCAL if at == _FACE else at}")
          for at, made in TABLES.items()),
        f"CREATE VIEW {name}.{_FACE} AS SELECT * FROM {name}.{LOCAL}",
    ]  # fmt: skip
    for node in nodes:
        for statement in statements:
            node.query(statement, {})
    replicated = (LOCAL, *(table for table in TABLES if table != _FACE))
    with cluster_over(
        nodes, databases=(name,), replicated=replicated, faces={_FACE: LOCAL}
    ) as cluster:
        yield Shards(cluster, name)
    for node in nodes:
        node.query(f"DROP DATABASE {name} SYNC", {})


_FACE = "patterns_data"
