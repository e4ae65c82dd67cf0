"""Writes collections into Qdrant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from qdrant_client import QdrantClient, models

from services.embedded.write.dataset import Collection, Point
from services.errors import StoreRejected
from services.stores.faults import guarded
from services.stores.qdrant.connect import STORE, judge

_BATCH = 256
_LOADING = "loading vectors"


def count(client: QdrantClient) -> int:
    """Count the collections."""
    with guarded(STORE, "looking for collections", judge):
        return len(client.get_collections().collections)


def write(client: QdrantClient, collections: Iterator[Collection]) -> Counter[str]:
    """Write collections; into one that is there, when its vectors are of the same kind."""
    counts: Counter[str] = Counter()
    for collection in collections:
        _ensure(client, collection)
        for at in range(0, len(collection.points), _BATCH):
            points = [_point(point) for point in collection.points[at : at + _BATCH]]
            with guarded(STORE, _LOADING, judge):
                client.upsert(collection.name, points=points, wait=True)
        counts["collections"] += 1
        counts["points"] += len(collection.points)
    return counts


def _ensure(client: QdrantClient, collection: Collection) -> None:
    wanted = models.VectorParams(
        size=collection.size, distance=models.Distance(collection.distance)
    )
    with guarded(STORE, _LOADING, judge):
        if not client.collection_exists(collection.name):
            client.create_collection(collection.name, vectors_config=wanted)
            return
        there = client.get_collection(collection.name).config.params.vectors
    params = there if isinstance(there, models.VectorParams) else None
    if params is None or (params.size, params.distance) != (wanted.size, wanted.distance):
        raise StoreRejected(STORE, _LOADING, "a collection of that name holds other vectors")


def _point(point: Point) -> models.PointStruct:
    return models.PointStruct(id=point.id, vector=list(point.vector), payload=dict(point.payload))
