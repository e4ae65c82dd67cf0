"""Which place suits a tenant's vectors, and why, by what Qdrant and ClickHouse advise. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from services.usage.snapshot import Snapshot

QDRANT = "https://qdrant.tech/documentation/manage-data/multitenancy/"
QDRANT_DESIGN = "https://qdrant.tech/documentation/deploy-and-scale/multitenant-search/"
CLICKHOUSE = "https://clickhouse.com/docs/best-practices/choosing-a-partitioning-key"
CLICKHOUSE_TENANTS = "https://clickhouse.com/docs/cloud/bestpractices/multi-tenancy"

LARGE = 20_000
"""Points from which Qdrant advises a shard of its own for a tenant. Source: `QDRANT`."""

MANY_COLLECTIONS = 100
MOST_COLLECTIONS = 1_000
"""Qdrant advises against hundreds and thousands of collections in a cluster, and its cloud allows
1,000. Source: `QDRANT`."""

MOST_SHARDS = 1_000
"""Shards of their own in a cluster, by Qdrant's advice. Source: `QDRANT`."""

MANY_PARTITIONS = 1_000
"""Values of a partition key from which ClickHouse advises against it. Source: `CLICKHOUSE`."""


class Place(StrEnum):
    """Where a tenant's vectors are."""

    OWN = "own"  # a collection of its own
    SHARED = "shared"  # one of several tenants, told apart by the payload
    SHARD = "shard"  # such a one, in a shard of its own


class Reason(StrEnum):
    """Why one place is advised, or what to mind there."""

    KATO_READS_ITS_OWN = "KATO reads its own"
    OTHER_VECTORS = "other vectors"
    MANY_SMALL = "many small"
    LARGE = "large"
    LARGE_NO_SHARDS = "large, no shards"
    COLLECTIONS = "collections"
    PARTITIONS = "partitions"
    ONE_TABLE = "one table"


SOURCES = {
    Reason.KATO_READS_ITS_OWN: "",
    Reason.OTHER_VECTORS: QDRANT_DESIGN,
    Reason.MANY_SMALL: QDRANT_DESIGN,
    Reason.LARGE: QDRANT,
    Reason.LARGE_NO_SHARDS: QDRANT,
    Reason.COLLECTIONS: QDRANT,
    Reason.PARTITIONS: CLICKHOUSE,
    Reason.ONE_TABLE: CLICKHOUSE_TENANTS,
}
"""Where each reason is published; empty for what was observed of KATO."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many tenants have vectors, the usual and the largest number of points of one.

    `collections` and `kb_ids` count what there is; each is None where it is not known.
    """

    tenants: int | None = None
    usual: int | None = None
    largest: int | None = None
    collections: int | None = None
    kb_ids: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of the new tenant.

    `kato` is whether KATO itself writes its vectors. `fits` is whether they are of the size and
    metric of the collection that it could share, `shards` whether that one has shards by key; None
    where there is none, or nobody could look.
    """

    kato: bool
    expected: int | None = None
    fits: bool | None = None
    shards: bool | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """The place that suits, with the reasons, and the fleet that they go by."""

    place: Place
    reasons: tuple[Reason, ...]
    fleet: Fleet


def fleet_of(snapshot: Snapshot | None) -> Fleet:
    """Return what of a fleet the advice goes by."""
    if snapshot is None:
        return Fleet()
    found = [each.usage.vectors for each in snapshot.tenants]
    points = [amount.count for amount in found if amount is not None and amount.count]
    vectors_known = None not in found
    return Fleet(
        tenants=len(points) if vectors_known else None,
        usual=int(median(points)) if points and vectors_known else None,
        largest=max(points) if points and vectors_known else None,
        collections=len(snapshot.collections) if vectors_known else None,
        kb_ids=len(snapshot.kb_ids) if _whole(snapshot) else None,
    )


def _whole(snapshot: Snapshot) -> bool:
    return all(each.whole for each in snapshot.stores.values())


def advise(wanted: Wanted, fleet: Fleet) -> Advice:
    """Return which place suits a tenant."""
    place, reason = _place(wanted)
    reasons = [reason]
    if place is Place.OWN and (fleet.collections or 0) >= MANY_COLLECTIONS:
        reasons.append(Reason.COLLECTIONS)
    reasons.append(
        Reason.PARTITIONS if (fleet.kb_ids or 0) >= MANY_PARTITIONS else Reason.ONE_TABLE
    )
    return Advice(place, tuple(reasons), fleet)


def _place(wanted: Wanted) -> tuple[Place, Reason]:
    if wanted.kato:
        return Place.OWN, Reason.KATO_READS_ITS_OWN
    if wanted.fits is False:
        return Place.OWN, Reason.OTHER_VECTORS
    if (wanted.expected or 0) < LARGE:
        return Place.SHARED, Reason.MANY_SMALL
    if wanted.shards:
        return Place.SHARD, Reason.LARGE
    return Place.OWN, Reason.LARGE_NO_SHARDS
