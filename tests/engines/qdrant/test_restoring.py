"""Points come back into Qdrant's engine with all their vectors, over none that is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

from services.archive.formats import lines_of
from services.archive.models import Part
from services.purge.models import Surface
from services.restore.models import Misfit, PointsWritten, Unfit
from services.stores.qdrant.archive import VectorArchive
from services.stores.qdrant.restore import VectorWriting

NAME = "vectors_a_kato"
KEYWORD = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
MANY = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)


def write_points(client: QdrantClient) -> None:
    """Named, sparse and multi vectors, payloads of all kinds, ids of both."""
    cosine, euclid = models.Distance.COSINE, models.Distance.EUCLID
    client.create_collection(
        NAME,
        vectors_config={
            "plain": models.VectorParams(size=3, distance=cosine),
            "many": models.VectorParams(size=2, distance=euclid, multivector_config=MANY),
        },
        sparse_vectors_config={"few": models.SparseVectorParams()},
    )
    client.upsert(NAME, [
        models.PointStruct(
            id=number if number % 2 else f"00000000-0000-0000-0000-{number:012d}",
            vector={
                "plain": [0.1 * number, 0.2, 0.3],
                "many": [[1.0, float(number)], [0.5, 0.25]],
                "few": models.SparseVector(indices=[1, number + 2], values=[0.5, 0.1]),
            },
            payload={"n": number, "日": ["x", None, {"deep": 1.5}]} if number else {},
        )
        for number in range(600)
    ])  # fmt: skip


@pytest.fixture(scope="module")
def archived() -> Iterator[tuple[Part, list[Any]]]:
    """A collection as an archive has it."""
    client = QdrantClient(":memory:")
    write_points(client)
    read = VectorArchive(client, shared_collections=frozenset()).read(
        Surface(collections=frozenset({NAME}))
    )
    pieces = list(read)
    yield pieces[-1].part, [json.loads(line) for each in pieces for line in lines_of(each.content)]
    client.close()


def test_a_collection_comes_back_as_it_was(
    qdrant: QdrantClient, archived: tuple[Part, list[Any]]
) -> None:
    part, points = archived
    writing = VectorWriting(qdrant, seconds=None)
    assert writing.there(NAME, points) == 0
    assert writing.misfit(part, NAME) is None
    assert writing.make(part, NAME, ["an alias"])
    assert not writing.make(part, NAME)
    assert writing.write(NAME, points) == PointsWritten(written=600)
    assert list(writing.differing(NAME, points)) == []
    config = qdrant.get_collection(NAME).config.params
    assert config.vectors["many"].multivector_config == MANY  # type: ignore[index]
    assert list(config.sparse_vectors or {}) == ["few"]
    assert qdrant.count("an alias").count == writing.there(NAME, points) == 600
    assert writing.misfit(part, NAME) is None


def test_points_that_are_there_stay(qdrant: QdrantClient, archived: tuple[Part, list[Any]]) -> None:
    """And again is nothing; what differs is named."""
    part, points = archived
    writing = VectorWriting(qdrant, seconds=None)
    writing.make(part, NAME)
    mine = models.PointStruct(id=7, vector={"plain": [1, 2, 3]}, payload={"mine": True})
    qdrant.upsert(NAME, [mine])
    assert writing.write(NAME, points) == PointsWritten(written=599, there=("7",))
    assert qdrant.retrieve(NAME, [7])[0].payload == {"mine": True}
    again = writing.write(NAME, points)
    assert (again.written, len(again.there)) == (0, 600)
    assert list(writing.differing(NAME, points)) == ["7"]
    qdrant.set_payload(NAME, {"n": -1}, points=[9])
    qdrant.update_vectors(NAME, [models.PointVectors(id=11, vector={"plain": [9, 9, 9]})])
    qdrant.delete(NAME, [13])
    assert sorted(writing.differing(NAME, points)) == ["11", "13", "7", "9"]


def test_a_collection_that_is_configured_otherwise_takes_none(
    qdrant: QdrantClient, archived: tuple[Part, list[Any]]
) -> None:
    part, _ = archived
    qdrant.create_collection(
        NAME, vectors_config=models.VectorParams(size=3, distance=models.Distance.DOT)
    )
    writing = VectorWriting(qdrant, seconds=None)
    assert writing.misfit(part, NAME) == Misfit(part.name, Unfit.VECTORS, NAME)


def test_indexes_are_made_as_they_were(
    archived: tuple[Part, list[Any]], monkeypatch: pytest.MonkeyPatch, qdrant: QdrantClient
) -> None:
    """Of a server; a key of a shard is made where a collection has shards by key alone."""
    made: list[tuple[str, Any]] = []
    monkeypatch.setattr(qdrant, "create_payload_index", lambda *args, **_: made.append(args[1:]))
    monkeypatch.setattr(qdrant, "create_shard_key", lambda *args: made.append(("shard", args[1])))
    tenants = {"data_type": "keyword", "points": 3, "params": {
        "type": "keyword", "is_tenant": True, "since": "a later version"}}  # fmt: skip
    schema = {"tenant_id": tenants, "n": {"data_type": "integer", "points": 1}}
    part = replace(archived[0], description={**archived[0].description, "payload_schema": schema})
    writing = VectorWriting(qdrant, seconds=None)
    writing.make(part, NAME)
    writing.write(NAME, [{**archived[1][0], "shard_key": "acme"}])
    assert made == [
        ("tenant_id", KEYWORD),
        ("n", models.PayloadSchemaType.INTEGER),
    ]  # fmt: skip
