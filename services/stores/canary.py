"""Writes what a throwaway tenant owns into the stores, in KATO's layout, and nothing else.

No table is created: where KATO's are not there, nothing is written. Collections are, as KATO
makes one for each knowledge base.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from qdrant_client import QdrantClient, models

from services.canary.belongings import COLUMNS, KEYS_LIVE, Belongings
from services.errors import StoreUnavailable
from services.stores.clickhouse import connect as clickhouse
from services.stores.clickhouse.connect import Names
from services.stores.clickhouse.query import Asking, ClickHouse
from services.stores.faults import guarded
from services.stores.qdrant import connect as qdrant
from services.stores.redis.link import Client, conversation, packed
from services.tenancy.layout import bytes_of

_WRITING = "writing for the canary test"
_SECONDS = 60.0
_AT_ONCE = {"async_insert": 0}
_ON_SHARDS = {**_AT_ONCE, "insert_distributed_sync": 1}
_THERE = """
SELECT count(), uniqExact(name) FROM {home:Identifier}.patterns_data
WHERE kb_id = {kb_id:String} AND name IN {names:Array(String)}
"""


class CanaryRows:
    """Writes patterns into one ClickHouse database. Raises StoreError."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._connect = clickhouse.connect_once
        self._database = clickhouse.database
        self._settings = _AT_ONCE if clickhouse.asking.cluster is None else _ON_SHARDS

    def write(self, belongings: Belongings) -> None:
        """Insert the rows, each once, and wait until they are there.

        Where the answer was lost, what is there tells whether they were inserted.
        """
        try:
            self._insert(belongings)
        except StoreUnavailable:
            if not self._are_there(belongings):
                raise

    def _are_there(self, belongings: Belongings) -> bool:
        asking = Asking(self._connect, database=self._database)
        names = [str(row[COLUMNS.index("name")]) for row in belongings.rows]
        bound = {"kb_id": belongings.rows[0][COLUMNS.index("kb_id")], "names": Names(names)}
        try:
            found = asking.rows(_WRITING, _THERE, bound)
        finally:
            asking.close()
        return [tuple(row) for row in found] == [(len(names), len(names))]

    def _insert(self, belongings: Belongings) -> None:
        judge = partial(clickhouse.judge, database=self._database)
        with guarded(clickhouse.STORE, _WRITING, judge):
            client = self._connect()
            try:
                client.insert(
                    "patterns_data",
                    list(belongings.rows),
                    column_names=list(COLUMNS),
                    database=self._database,
                    settings=dict(self._settings),
                )
            finally:
                client.close()


class CanaryKeys:
    """Writes keys into Redis, which drops them after an hour. Raises StoreError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def write(self, belongings: Belongings) -> None:
        """Write the keys, all or none: in one transaction, or one a slot in a cluster."""
        keys = dict(_writing(belongings))
        with conversation(self._client, operation=_WRITING, seconds=_SECONDS) as link:
            for some in link.at_once(list(keys), len(keys)):
                link.transaction([command for key in some for command in keys[key]])


def _writing(belongings: Belongings) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yield each key with the commands that write it."""
    for name, text in belongings.texts.items():
        key = bytes_of(name)
        yield key, [packed("SET", key, text, "EX", KEYS_LIVE)]
    for name, entries in belongings.hashes.items():
        key, words = bytes_of(name), [word for pair in entries.items() for word in pair]
        yield key, [packed("HSET", key, *words), packed("EXPIRE", key, KEYS_LIVE)]
    for name, members in belongings.sets.items():
        key = bytes_of(name)
        yield key, [packed("SADD", key, *members), packed("EXPIRE", key, KEYS_LIVE)]


class CanaryPoints:
    """Writes vectors into one Qdrant. Raises StoreError."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    def write(self, belongings: Belongings) -> None:
        """Write the points, and wait until they are there; the collection is made for them."""
        name, size = belongings.collection, len(belongings.points[0][1])
        points = [
            models.PointStruct(id=point, vector=list(vector), payload=dict(payload))
            for point, vector, payload in belongings.points
        ]
        params = models.VectorParams(size=size, distance=models.Distance.EUCLID)
        with guarded(qdrant.STORE, _WRITING, qdrant.judge):
            if not self._client.collection_exists(name):
                self._client.create_collection(name, vectors_config=params)
            self._client.upsert(name, points=points, wait=True)
