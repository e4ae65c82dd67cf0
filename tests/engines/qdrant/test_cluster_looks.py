"""What else is asked of a Qdrant on several peers: snapshots, identity, pages, archives."""

from __future__ import annotations

from contextlib import closing
from itertools import cycle
from unittest.mock import patch

import pytest

from services.browse.models import Space
from services.errors import StoreUnavailable
from services.purge.models import Surface
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.identity import _qdrant
from services.stores.qdrant.apart import PointsApart
from services.stores.qdrant.archive import VectorArchive
from services.stores.qdrant.cluster import Cluster
from services.stores.qdrant.peers import Peers, Reached
from services.stores.qdrant.restore import VectorWriting
from services.stores.qdrant.setup import VectorSetup
from tests.engines.qdrant.qdrant_collections import KEY, SHARED
from tests.engines.qdrant.test_cluster_erasing import TENANT, tiered
from tests.engines.qdrant.test_cluster_usage import over
from tests.servers.faults import Answer, HttpServer, Request
from tests.servers.qdrant_cluster import QdrantCluster


def test_full_snapshots_are_those_of_every_peer() -> None:
    """With where they lie; a peer that cannot be asked is named."""
    with tiered() as cluster, over(cluster, seconds=2) as stores:
        for peer in range(3):
            cluster.full_snapshots[peer] = ["full"]
        facts = stores.vector_audit.facts()
        assert [name.split("(")[1] for name in facts.full_snapshots] == [
            f"http://127.0.0.{n}:6335/)" for n in (1, 2, 3)
        ]
        assert facts.unasked == ()
        cluster.down(1)
        facts = stores.vector_audit.facts()
        assert len(facts.full_snapshots) == 2
        assert "127.0.0.2:6335" in facts.unasked[0]


def test_behind_a_balancer_each_peer_is_asked_at_its_own_address() -> None:
    """Whoever answers the configured address stands for no peer then."""
    with tiered() as cluster:
        turn = cycle(range(3))

        def balanced(request: Request) -> Answer:
            return cluster.servers[next(turn)].answer(request)

        cluster.stores[0].delete(f"{SHARED}~0", points_selector=[3, 4, 5, 6, 7])
        with HttpServer(balanced) as balancer:
            settings = Settings(
                QDRANT_URL=balancer.url, QDRANT_PEERS=",".join(cluster.urls), QDRANT_API_KEY=KEY
            )
            with closing(Stores(settings)) as stores:
                look = stores.vector_erasing.look(TENANT)
                assert ([item.count for item in look.items], look.disclosed) == ([5], ())
                members = Cluster(stores.engines.qdrant).members()
                assert members is not None
            settings = Settings(QDRANT_URL=balancer.url, QDRANT_API_KEY=KEY)
            with closing(Stores(settings)) as stores, patch.object(Peers, "reached") as reached:
                reached.return_value = Reached(problems=dict.fromkeys(cluster.ids, "no way"))
                each = Cluster(stores.engines.qdrant).each(*members)
                assert (each.clients, len(each.problems)) == ({}, 3)


def test_a_cluster_is_the_same_by_whichever_peer_it_is_reached() -> None:
    """So that nothing is moved or restored into itself."""
    with QdrantCluster(3) as cluster, QdrantCluster(3) as other:
        other.ids = [number + 100 for number in other.ids]
        found = []
        for of, peer in ((cluster, 0), (cluster, 2), (other, 0)):
            with over(of, peer=peer) as stores:
                settings = Settings(QDRANT_URL=of.urls[peer])
                found.append(frozenset(_qdrant(stores.engines.qdrant, settings)))
        assert found[0] & found[1]
        assert not found[0] & found[2]


def test_a_page_counts_a_tenants_points_once() -> None:
    """While its points are on the shared shard and on its own."""
    with tiered() as cluster, over(cluster) as stores:
        shard = cluster.begin_promotion(SHARED, "default", "b", "b", part=0)
        cluster.end_promotion(SHARED, "default", shard, "b")
        facts = stores.vector_pages.facts(Space(SHARED, "b"))
        assert facts is not None
        assert facts.points == 5
        page = stores.vector_pages.points(Space(SHARED, "b"), limit=50)
        assert len(page.points) == 5


def test_an_archive_is_refused_where_a_shard_has_nobody_who_answers() -> None:
    """It would be taken for whole; a replica that is Dead while another is Active is no harm."""
    surface = Surface(tenant_ids=frozenset({"b"}), shared_collections=frozenset({SHARED}))
    with tiered() as cluster, over(cluster) as stores:
        archive = VectorArchive(stores.engines.qdrant, shared_collections=frozenset({SHARED}))
        cluster.made[SHARED].states[0, 0] = "Dead"
        (found,) = archive.prints(surface).values()
        assert found.count == 5
        cluster.made[SHARED].states[0, 1] = "Dead"
        with pytest.raises(StoreUnavailable, match=r"shard 0 \(key default\).*is Dead"):
            archive.prints(surface)


def test_points_of_a_shard_by_key_come_back_into_one() -> None:
    """Its key is made where it is not there; a collection without shards by key takes none."""
    points = [
        {"id": 777, "payload": {"tenant_id": "new"}, "vector": [0.5, 0.5], "shard_key": "new"}
    ]
    with tiered() as cluster, over(cluster) as stores:
        cluster.make("plain", shards=2)
        writing = VectorWriting(stores.engines.qdrant, seconds=5)
        for name in (SHARED, "plain"):
            assert writing.write(name, points).written == 1
        shards = {key: n for n, key in cluster.made[SHARED].keys.items()}
        assert [p.id for p in cluster.points(SHARED, shards["new"])] == [777]
        assert 777 in [p.id for shard in (0, 1) for p in cluster.points("plain", shard)]


def test_setting_up_sees_the_shards_by_key_and_makes_one() -> None:
    with tiered() as cluster, over(cluster) as stores:
        setup = VectorSetup(stores.engines.qdrant)
        facts = setup.facts(SHARED)
        assert facts is not None
        assert facts.shard_keys == ("default", "big")
        setup.create_shard_key(SHARED, "new")
        assert "new" in cluster.made[SHARED].keys.values()


def test_taking_apart_counts_and_erases_on_every_replica() -> None:
    with QdrantCluster(2) as cluster, over(cluster) as stores:
        cluster.make("vectors_k_kato", shards=2, replicas=2)
        cluster.fill("vectors_k_kato", ["x"] * 6)
        apart = PointsApart(stores.engines.qdrant, seconds=5)
        assert apart.count("k_kato") == 6
        apart.erase("k_kato", [{"id": n} for n in range(4)])
        assert apart.count("k_kato") == 2
        left = [ids for ids in cluster.everything("vectors_k_kato").values() if ids]
        assert {n for ids in left for n in ids} == {4, 5}
