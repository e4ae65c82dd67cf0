"""Erasing from a Qdrant on several peers: on every shard and replica, and what cannot be proven."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from services.errors import StoreUnavailable
from services.purge.models import Look, Reckoning, Surface
from services.stores.adapters import Stores
from services.stores.qdrant.erase import VectorErasing
from tests.engines.erasing import silent
from tests.engines.qdrant.qdrant_collections import KEY, SHARED
from tests.engines.qdrant.test_cluster_usage import over
from tests.servers.qdrant_cluster import DEAD, QdrantCluster

OWN = "vectors_tenant_b_kato"
TENANT = Surface(tenant_ids=frozenset({"b"}), shared_collections=frozenset({SHARED}))
WHOLE = Surface(collections=frozenset({OWN}))


@contextmanager
def erasing(cluster: QdrantCluster, *, peer: int = 0) -> Iterator[VectorErasing]:
    with over(cluster, peer=peer) as stores:
        yield stores.vector_erasing


def tiered(*, keyless: bool = False) -> QdrantCluster:
    """A shared collection: three tenants on the shared shard, one on its own, two replicas each.

    On the shard that is named after `big` there is a point of `a` too.
    """
    cluster = QdrantCluster(3, api_key=KEY, keyless=keyless)
    cluster.make(SHARED, replicas=2, keys=["default", "big"], indexed=True)
    cluster.fill(SHARED, ["a"] * 3 + ["b"] * 5 + ["c"] * 2, key="default")
    cluster.fill(SHARED, ["big"] * 4 + ["a"], first=100, key="big")
    return cluster


def of(cluster: QdrantCluster, tenant: str) -> dict[tuple[int, int], int]:
    """Where a tenant has points: by shard and peer, how many."""
    made = cluster.made[SHARED]
    found = {
        place: sum(
            (each.payload or {}).get("tenant_id") == tenant
            for each in cluster.points(SHARED, *place)
        )
        for place in made.states
    }
    return {place: count for place, count in found.items() if count}


def others(cluster: QdrantCluster) -> dict[str, dict[tuple[int, int], int]]:
    return {tenant: of(cluster, tenant) for tenant in ("a", "c", "big")}


def counts(look: Look) -> dict[str, int]:
    return {item.kind: item.count for item in look.items}


@pytest.mark.parametrize("keyless", [False, True])
@pytest.mark.parametrize("peer", [0, 2])
def test_a_tenant_goes_from_every_shard_and_replica(keyless: bool, peer: int) -> None:
    """Also from its own shard, strongly ordered and waited for; each point is counted once."""
    with tiered(keyless=keyless) as cluster, erasing(cluster, peer=peer) as vectors:
        shard = cluster.begin_promotion(SHARED, "default", "b", "b", part=2)
        cluster.end_promotion(SHARED, "default", shard, "b")
        before = others(cluster)
        look = vectors.look(TENANT)
        assert (counts(look), look.unsure, look.disclosed) == ({SHARED: 5}, (), ())
        assert look.everything is not None
        assert look.everything.total == look.everything.seen  # of two shards in both
        vectors.erase(TENANT, silent)
        assert (of(cluster, "b"), others(cluster)) == ({}, before)
        (told,) = {(tuple(keys), *how) for _, (keys, *how) in cluster.deleted}
        assert told == (("default", "big", "b"), "strong", "true")
        again = vectors.look(TENANT)
        assert (again.items, again.unsure) == ((), ())


def test_a_shard_that_is_named_after_a_tenant_may_hold_points_of_others() -> None:
    """Points go by their payload, and never a shard."""
    big = Surface(tenant_ids=frozenset({"big"}), shared_collections=frozenset({SHARED}))
    with tiered() as cluster, erasing(cluster) as vectors:
        before = {tenant: of(cluster, tenant) for tenant in ("a", "b", "c")}
        assert before["a"][1, 1] == 1
        assert counts(vectors.look(big)) == {SHARED: 4}
        vectors.erase(big, silent)
        assert {tenant: of(cluster, tenant) for tenant in before} == before
        assert of(cluster, "big") == {}


def test_what_is_left_on_one_replica_is_found_and_goes() -> None:
    """Consistency `all` counts what all replicas have, which is nothing then."""
    with tiered() as cluster, erasing(cluster) as vectors:
        for peer in (0,):  # as a node that missed a deletion, and is Active again
            cluster.stores[peer].delete(f"{SHARED}~0", points_selector=[3, 4, 5, 6, 7])
        assert of(cluster, "b") == {(0, 1): 5}
        assert counts(vectors.look(TENANT)) == {SHARED: 5}
        vectors.erase(TENANT, silent)
        assert (of(cluster, "b"), counts(vectors.look(TENANT))) == ({}, {})


@pytest.mark.parametrize("state", ["Dead", "Recovery", "Listener", "ManualRecovery"])
def test_a_replica_that_is_not_active_is_no_proof(state: str) -> None:
    """It is said with its peer, as long as it is so; what can be erased goes."""
    with tiered() as cluster, erasing(cluster) as vectors:
        cluster.made[SHARED].states[0, 0] = state
        look = vectors.look(TENANT)
        assert counts(look) == {SHARED: 5}
        assert any(f"127.0.0.1:6335/) is {state}" in why for why in look.unsure)
        before = others(cluster)
        vectors.erase(TENANT, silent)
        assert others(cluster) == before
        assert (0, 1) not in of(cluster, "b")
        assert vectors.look(TENANT).unsure
        cluster.made[SHARED].states[0, 0] = DEAD
        cluster.recover(0)
        assert (of(cluster, "b"), vectors.look(TENANT).unsure) == ({}, ())


def test_a_peer_that_went_down_is_no_proof_and_then_dead() -> None:
    """A write that it missed leaves its replica Dead, with the points still on its disk."""
    with tiered() as cluster, erasing(cluster, peer=1) as vectors:
        before = others(cluster)
        cluster.down(0)
        look = vectors.look(TENANT)
        assert counts(look) == {SHARED: 5}
        assert any("not every replica" in why for why in look.unsure)
        assert any("127.0.0.1:6335" in said for said in look.disclosed)
        vectors.erase(TENANT, silent)
        assert of(cluster, "b") == {(0, 0): 5}
        assert cluster.made[SHARED].states[0, 0] == DEAD
        assert any("is Dead" in why for why in vectors.look(TENANT).unsure)
        cluster.up(0)
        assert any("is Dead" in why for why in vectors.look(TENANT).unsure)
        cluster.recover(0)
        assert (vectors.look(TENANT).unsure, counts(vectors.look(TENANT))) == ((), {})
        assert (of(cluster, "b"), others(cluster)) == ({}, before)


def test_without_its_leader_a_shard_takes_no_deletion() -> None:
    """Strong ordering waits for the replica with the highest id; nothing is called erased."""
    with tiered() as cluster, erasing(cluster) as vectors:
        before = others(cluster)
        cluster.down(1)
        with pytest.raises(StoreUnavailable):
            vectors.erase(TENANT, silent)
        cluster.up(1)
        vectors.erase(TENANT, silent)
        cluster.recover(1)
        assert (of(cluster, "b"), others(cluster)) == ({}, before)


def test_while_a_tenant_is_promoted_nothing_is_proven() -> None:
    """Its shard is filled meanwhile, and no read sees it; afterwards the rest is found and goes."""
    with tiered() as cluster, erasing(cluster) as vectors:
        before = others(cluster)
        shard = cluster.begin_promotion(SHARED, "default", "b", "b", part=3)
        assert counts(vectors.look(TENANT)) == {SHARED: 5}
        vectors.erase(TENANT, silent)
        assert sum(of(cluster, "b").values()) == 6  # on the two replicas of its shard alone
        look = vectors.look(TENANT)
        assert counts(look) == {}
        assert any("is Partial" in why for why in look.unsure)
        assert any("on its way" in why for why in look.unsure)
        cluster.end_promotion(SHARED, "default", shard, "b")
        assert counts(vectors.look(TENANT)) == {SHARED: 3}
        vectors.erase(TENANT, silent)
        assert (of(cluster, "b"), others(cluster)) == ({}, before)
        assert vectors.look(TENANT).unsure == ()


def test_a_shard_that_is_made_while_points_are_deleted_is_reached_too() -> None:
    """The keys are read again after each deletion."""
    with tiered() as cluster, erasing(cluster) as vectors:
        later = iter([True])

        def promote(_: int, request: object) -> None:
            if str(getattr(request, "path", "")).endswith("/points/delete") and next(later, False):
                shard = cluster.begin_promotion(SHARED, "default", "b", "b", part=0)
                cluster.end_promotion(SHARED, "default", shard, "b")

        cluster.before = promote
        vectors.erase(TENANT, silent)
        assert of(cluster, "b") == {}


@pytest.mark.parametrize("keep", [True, False])
def test_a_collection_goes_with_the_snapshots_on_every_peer(keep: bool) -> None:
    """Emptied on every replica, or dropped; a peer that cannot be asked is said."""
    with QdrantCluster(3, api_key=KEY) as cluster, erasing(cluster) as vectors:
        cluster.make(OWN, shards=2, replicas=2)
        cluster.make("vectors_tenant_a_kato", shards=2, replicas=2)
        for name in (OWN, "vectors_tenant_a_kato"):
            cluster.fill(name, ["x"] * 10)
        for peer, there in enumerate(cluster.snapshots):
            there[OWN] = [f"of-peer-{peer}"]
        bystander = cluster.everything("vectors_tenant_a_kato")
        look = vectors.look(WHOLE, keep=keep)
        assert counts(look) == {OWN: 10}
        assert "3 snapshots" in look.items[0].how
        assert look.everything == Reckoning(20, 20)
        vectors.erase(WHOLE, silent, keep=keep)
        assert not any(there.get(OWN) for there in cluster.snapshots)
        assert cluster.everything("vectors_tenant_a_kato") == bystander
        if keep:
            assert not any(cluster.everything(OWN).values())
            assert vectors.drop_emptied(WHOLE) == (OWN,)
        assert OWN not in cluster.made


def test_an_emptied_collection_is_not_dropped_while_a_replica_is_dead() -> None:
    """Its points would be all that is left of it, and nobody could look for them."""
    with QdrantCluster(3, api_key=KEY) as cluster, erasing(cluster) as vectors:
        cluster.make(OWN, replicas=2)
        cluster.fill(OWN, ["x"] * 3)
        cluster.made[OWN].states[0, 0] = DEAD
        vectors.erase(WHOLE, silent, keep=True)
        assert vectors.drop_emptied(WHOLE) == ()
        cluster.recover(0)
        assert vectors.drop_emptied(WHOLE) == (OWN,)


def test_snapshots_of_what_tenants_share_are_counted_on_every_peer() -> None:
    with tiered() as cluster, erasing(cluster) as vectors:
        for peer in (0, 2):
            cluster.snapshots[peer][SHARED] = ["s"]
            cluster.full_snapshots[peer] = ["whole"]
        said = " ".join(vectors.look(TENANT).disclosed)
        assert f"2 snapshots of the collection {SHARED}" in said
        assert "2 snapshots of Qdrant's whole storage" in said


def test_the_names_come_without_a_call_for_each_collection() -> None:
    """Points as all replicas say together; those of shards by key are counted."""
    with tiered() as cluster, erasing(cluster) as vectors:
        for number in range(9):
            cluster.make(f"vectors_{number}_kato", shards=2, replicas=2)
            cluster.fill(f"vectors_{number}_kato", ["x"] * (number + 1))
        names = vectors.names()
        assert names.collections == {SHARED: 15} | {f"vectors_{n}_kato": n + 1 for n in range(9)}
        assert len(cluster.servers[0].calls) <= 7


def test_one_address_is_enough_and_says_what_it_cannot_prove() -> None:
    """Replicas answer together then; that each was asked by itself is not said."""
    from services.settings.environment import Settings

    with tiered() as cluster:
        settings = Settings(QDRANT_URL=cluster.urls[0], QDRANT_API_KEY=KEY,
                            KATO_TENANTS_TIMEOUT_SECONDS=1)  # fmt: skip
        with closing(Stores(settings)) as stores:
            vectors = stores.vector_erasing
            look = vectors.look(TENANT)
            assert (counts(look), look.unsure) == ({SHARED: 5}, ())
            assert len([said for said in look.disclosed if "on its own" in said]) == 2
            vectors.erase(TENANT, silent)
            assert (of(cluster, "b"), vectors.look(TENANT).items) == ({}, ())
