"""Usage of a Qdrant on several peers: shards and replicas once, and what is not known is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from services.errors import StoreUnavailable
from services.figures import Amount
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.qdrant import split
from services.stores.qdrant.peers import rest_address
from services.stores.qdrant.usage import VectorStore
from services.usage.readings import CollectionUsage
from tests.engines.qdrant.qdrant_collections import KEY, SHARED
from tests.servers.faults import Dropped, Slow
from tests.servers.qdrant_cluster import DEAD, QdrantCluster

VERSIONS = pytest.mark.parametrize("version", ["1.16.3", "1.17.0"])
"""Before and since one peer tells of all of them."""


@contextmanager
def over(cluster: QdrantCluster, *, peer: int = 0, seconds: float = 5) -> Iterator[Stores]:
    """The adapters over one peer, with the addresses of all."""
    settings = Settings(
        QDRANT_URL=cluster.urls[peer], QDRANT_API_KEY=KEY, QDRANT_PEERS=",".join(cluster.urls),
        KATO_TENANTS_TIMEOUT_SECONDS=seconds,
    )  # fmt: skip
    with closing(Stores(settings)) as stores:
        yield stores


@contextmanager
def store_of(cluster: QdrantCluster, *, peer: int = 0, seconds: float = 5) -> Iterator[VectorStore]:
    with over(cluster, peer=peer, seconds=seconds) as stores:
        yield stores.vectors


def found_of(store: VectorStore) -> dict[str, CollectionUsage]:
    return {each.name: each for each in store.read().collections}


@VERSIONS
@pytest.mark.parametrize("peer", [0, 2])
def test_shards_and_replicas_count_once(version: str, peer: int) -> None:
    """Whichever peer is asked, also one without a replica, and in few calls."""
    with QdrantCluster(3, version=version, api_key=KEY) as cluster:
        cluster.make("vectors_a_kato", shards=3, replicas=2)
        cluster.make("vectors_b_kato", shards=1, replicas=3)
        cluster.make("vectors_c_kato", shards=1, replicas=1)
        for name, points in (("a", 20), ("b", 5), ("c", 3)):
            cluster.fill(f"vectors_{name}_kato", ["x"] * points)
        with store_of(cluster, peer=peer) as store:
            reading = store.read()
        told = {each.name[8]: each.amount for each in reading.collections}
        assert told == {"a": Amount(20, 2200), "b": Amount(5, 550), "c": Amount(3, 330)}
        assert reading.total == Amount(28, 3080)
        assert "each shard once" in reading.bytes_note
        assert all(each.status == "green" for each in reading.collections)
        assert reading.cluster is not None
        assert [each.id for each in reading.cluster.peers] == cluster.ids
        assert (reading.cluster.unsettled, sum(reading.cluster.replicas.values())) == ((), 10)
        calls = sum(len(server.calls) for server in cluster.servers)
        assert calls <= (3 if version == "1.17.0" else 8)  # none for each collection


@VERSIONS
def test_a_peer_that_is_down_is_named_and_its_replicas_are_told_by_others(version: str) -> None:
    """What others have too is known; the size of what they have not, is not, and never less."""
    with QdrantCluster(3, version=version, api_key=KEY) as cluster:
        cluster.make("vectors_a_kato", shards=2, replicas=2)
        cluster.fill("vectors_a_kato", ["x"] * 10)
        cluster.down(1)
        cluster.made["vectors_a_kato"].states[0, 1] = DEAD
        with store_of(cluster) as store:
            reading = store.read()
        (found,) = reading.collections
        assert found.amount == Amount(10, 1100)
        assert reading.cluster is not None
        (silent,) = [each for each in reading.cluster.peers if each.problem]
        assert silent.id == cluster.ids[1]
        (placement,) = reading.cluster.unsettled
        assert [(s.id, r.state) for s in placement.shards for r in s.replicas if not r.active] == [
            (0, DEAD)
        ]


@VERSIONS
def test_a_shard_that_nobody_answers_for_makes_the_figures_unknown(version: str) -> None:
    """With the name of the peer; not 0, and not the rest of it."""
    with QdrantCluster(3, version=version, api_key=KEY) as cluster:
        cluster.make("vectors_a_kato", shards=3, replicas=1)
        cluster.fill("vectors_a_kato", ["x"] * 10)
        cluster.down(2)
        with store_of(cluster) as store, pytest.raises(StoreUnavailable):
            store.read()  # the consensus has it still as Active
        cluster.made["vectors_a_kato"].states[2, 2] = DEAD
        with store_of(cluster) as store, pytest.raises(StoreUnavailable, match="is Dead") as caught:
            store.read()
        assert "127.0.0.3:6335" in str(caught.value)
        assert "shard 2 of vectors_a_kato" in str(caught.value)
        cluster.up(2)
        cluster.made["vectors_a_kato"].states[2, 2] = "Active"
        with store_of(cluster) as store:
            assert store.read().total.count == 10


@pytest.mark.parametrize("fault", [Slow(20), Dropped(0.0), Dropped(0.5)], ids=repr)
def test_a_peer_that_fails_on_the_way_delays_no_other(fault: Slow | Dropped) -> None:
    """It is told for what it is; what other peers told stands."""
    with QdrantCluster(3, version="1.16.3", api_key=KEY) as cluster:
        cluster.make("vectors_a_kato", shards=3, replicas=2)
        cluster.fill("vectors_a_kato", ["x"] * 12)
        cluster.servers[1].fail(fault)
        with store_of(cluster, seconds=1) as store:
            reading = store.read()
        assert reading.total == Amount(12, 1320)
        assert reading.cluster is not None
        assert [bool(each.problem) for each in reading.cluster.peers] == [False, True, False]


@VERSIONS
def test_replicas_that_differ_are_counted_by_the_server(version: str) -> None:
    """The telemetry does not tell which of them is right."""
    with QdrantCluster(2, version=version, api_key=KEY) as cluster:
        made = cluster.make("vectors_a_kato", shards=1, replicas=2)
        cluster.fill("vectors_a_kato", ["x"] * 4)
        cluster.erase(made, _first(2), None, None)
        cluster.fill("vectors_a_kato", ["x"], first=9)
        cluster.stores[1].delete("vectors_a_kato~0", points_selector=[9])
        with store_of(cluster) as store:
            assert store.read().total.count == 3


def _first(number: int):  # type: ignore[no-untyped-def]
    from qdrant_client import models

    return models.Filter(must=[models.HasIdCondition(has_id=list(range(number)))])


@VERSIONS
def test_points_on_their_way_count_once(version: str) -> None:
    """A replica that is being filled is none yet; while resharded, it goes by the ids."""
    with QdrantCluster(3, version=version, api_key=KEY) as cluster:
        made = cluster.make("vectors_a_kato", shards=1, replicas=2)
        cluster.fill("vectors_a_kato", ["x"] * 10)
        made.states[0, 1] = "Partial"
        made.transfers.append({"shard_id": 0, "from": cluster.ids[0], "to": cluster.ids[1],
                               "sync": False})  # fmt: skip
        cluster.stores[1].delete("vectors_a_kato~0", points_selector=[1, 2, 3])
        with store_of(cluster) as store:
            reading = store.read()
        assert reading.total == Amount(10, 1100)
        made.transfers.clear()
        made.states[0, 1] = "Active"
        new = cluster.add_shard("vectors_a_kato", None)
        made.resharding.append({"direction": "up", "shard_id": new, "peer_id": cluster.ids[1]})
        cluster.fill("vectors_a_kato", ["x"] * 10)  # half of them are on both shards now
        assert sum(len(cluster.points("vectors_a_kato", s)) for s in (0, new)) > 10
        with store_of(cluster) as store:
            assert store.read().total.count == 10


@VERSIONS
def test_while_it_is_resharded_tenants_are_told_by_the_ids(version: str) -> None:
    """A facet has those points twice that are on two shards."""
    with QdrantCluster(3, version=version, api_key=KEY) as cluster:
        made = cluster.make(SHARED, replicas=2, indexed=True)
        cluster.fill(SHARED, ["a"] * 4 + ["b"] * 6)
        new = cluster.add_shard(SHARED, None)
        made.resharding.append({"direction": "up", "shard_id": new, "peer_id": cluster.ids[1]})
        cluster.fill(SHARED, ["a"] * 4 + ["b"] * 6)
        assert sum(len(cluster.points(SHARED, shard)) for shard in made.keys) > 10
        with store_of(cluster) as store:
            found = found_of(store)[SHARED]
        assert (found.amount.count, found.points_by_tenant) == (10, {"a": 4, "b": 6})


@VERSIONS
def test_tenants_are_split_by_shard_and_whoever_is_in_two_counts_once(version: str) -> None:
    """While a tenant is promoted its points are in the shared shard and in its own."""
    with QdrantCluster(3, version=version, api_key=KEY) as cluster:
        cluster.make(SHARED, replicas=2, keys=["default", "big"], indexed=True)
        cluster.fill(SHARED, ["a"] * 3 + ["b"] * 5 + ["c"] * 2, key="default")
        cluster.fill(SHARED, ["big"] * 7, first=100, key="big")
        with store_of(cluster) as store:
            before = found_of(store)[SHARED]
            shard = cluster.begin_promotion(SHARED, "default", "b", "b", part=2)
            during = found_of(store)[SHARED]
            cluster.end_promotion(SHARED, "default", shard, "b")
            after = found_of(store)[SHARED]
        points = {"a": 3, "b": 5, "c": 2, "big": 7}
        for found in (before, during, after):
            assert (found.amount.count, found.points_by_tenant) == (17, points)
        shared = {"default": {"a": 3, "b": 5, "c": 2}, "big": {"big": 7}}
        assert before.points_by_shard == during.points_by_shard == shared
        assert after.points_by_shard == shared | {"b": {"b": 5}}


def test_without_telemetry_points_on_two_shards_count_once_too() -> None:
    """Where a proxy keeps it from us: the keys are asked for."""
    with QdrantCluster(3, api_key=KEY) as cluster:
        cluster.telemetry = False
        cluster.make(SHARED, replicas=2, keys=["default", "b"], indexed=True)
        cluster.fill(SHARED, ["a"] * 3 + ["b"] * 5, key="default")
        cluster.fill(SHARED, ["b"] * 5, first=3, key="b")
        cluster.make("vectors_a_kato", shards=2, replicas=2)
        cluster.fill("vectors_a_kato", ["x"] * 4)
        with store_of(cluster) as store:
            found = found_of(store)
        assert found[SHARED].points_by_tenant == {"a": 3, "b": 5}
        assert (found[SHARED].amount, found["vectors_a_kato"].amount.count) == (Amount(8, None), 4)


def test_a_shard_with_very_many_tenants_is_asked_for_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first question is for few, as most shards have."""
    monkeypatch.setattr(split, "_FEW", 2)
    with QdrantCluster(2, api_key=KEY) as cluster:
        cluster.make(SHARED, keys=["default", "big"], indexed=True)
        cluster.fill(SHARED, ["a", "b", "c"], key="default")
        cluster.fill(SHARED, ["big"], first=9, key="big")
        with store_of(cluster) as store:
            found = found_of(store)[SHARED]
        assert found.points_by_shard == {"default": {"a": 1, "b": 1, "c": 1}, "big": {"big": 1}}


