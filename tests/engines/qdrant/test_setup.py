"""Collections, the tenants' index and shards by key, made once and never over what is there."""

from __future__ import annotations

import pytest
from qdrant_client import QdrantClient, models

from services.errors import StoreRejected
from services.setup.ports import CollectionFacts
from services.stores.qdrant.setup import VectorSetup
from tests.servers.qdrant_http import qdrant_http


def test_a_collection_is_made_once(qdrant: QdrantClient) -> None:
    """With its size and metric; the embedded engine keeps no index and has no shards by key."""
    setup = VectorSetup(qdrant)
    assert setup.facts("vectors_x") is None
    setup.create("vectors_x", size=3, distance="Cosine")
    assert setup.facts("vectors_x") == CollectionFacts("vectors_x", 3, "Cosine", indexes=False)
    setup.index_tenants("vectors_x")
    for refused in (
        lambda: setup.create("vectors_x", size=4, distance="Euclid"),
        lambda: setup.create_shard_key("vectors_x", "acme"),
    ):
        with pytest.raises(StoreRejected):
            refused()
    facts = setup.facts("vectors_x")
    assert facts is not None
    assert facts.size == 3


def test_an_index_that_keeps_tenants_together_is_known(qdrant: QdrantClient) -> None:
    for name in ("bare", "indexed", "apart"):
        qdrant.create_collection(
            name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT)
        )
    with qdrant_http(qdrant, indexed={"indexed", "apart"}, separated={"apart"}) as server:
        setup = VectorSetup(QdrantClient(url=server.url, check_compatibility=False))
        found = [setup.facts(name) for name in ("bare", "indexed", "apart")]
    assert [(f.tenant_index, f.by_tenant, f.indexes) for f in found if f] == [
        (False, False, True), (True, False, True), (True, True, True),
    ]  # fmt: skip
