"""Rules on what tenants share, so that nothing keeps them apart but a field or nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.isolation.about import About, Fact, ShownTo, these
from services.isolation.evidence import counted, listed
from services.isolation.models import SAMPLES, CannotTell, Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.severity import Severity
from services.setup.tiers import Standing, Tier, standings
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Owner, OwnerKind, bytes_of, owners_of_collection
from services.tenancy.ownership import ClaimState
from services.usage.readings import CollectionUsage

_BY_EXACT_TEXT = ("keyword", "uuid")
"""The types of index that find a text as a whole, and that can be marked as a tenant's."""

_QDRANT = (Deed(DeedKind.SYSTEM, "qdrant"),)
_REDIS = (Deed(DeedKind.SYSTEM, "redis"),)


def _streams(seen: Seen) -> Iterable[Finding]:
    streams = seen.keys.streams if seen.keys else {}
    for name in sorted(streams, key=bytes_of):
        entries = streams[name]
        if entries:
            yield Finding(
                code="shared.streams",
                subject=name,
                severity=Severity.HIGH,
                what=f"The stream {name} mixes {counted(entries, 'observation')} of all tenants.",
                evidence={"entries": entries},
                deeds=_REDIS,
            )


def _tenant_index(seen: Seen) -> Iterable[Finding]:
    indexes = seen.vectors.tenant_indexes if seen.vectors else {}
    for name in sorted(indexes, key=bytes_of):
        index = indexes[name]
        if index.type not in _BY_EXACT_TEXT:
            kind = "no index" if index.type is None else f"an index of type {index.type}"
            severity, amiss = Severity.MEDIUM, f"has {kind} on tenant_id"
        elif not index.is_tenant:
            severity, amiss = Severity.LOW, "has an index on tenant_id that is not a tenant index"
        else:
            continue
        yield Finding(
            code="shared.tenant-index",
            subject=name,
            severity=severity,
            what=f"The collection {name}, which tenants share, {amiss}.",
            evidence={"index": index.type or "none", "is_tenant": str(index.is_tenant).lower()},
            deeds=_QDRANT,
        )


def _split(seen: Seen) -> list[tuple[CollectionUsage, dict[str, int]]]:
    """Return the collections that are shared by payload, with their points by tenant."""
    every = sorted(seen.snapshot.collections, key=lambda c: bytes_of(c.name))
    return [(c, dict(c.points_by_tenant)) for c in every if c.points_by_tenant is not None]


def _told(seen: Seen, found: list[Finding]) -> list[Finding]:
    """Return what was found; nothing is no answer where a collection could not be split."""
    unsplit = [c for c in seen.snapshot.collections if c.points_by_tenant is None and c.problem]
    if unsplit and not found:
        first = min(unsplit, key=lambda c: bytes_of(c.name))
        raise CannotTell(f"the points of {first.name} could not be told apart: {first.problem}")
    return found


def _points(seen: Seen) -> Iterable[Finding]:
    split = _split(seen)
    rests = [(c, c.amount.count - sum(points.values())) for c, points in split]
    return _told(seen, [_nobodys(c, rest) for c, rest in rests if rest > 0])


def _nobodys(collection: CollectionUsage, rest: int) -> Finding:
    evidence: dict[str, int | str] = {"points": collection.amount.count, "without": rest}
    if collection.problem:
        evidence["note"] = collection.problem
    return Finding(
        code="shared.points",
        subject=collection.name,
        severity=Severity.MEDIUM,
        what=f"The shared collection {collection.name} has {counted(rest, 'point')}, of "
        f"{collection.amount.count:,}, without a tenant_id that names one tenant.",
        evidence=evidence,
        deeds=_QDRANT,
    )


def _strangers(seen: Seen) -> Iterable[Finding]:
    found = []
    for collection, points in _split(seen):
        named = (name for name in points if points[name])
        unknown = [n for n in named if seen.ownership.named(n).state is ClaimState.INFERRED]
        if unknown:
            unknown.sort(key=bytes_of)
            found.append(_unknown(collection, unknown, sum(points[n] for n in unknown)))
    return _told(seen, found)


def _unknown(collection: CollectionUsage, names: list[str], points: int) -> Finding:
    return Finding(
        code="shared.unknown-tenants",
        subject=collection.name,
        severity=Severity.LOW,
        what=f"The shared collection {collection.name} has {counted(points, 'point')} with the ids "
        f"of {counted(len(names), 'tenant')} of whom no node_id was seen.",
        tenants=tuple(TenantKey("tenant", name) for name in names),
        evidence={"points": points, "tenants": len(names), "tenant_ids": tuple(names[:SAMPLES])},
        deeds=tuple(Deed(DeedKind.FIND, name) for name in names[:SAMPLES]),
    )


def _two_shards(seen: Seen) -> Iterable[Finding]:
    cluster = seen.snapshot.vector_cluster
    for collection, _ in _split(seen):
        both = [s for s in standings([collection], cluster) if s.tier is Tier.BOTH]
        if both:
            both.sort(key=lambda each: bytes_of(each.tenant))
            yield _on_both(collection, both)


