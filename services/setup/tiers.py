"""Which tenants of a collection are on shared shards, and which on one of their own. Pure.

Qdrant's tiered multitenancy (1.16): small tenants share a shard, the fallback; one that grows gets
a shard under its own key, into which its points are copied (`replicate_points`), and from then on a
request that names both keys goes there. Its points stay on the shared shard until they are
deleted there. Source: `advice.QDRANT`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.setup.advice import LARGE, MOST_SHARDS
from services.usage.readings import CollectionUsage
from services.usage.vector_cluster import ShardKey, VectorCluster


class Tier(StrEnum):
    """Where a tenant's points in a shared collection are."""

    SHARED = "shared"  # on shards that others have points on too, or that are nobody's own
    OWN = "own"  # on a shard of its own
    BOTH = "both"  # on one of its own, and still on shared ones


class Deed(StrEnum):
    """What is to be done about it, by Qdrant's advice."""

    NOTHING = "nothing"
    PROMOTE = "promote"  # it is large: a shard of its own
    FULL = "full"  # it is large, and there are as many shards as are advised
    WAIT = "wait"  # its shard is being filled
    CLEAN = "clean"  # its points can go from the shared shards


@dataclass(frozen=True, slots=True)
class Standing:
    """One tenant in one collection. `points` counts each point once; `shards` by key does not."""

    collection: str
    tenant: str
    tier: Tier
    points: int
    shards: Mapping[ShardKey, int]
    deed: Deed


def standings(
    collections: Iterable[CollectionUsage], cluster: VectorCluster | None
) -> tuple[Standing, ...]:
    """Return every tenant of the collections that have shards by key; the largest first."""
    found = [each for one in collections for each in _of(one, _filling(one.name, cluster))]
    return tuple(sorted(found, key=lambda each: (-each.points, each.collection, each.tenant)))


def standing_of(
    collection: CollectionUsage, tenant: str, cluster: VectorCluster | None
) -> Standing | None:
    """Return one tenant of a collection; None where it has no points or no shards by key."""
    every = _of(collection, _filling(collection.name, cluster))
    return next((each for each in every if each.tenant == tenant), None)


def _filling(name: str, cluster: VectorCluster | None) -> frozenset[str]:
    """Return the keys of the shards that are being filled."""
    placements = cluster.unsettled if cluster is not None else ()
    return frozenset(
        str(key)
        for each in placements if each.collection == name
        for key in set(each.keys) - set(each.readable_keys)
    )  # fmt: skip


def _of(collection: CollectionUsage, filling: frozenset[str]) -> Iterator[Standing]:
    shards, points = collection.points_by_shard, collection.points_by_tenant
    if not shards or not points:
        return
    full = len(shards) + len(filling) >= MOST_SHARDS
    mixed = {key for key, tenants in shards.items() if len(tenants) > 1}
    for tenant, count in points.items():
        there = {key: found[tenant] for key, found in shards.items() if found.get(tenant)}
        if there:
            tier = _tier(tenant, shards, there, mixed)
            deed = _deed(tier, count, waits=tenant in filling, full=full)
            yield Standing(collection.name, tenant, tier, count, there, deed)


def _tier(
    tenant: str, shards: Mapping[ShardKey, Mapping[str, int]], there: Mapping[ShardKey, int],
    mixed: set[ShardKey],
) -> Tier:  # fmt: skip
    """Say where a tenant is: a shard is its own by its name, or where others share another."""
    own = {key for key in there if len(shards[key]) == 1 and (str(key) == tenant or mixed - {key})}
    if not own:
        return Tier.SHARED
    return Tier.OWN if own == there.keys() else Tier.BOTH


def _deed(tier: Tier, points: int, *, waits: bool, full: bool) -> Deed:
    if waits:
        return Deed.WAIT
    if tier is Tier.BOTH:
        return Deed.CLEAN
    if tier is Tier.OWN or points < LARGE:
        return Deed.NOTHING
    return Deed.FULL if full else Deed.PROMOTE
