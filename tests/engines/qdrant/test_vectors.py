"""The Qdrant adapter on the embedded engine, and on servers of several versions over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from qdrant_client import QdrantClient, models

from services.stores.adapters import Stores
from services.stores.qdrant.usage import VectorStore
from services.usage.readings import CollectionUsage, VectorReading
from tests.conftest import capture_rows
from tests.engines.qdrant.qdrant_collections import (
    KEY,
    SHARED,
    fill,
    load_capture,
    over,
    settings_for,
)
from tests.servers import qdrant_http as faces
from tests.servers.faults import Answer, HttpServer
from tests.servers.qdrant_http import PAYLOAD_BYTES, VECTOR_BYTES, qdrant_http

HOSTILE = (
    "plain",
    'it\'s "quoted"',
    "100%_of*them?[a-z]",
    "new\nline\ttab",
    "nul\x00",
    "日本/ö",
    "{collection_name}",
    " ",
    "L" * 10_000,
    "550e8400e29b41d4a716446655440000",
    "550e8400-e29b-41d4-a716-446655440000",
)


@pytest.fixture
def loaded(qdrant: QdrantClient) -> QdrantClient:
    """The engine with the collections of the capture, which the servers tell of too."""
    load_capture(qdrant)
    return qdrant


@pytest.fixture(params=["embedded", "http"])
def store(request: pytest.FixtureRequest, qdrant: QdrantClient) -> Iterator[VectorStore]:
    """The adapter over each of the two ways to reach the same data."""
    if request.param == "embedded":
        yield VectorStore(qdrant, shared_collections=frozenset({SHARED}))
        return
    with (
        qdrant_http(qdrant, api_key=KEY, indexed={SHARED}) as server,
        closing(Stores(settings_for(server))) as stores,
    ):
        yield stores.vectors


def by_name(reading: VectorReading) -> dict[str, CollectionUsage]:
    return {usage.name: usage for usage in reading.collections}


def paths(server: HttpServer) -> list[str]:
    return [call.path for call in server.calls]


class TestWhatIsRead:
    def test_the_capture_is_counted_exactly(self, store: VectorStore, loaded: QdrantClient) -> None:
        """Every collection of a real KATO has its points, dimension and metric."""
        rows = {row["collection"]: row for row in capture_rows("qdrant.jsonl")}
        reading = store.read()
        found = by_name(reading)
        assert {name: usage.amount.count for name, usage in found.items()} == {
            name: len(row["points"]) for name, row in rows.items()
        }
        assert len(found) == 12
        assert {usage.size for usage in found.values()} == {8}
        assert {usage.distance for usage in found.values()} == {"Euclid"}
        assert {usage.status for usage in found.values()} == {"green"}
        assert reading.total.count == sum(len(row["points"]) for row in rows.values())
        assert all(usage.points_by_tenant is None for usage in found.values())
        assert not any(usage.problem for usage in found.values())

    def test_an_empty_qdrant_is_empty(self, store: VectorStore) -> None:
        """No collections are nothing, which is known, and not a failure."""
        reading = store.read()
        assert (reading.collections, reading.total.count) == ((), 0)

    def test_odd_collections_are_described_as_far_as_they_go(
        self, store: VectorStore, qdrant: QdrantClient
    ) -> None:
        """No vectors, sparse ones, one that has a name, several: none of them is a failure."""
        params = models.VectorParams(size=3, distance=models.Distance.DOT)
        sparse = {"s": models.SparseVectorParams()}
        qdrant.create_collection("none", vectors_config={})
        qdrant.create_collection("sparse", vectors_config={}, sparse_vectors_config=sparse)
        qdrant.create_collection("one", vectors_config={"text": params})
        qdrant.create_collection("two", vectors_config={"text": params, "image": params})
        found = by_name(store.read())
        assert {name: (usage.size, usage.distance) for name, usage in found.items()} == {
            "none": (None, None),
            "sparse": (None, None),
            "one": (3, "Dot"),
            "two": (None, None),
        }

    def test_a_name_with_a_path_in_it_is_one_name(self, qdrant: QdrantClient) -> None:
        """A collection is asked for by its name, whatever that would mean in an address."""
        for name in ("vectors_a%2Fb;c=d#e&f", "vectors_{name}", "vectors_日本[x] .."):
            fill(qdrant, name, ["x"])
        with qdrant_http(qdrant, telemetry=faces.refused) as server:
            assert {usage.amount.count for usage in over(server).read().collections} == {1}

    def test_health_says_version_and_latency(self, store: VectorStore) -> None:
        """Health is what the server itself says, once it took our key."""
        health = store.health()
        assert health.store == "qdrant"
        assert health.version[0] == "1"
        assert 0 <= health.latency < 5


class TestTelemetry:
    @pytest.mark.parametrize(
        ("telemetry", "status"), [(faces.since_1_14, "green"), (faces.before_1_14, "yellow")]
    )
    def test_one_call_tells_of_all_collections(
        self, loaded: QdrantClient, telemetry: faces.Telemetry, status: str
    ) -> None:
        """Points, bytes, size and status come from one answer, in each version's shape."""
        with qdrant_http(loaded, telemetry=telemetry) as server:
            reading = over(server).read()
            assert paths(server) == ["/telemetry", "/aliases"]
            assert server.calls[0].query == {"details_level": "3", "anonymize": "false"}
        for usage in reading.collections:
            points = loaded.count(usage.name).count
            assert usage.amount.count == points
            assert usage.amount.bytes == points * (VECTOR_BYTES + PAYLOAD_BYTES)
            assert (usage.size, usage.distance, usage.status) == (8, "Euclid", status)
        assert reading.total.bytes == reading.total.count * (VECTOR_BYTES + PAYLOAD_BYTES)
        assert "estimate" in reading.bytes_note

    @pytest.mark.parametrize(
        "telemetry",
        [faces.refused, faces.absent, faces.anonymised, faces.without_details, faces.cut],
    )
    def test_without_it_collections_are_asked_one_by_one(
        self, loaded: QdrantClient, telemetry: faces.Telemetry
    ) -> None:
        """Points are still known, and bytes are not, which is said and is not 0."""
        with qdrant_http(loaded, telemetry=telemetry) as server:
            reading = over(server).read()
            assert len(server.calls) == 3 + len(reading.collections)
        assert {usage.name for usage in reading.collections} == set(_names(loaded))
        for usage in reading.collections:
            assert usage.amount.count == loaded.count(usage.name).count
            assert usage.amount.bytes is None
            assert (usage.size, usage.status) == (8, "green")
        assert reading.total.bytes is None
        assert "telemetry" in reading.bytes_note

    def test_of_a_cluster_one_server_knows_not_everything(self, loaded: QdrantClient) -> None:
        """What other servers share in is asked of the cluster as a whole, without bytes."""
        with qdrant_http(loaded, telemetry=faces.in_a_cluster) as server:
            reading = over(server).read()
        assert {usage.name: usage.amount.count for usage in reading.collections} == {
            name: loaded.count(name).count for name in _names(loaded)
        }
        assert all(usage.amount.bytes is None for usage in reading.collections)
        assert reading.total.bytes is None
        assert "cluster" in reading.bytes_note

    def test_the_embedded_engine_says_no_bytes(self, loaded: QdrantClient) -> None:
        """Bytes that nobody counted are not 0."""
        reading = VectorStore(loaded).read()
        assert reading.total.bytes is None
        assert "embedded" in reading.bytes_note

    def test_a_collection_that_goes_while_it_is_read_is_gone(self, loaded: QdrantClient) -> None:
        """It is left out, and the others stay."""
        kept = _names(loaded)
        with qdrant_http(loaded, telemetry=faces.refused) as server:
            answer = server.answer

            def and_one_more(request: faces.Request) -> Answer:
                if request.path == "/collections":
                    names = [{"name": name} for name in ("vectors_gone_kato", *kept)]
                    return Answer.json({"result": {"collections": names}, "status": "ok"})
                return answer(request)

            server.answer = and_one_more
            assert [usage.name for usage in over(server).read().collections] == kept