def _on_both(collection: CollectionUsage, both: list[Standing]) -> Finding:
    twice = sum(sum(each.shards.values()) - each.points for each in both)
    return Finding(
        code="shared.two-shards",
        subject=collection.name,
        severity=Severity.LOW,
        what=f"The shared collection {collection.name} has {counted(twice, 'point')} of "
        f"{counted(len(both), 'tenant')} twice: on a shard of its own and on a shared one.",
        tenants=tuple(TenantKey("tenant", each.tenant) for each in both),
        evidence={
            "tenants": len(both), "points on both": twice,
            "tenant_ids": tuple(each.tenant for each in both[:SAMPLES]),
        },
        deeds=_QDRANT,
    )  # fmt: skip


def _aliases(seen: Seen) -> Iterable[Finding]:
    for collection in sorted(seen.snapshot.collections, key=lambda c: bytes_of(c.name)):
        owners = owners_of_collection(collection.names)
        if owners:
            points = collection.points_by_tenant or {}
            named = (Owner(OwnerKind.TENANT, tenant_id) for tenant_id in sorted(points))
            owners = tuple(dict.fromkeys((*owners, *named)))
        if len(owners) > 1:
            yield _under_names(seen, collection, owners)


def _under_names(seen: Seen, collection: CollectionUsage, owners: Sequence[Owner]) -> Finding:
    tenants = seen.ownership.jointly(owners).tenants
    several = len(tenants) > 1
    named = tuple(name for name in collection.names if owners_of_collection([name]))
    whose = f"{counted(len(tenants), 'tenant')}: {listed(tenants)}"
    if not several:
        whose = f"{counted(len(owners), 'owner')}, all of {tenants[0]}"
    return Finding(
        code="shared.alias",
        subject=collection.name,
        severity=Severity.CRITICAL if several else Severity.LOW,
        what=f"The collection {collection.name} with {counted(collection.amount.count, 'point')} "
        f"is reached by names of {whose}.",
        tenants=tenants,
        kb_ids=tuple(owner.name for owner in owners if owner.kind is OwnerKind.KB),
        evidence={
            "points": these(collection.amount.count),
            "collections": Fact(named[:SAMPLES], About.COLLECTIONS),
        },
        deeds=tuple(Deed(DeedKind.TENANT, str(tenant)) for tenant in tenants[:SAMPLES]),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        code="shared.alias",
        severity=Severity.CRITICAL,
        title="A collection behind names of several tenants",
        why="KATO asks for a collection by the name that it makes of a kb_id, and an alias of that "
        "name leads to whatever stands behind it: these tenants read and write each other's "
        "vectors.",
        remedy="Give each its own collection: copy what can be told apart, delete the alias, and "
        "restart KATO, which makes the collection anew. Until then no purge takes these points.",
        needs=frozenset({Need.VECTORS}),
        find=_aliases,
        shown_to=ShownTo.TENANTS,
    ),
    Rule(
        code="shared.streams",
        severity=Severity.HIGH,
        title="Streams with everyone's observations",
        why="KATO writes what every tenant observes into one stream under one name: whoever reads "
        "it reads all tenants, nothing trims it, and no purge can take out one tenant's part.",
        remedy="Empty the streams: a purge does so when its request says to trim them, for all "
        "tenants at once. They fill again, so limit them with XTRIM at intervals.",
        needs=frozenset({Need.REDIS}),
        find=_streams,
    ),
    Rule(
        code="shared.tenant-index",
        severity=Severity.MEDIUM,
        title="Shared collection without a tenant index",
        why="In a shared collection only the filter on tenant_id keeps tenants apart; without its "
        "index every search and every purge reads the points of all tenants.",
        remedy="Create a payload index on tenant_id of type keyword with is_tenant true (Qdrant "
        "1.11 or later). An index of another type has to be deleted first.",
        needs=frozenset({Need.QDRANT}),
        find=_tenant_index,
    ),
    Rule(
        code="shared.points",
        severity=Severity.MEDIUM,
        title="Shared points that name no tenant",
        why="A point without a tenant_id is in no tenant's figures and in no tenant's purge, and "
        "every search without a filter finds it.",
        remedy="Find out where these points come from, and set their tenant_id or delete them.",
        needs=frozenset({Need.VECTORS}),
        find=_points,
    ),
    Rule(
        code="shared.unknown-tenants",
        severity=Severity.LOW,
        title="Shared points of unknown tenants",
        why="A tenant_id that nobody has seen in use is a tenant that is gone, or an id that was "
        "written wrong, whose points its owner neither finds nor can purge.",
        remedy="Compare the ids with your list of tenants. Set right what was written wrong, and "
        "purge the tenants that are gone.",
        needs=frozenset({Need.VECTORS}),
        find=_strangers,
    ),
    Rule(
        code="shared.two-shards",
        severity=Severity.LOW,
        title="Tenants on a shard of their own and on shared ones",
        why="Promoting a tenant copies its points into its shard and leaves them on the shared "
        "one: Qdrant's own counts have them twice, and what deletes or exports by one shard key "
        "leaves the other's.",
        remedy="Once its own shard is Active, delete its points from the shared shard, by its "
        "tenant_id and by that shard's key. A purge reaches both.",
        needs=frozenset({Need.VECTORS}),
        find=_two_shards,
    ),
)
