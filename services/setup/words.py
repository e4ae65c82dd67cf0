"""What setting up a tenant says to people: clashes, steps and advice, in words. Pure.

Names in them are as they are: whoever shows them makes them visible.
"""

from __future__ import annotations

from services.setup.advice import (
    LARGE,
    MANY_PARTITIONS,
    MOST_COLLECTIONS,
    MOST_SHARDS,
    Fleet,
    Place,
    Reason,
)
from services.setup.models import Clash, ClashKind, Step, StepName
from services.setup.tiers import Deed, Standing, Tier

PLACES = {
    Place.OWN: "a collection of its own",
    Place.SHARED: "a collection that tenants share",
    Place.SHARD: "a shard of its own in a shared collection",
}

_REASONS = {
    Reason.KATO_READS_ITS_OWN: "KATO itself reads and writes vectors_{kb_id} alone: a shared "
    "collection is for programs of yours that ask Qdrant themselves.",
    Reason.OTHER_VECTORS: "Its vectors are of another size or metric than the shared collection's, "
    "and Qdrant advises a collection of its own for another configuration.",
    Reason.MANY_SMALL: "Qdrant advises one collection with the tenant in the payload, and an index "
    "with is_tenant on it, for many small tenants of the same configuration.",
    Reason.LARGE: f"Qdrant advises a shard of its own from about {LARGE:,} points, and at most "
    f"{MOST_SHARDS:,} such shards in a cluster.",
    Reason.LARGE_NO_SHARDS: f"From about {LARGE:,} points Qdrant advises a shard of its own. The "
    "collection has none by key, which is settled when a collection is made: so a collection of "
    "its own is what keeps it apart.",
    Reason.COLLECTIONS: "Each collection costs: Qdrant advises against hundreds of them, and its "
    f"cloud allows {MOST_COLLECTIONS:,} in a cluster.",
    Reason.PARTITIONS: "KATO's tables have a partition for each kb_id, and ClickHouse advises "
    f"fewer than 100 to {MANY_PARTITIONS:,} values of a partition key.",
    Reason.ONE_TABLE: "Its patterns go into the table that all tenants share, with the kb_id first "
    "in its key, as ClickHouse advises for tenants of one schema.",
}

_CLASHES = {
    ClashKind.THERE: "This tenant is there already",
    ClashKind.GUESSED: "Data whose owner is not known may be read as this tenant's",
    ClashKind.SHARED: "It would share one memory",
    ClashKind.ALIKE: "People would take it for another tenant",
    ClashKind.PREFIX: "What is matched by the beginning of a name would hit both",
    ClashKind.ERASED: "Its data was erased before",
}

_STEPS = {
    StepName.CARD: "Write its card",
    StepName.LIMITS: "Set its limits",
    StepName.COLLECTION: "Make the collection",
    StepName.TENANT_INDEX: "Index tenant_id with is_tenant in",
    StepName.SHARD_KEY: "Make a shard for the key",
    StepName.SESSION: "Create the first session for",
}
_NAMED = frozenset({StepName.COLLECTION, StepName.TENANT_INDEX, StepName.SHARD_KEY,
                    StepName.SESSION})  # fmt: skip


def reason_words(reason: Reason) -> str:
    """Say a reason."""
    return _REASONS[reason]


def fleet_words(fleet: Fleet) -> str:
    """Say what fleet the advice goes by; what is not known is not said."""
    parts = []
    if fleet.tenants is not None:
        parts.append(f"{fleet.tenants:,} tenants with vectors")
    if fleet.usual is not None and fleet.largest is not None:
        parts.append(f"the usual one has {fleet.usual:,} points, the largest {fleet.largest:,}")
    if fleet.collections is not None:
        parts.append(f"{fleet.collections:,} collections")
    if fleet.kb_ids is not None:
        parts.append(f"{fleet.kb_ids:,} kb_ids")
    return "; ".join(parts) or "how the fleet's vectors are is not known now"


def clash_words(clash: Clash) -> str:
    """Say what a clash is, without the names."""
    return _CLASHES[clash.kind]


def step_words(step: Step) -> tuple[str, str]:
    """Return what a step does, and the name that it is about; empty where it needs none."""
    return _STEPS[step.name], step.what if step.name in _NAMED else ""


TIERS = {Tier.SHARED: "shared", Tier.OWN: "its own", Tier.BOTH: "its own and shared"}
"""On which shards a tenant's points are."""

DEEDS = {
    Deed.NOTHING: "",
    Deed.PROMOTE: f"promote it: from about {LARGE:,} points Qdrant advises a shard of its own",
    Deed.FULL: f"it is large, and there are {MOST_SHARDS:,} shards by key: Qdrant advises no more",
    Deed.WAIT: "its shard is being filled",
    Deed.CLEAN: "delete its points from the shared shards: they are on its own",
}
"""What is to be done about it, by Qdrant's advice."""


def shards_words(standing: Standing) -> str:
    """Name the shards on which a tenant has points, with how many."""
    return ", ".join(f"{key}: {points:,}" for key, points in standing.shards.items())


def standing_words(standing: Standing) -> str:
    """Say on which shards of a collection a tenant is, and what is to be done about it."""
    on, deed = TIERS[standing.tier], DEEDS[standing.deed]
    where = f"{standing.collection}: on {on} shards ({shards_words(standing)})"
    return f"{where}. To do: {deed}." if deed else f"{where}."