def _names(client: QdrantClient) -> list[str]:
    return [each.name for each in client.get_collections().collections]


class TestSharedCollections:
    def test_hostile_tenants_are_told_apart(self, store: VectorStore, qdrant: QdrantClient) -> None:
        """No character of a tenant_id is lost, changed or acted upon."""
        fill(qdrant, SHARED, [*HOSTILE, *HOSTILE, ..., None])
        (usage,) = store.read().collections
        assert usage.points_by_tenant == dict.fromkeys(HOSTILE, 2)
        assert usage.amount.count == 2 * len(HOSTILE) + 2
        assert usage.problem == ""

    def test_points_that_name_several_tenants_or_none_for_certain_are_nobodys(
        self, store: VectorStore, qdrant: QdrantClient
    ) -> None:
        """No point counts twice, and the number 5 is not the tenant "5"."""
        fill(qdrant, SHARED, ["a", ["a"], ["a", "b"], "5", 5, True, 1.5, {"a": 1}, [], "", ...])
        (usage,) = store.read().collections
        assert usage.points_by_tenant == {"a": 2, "5": 1}
        assert usage.amount.count == 11
        assert "several tenants in 1 of its points" in usage.problem
        assert "not text in 4 of its points" in usage.problem

    def test_all_tenants_are_counted_in_one_call(self, qdrant: QdrantClient) -> None:
        """500 tenants take as many calls as 5."""
        costs = []
        for tenants in (5, 500):
            fill(qdrant, SHARED, [f"tenant {number}" for number in range(tenants)])
            with qdrant_http(qdrant, indexed={SHARED}) as server:
                (usage,) = over(server).read().collections
                assert len(usage.points_by_tenant or {}) == tenants
                costs.append(paths(server))
            qdrant.delete_collection(SHARED)
        assert costs[0] == costs[1]
        assert costs[0].count(f"/collections/{SHARED}/facet") == 1
        assert len(costs[0]) == 4

    def test_without_an_index_its_points_are_looked_through(self, qdrant: QdrantClient) -> None:
        """One pass that fetches nothing but the field."""
        fill(qdrant, SHARED, ["a", "b", "b", ["b", "a"], ...] * 3)
        with qdrant_http(qdrant) as server:
            (usage,) = over(server).read().collections
            scrolls = [call.json() for call in server.calls if call.path.endswith("scroll")]
        assert usage.points_by_tenant == {"a": 3, "b": 6}
        assert usage.amount.count == 15
        assert len(scrolls) == 1
        assert scrolls[0]["with_payload"] == ["tenant_id"]
        assert scrolls[0]["with_vector"] is False

    def test_above_the_budget_they_are_not(self, qdrant: QdrantClient) -> None:
        """Then whose they are is not known, and why is said; how many there are is known."""
        fill(qdrant, SHARED, ["a", "b", "b"])
        with qdrant_http(qdrant) as server:
            (usage,) = over(server, scroll_budget=2).read().collections
            assert not any(path.endswith("scroll") for path in paths(server))
        assert usage.points_by_tenant is None
        assert usage.amount.count == 3
        assert "over 2 points" in usage.problem

    def test_the_look_goes_on_over_pages(
        self, qdrant: QdrantClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A collection of several pages is looked through to its end."""
        monkeypatch.setattr("services.stores.qdrant.split._PAGE", 4)
        fill(qdrant, SHARED, ["a", "b"] * 9)
        with qdrant_http(qdrant) as server:
            (usage,) = over(server).read().collections
            assert sum(path.endswith("scroll") for path in paths(server)) == 5
        assert usage.points_by_tenant == {"a": 9, "b": 9}

    @pytest.mark.parametrize("telemetry", [faces.since_1_14, faces.before_1_14, faces.refused])
    def test_an_index_on_tenant_id_tells_that_a_collection_is_shared(
        self, qdrant: QdrantClient, telemetry: faces.Telemetry
    ) -> None:
        """Where its name says whose it is, the name counts."""
        for name in ("our_vectors", "other", "vectors_a_kato"):
            fill(qdrant, name, ["a", "b", "b"])
        indexed = {"our_vectors", "vectors_a_kato"}
        with qdrant_http(qdrant, indexed=indexed, telemetry=telemetry) as server:
            found = by_name(over(server).read())
        assert found["our_vectors"].points_by_tenant == {"a": 1, "b": 2}
        assert found["other"].points_by_tenant is None
        assert found["vectors_a_kato"].points_by_tenant is None
