"""Collections to put into Qdrant, and the adapter over a server that has them."""

from __future__ import annotations

from collections.abc import Iterable

from qdrant_client import QdrantClient, models

from services.settings.environment import Settings
from services.stores.qdrant.connect import client_of
from services.stores.qdrant.usage import VectorStore
from tests.conftest import capture_rows
from tests.servers.faults import HttpServer

KEY = "qdrant-key-51ce7"
SHARED = "kato_vectors"


def settings_for(server: HttpServer, *, key: str | None = KEY, seconds: float = 20) -> Settings:
    """Point the settings at a server."""
    return Settings(QDRANT_URL=server.url, QDRANT_API_KEY=key, KATO_TENANTS_TIMEOUT_SECONDS=seconds)


def over(server: HttpServer, **options: int) -> VectorStore:
    """The adapter over a server, with the settings' shared collections."""
    client = client_of(settings_for(server))
    return VectorStore(client, shared_collections=frozenset({SHARED}), **options)


def load_capture(client: QdrantClient) -> None:
    """Make the collections of the capture."""
    for row in capture_rows("qdrant.jsonl"):
        _make(client, row["collection"], size=row["size"])
        points = [models.PointStruct(**point) for point in row["points"]]
        if points:
            client.upsert(row["collection"], points)


def fill(client: QdrantClient, name: str, tenant_ids: Iterable[object]) -> None:
    """Make a collection with one point for each tenant_id; `...` for a point without one."""
    _make(client, name)
    points = [
        models.PointStruct(
            id=number, vector=[0.5, 0.5], payload={} if value is ... else {"tenant_id": value}
        )
        for number, value in enumerate(tenant_ids)
    ]
    client.upsert(name, points)


def _make(client: QdrantClient, name: str, *, size: int = 2) -> None:
    client.create_collection(
        name, vectors_config=models.VectorParams(size=size, distance=models.Distance.EUCLID)
    )


def add_alias(client: QdrantClient, alias: str, collection: str) -> None:
    """Let a collection stand under another name too."""
    create = models.CreateAlias(collection_name=collection, alias_name=alias)
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])


def move_behind_alias(client: QdrantClient, name: str, collection: str) -> None:
    """Let what a name reaches stand in a collection of another name, as a migration does."""
    params = client.get_collection(name).config.params.vectors
    records, _ = client.scroll(name, limit=100_000, with_vectors=True)
    client.create_collection(collection, vectors_config=params)
    points = [models.PointStruct(id=r.id, vector=r.vector, payload=r.payload) for r in records]  # type: ignore[arg-type]
    if points:
        client.upsert(collection, points)
    client.delete_collection(name)
    add_alias(client, name, collection)
