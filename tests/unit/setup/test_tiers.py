"""Who is on shared shards, who on one of their own, and whom Qdrant's advice says to promote."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, strategies as st

from services.figures import Amount
from services.setup.advice import LARGE, MOST_SHARDS
from services.setup.tiers import Deed, Tier, standing_of, standings
from services.usage.readings import CollectionUsage
from services.usage.vector_cluster import ACTIVE, Peer, Placement, Replica, Shard, VectorCluster

Shards = dict[int | str, dict[str, int]]


def made(shards: Shards, **once: int) -> CollectionUsage:
    """A collection with these points by shard and tenant; `once` are points that are on two."""
    sums: Counter[str] = Counter()
    for tenants in shards.values():
        sums.update(tenants)
    points = dict(sums) | once
    return CollectionUsage(
        "kato_vectors", Amount(sum(points.values())), "green", points_by_tenant=points,
        points_by_shard=shards,
    )  # fmt: skip


def told(
    collection: CollectionUsage, cluster: VectorCluster | None = None
) -> dict[str, tuple[Tier, Deed]]:
    return {each.tenant: (each.tier, each.deed) for each in standings([collection], cluster)}


def test_the_shared_shard_and_those_of_single_tenants() -> None:
    """By name, or by being alone on one while others share another."""
    shards: Shards = {
        "default": {"small": 5, "large": LARGE, "moved": 7}, "big": {"big": 90},
        7: {"numbered": 3}, "moved": {"moved": 7},
    }  # fmt: skip
    assert told(made(shards, moved=7)) == {
        "small": (Tier.SHARED, Deed.NOTHING),
        "large": (Tier.SHARED, Deed.PROMOTE),
        "big": (Tier.OWN, Deed.NOTHING),
        "numbered": (Tier.OWN, Deed.NOTHING),
        "moved": (Tier.BOTH, Deed.CLEAN),
    }


def test_a_shard_that_is_named_after_a_tenant_and_holds_others_too_is_shared() -> None:
    shards: Shards = {"default": {"a": 1, "b": 1}, "big": {"big": LARGE, "a": 1}}
    assert told(made(shards))["big"] == (Tier.SHARED, Deed.PROMOTE)


def test_the_only_tenant_of_the_fallback_shard_is_not_on_one_of_its_own() -> None:
    """Nothing tells them apart but the name."""
    assert told(made({"default": {"last": 4}, "big": {"big": 9}})) == {
        "last": (Tier.SHARED, Deed.NOTHING), "big": (Tier.OWN, Deed.NOTHING)}  # fmt: skip


def test_who_is_being_promoted_is_waited_for() -> None:
    """Its shard holds no points that can be read."""
    shard = Shard(1, "large", (Replica(2, "Partial", 3),))
    first = Shard(0, "default", (Replica(1, ACTIVE, LARGE),))
    cluster = VectorCluster((Peer(1), Peer(2)), (Placement("kato_vectors", (first, shard)),))
    collection = made({"default": {"large": LARGE, "b": 1}})
    assert told(collection, cluster)["large"] == (Tier.SHARED, Deed.WAIT)


def test_there_are_no_more_shards_than_are_advised() -> None:
    shards: Shards = {n: {f"t{n}": 1} for n in range(MOST_SHARDS - 1)}
    shards["default"] = {"large": LARGE, "b": 1}
    assert told(made(shards))["large"] == (Tier.SHARED, Deed.FULL)


def test_without_shards_by_key_nobody_is_told() -> None:
    plain = CollectionUsage("c", Amount(3), "green", points_by_tenant={"a": 3})
    assert standings([plain], None) == ()
    assert standing_of(plain, "a", None) is None


@given(st.dictionaries(
    st.one_of(st.integers(0, 3), st.sampled_from(["a", "b", "c", "default"])),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, LARGE + 1), max_size=4), max_size=5,
))  # fmt: skip
def test_every_tenant_with_points_is_told_once(shards: Shards) -> None:
    """With all its shards; on its own means that nobody else is on any of them."""
    found = standings([made(shards)], None)
    tenants = {tenant for each in shards.values() for tenant in each}
    assert sorted(each.tenant for each in found) == sorted(tenants)
    for each in found:
        there = {key for key, points in shards.items() if each.tenant in points}
        assert each.shards.keys() == there
        if each.tier is Tier.OWN:
            assert all(shards[key].keys() == {each.tenant} for key in there)
        if any(str(key) == each.tenant and len(shards[key]) == 1 for key in there):
            assert each.tier is not Tier.SHARED
        assert (each.deed is Deed.PROMOTE) == (each.tier is Tier.SHARED and each.points >= LARGE)