def test_without_an_index_shards_are_looked_through() -> None:
    with QdrantCluster(2, api_key=KEY) as cluster:
        cluster.make(SHARED, keys=["default", 7])
        cluster.fill(SHARED, ["a", "a", ["a", "b"], None], key="default")
        cluster.fill(SHARED, ["a", "b"], first=1, key=7)
        with store_of(cluster) as store:
            found = found_of(store)[SHARED]
        assert found.points_by_tenant is not None
        assert sum(found.points_by_tenant.values()) <= found.amount.count == 4
        assert set(found.points_by_shard or {}) == {"default", 7}


def test_health_says_of_how_many_peers_it_is_and_whom_the_others_do_not_reach() -> None:
    with QdrantCluster(3, api_key=KEY) as cluster, store_of(cluster) as store:
        assert store.health().detail == "collections: 0; peers: 3"
        cluster.down(2)
        assert "not reached by the others: peer" in store.health().detail
        assert "127.0.0.3:6335" in store.health().detail


def test_the_rest_address_is_on_the_host_that_a_peer_announces() -> None:
    """At the port and by the scheme of the one that is configured."""
    ours = Settings(QDRANT_URL="https://q.example.com:443/prefix")
    assert rest_address("http://qdrant-1.headless:6335/", ours) == "https://qdrant-1.headless:443"
    ours = Settings(QDRANT_URL="http://q.example.com")
    assert rest_address("http://[fd00::2]:6335/", ours) == "http://[fd00::2]:6333"
    ours = Settings(QDRANT_HOST="q", QDRANT_PORT=7000, QDRANT_HTTPS=True)
    assert rest_address("http://10.0.0.7:6335", ours) == "https://10.0.0.7:7000"
    assert rest_address("", ours) is rest_address("http://[::1", ours) is None
