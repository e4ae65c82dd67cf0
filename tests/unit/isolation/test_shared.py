"""What tenants share: streams, and collections in which only a payload field keeps them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from services.figures import Amount
from services.isolation.facts import KeyFacts, TenantIndex, VectorFacts
from services.isolation.models import CannotTell, Deed, DeedKind, Finding, Seen
from services.isolation.rules import shared
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from services.usage.readings import CollectionUsage
from tests.unit.isolation.fleets_seen import fleet as seen_fleet

RULES = {rule.code: rule for rule in shared.RULES}


def fleet(keys: KeyFacts | None = None, vectors: VectorFacts | None = None, *nodes: str) -> Seen:
    return replace(seen_fleet(*nodes), keys=keys, vectors=vectors)


def keys_facts(streams: Mapping[str, int]) -> KeyFacts:
    return KeyFacts(streams=streams)


def found(code: str, seen: Seen) -> list[Finding]:
    return list(RULES[code].find(seen))


def one(code: str, seen: Seen) -> Finding:
    (finding,) = found(code, seen)
    assert finding.code == code
    assert RULES[code].severity.at_least(finding.severity)
    return finding


def test_streams_with_everyones_observations() -> None:
    """Each that is not empty, in a stable order; the name after `events:` is not their owner."""
    streams = {"stm:global": 439, "stm:events:tenant_a_user_b_kato": 1, "stm:events:empty": 0}
    one_entry, many = found("shared.streams", fleet(keys_facts(streams)))
    assert (many.subject, many.severity) == ("stm:global", Severity.HIGH)
    assert many.evidence == {"entries": 439}
    assert many.what == "The stream stm:global mixes 439 observations of all tenants."
    assert one_entry.what.endswith("mixes 1 observation of all tenants.")
    assert not one_entry.tenants
    assert not one_entry.kb_ids


def test_no_streams_or_empty_ones() -> None:
    assert not found("shared.streams", fleet(KeyFacts()))
    assert not found("shared.streams", fleet(keys_facts({"stm:global": 0})))


@pytest.mark.parametrize(
    ("index", "severity", "said"),
    [
        (TenantIndex(None), Severity.MEDIUM, "has no index on tenant_id"),
        (TenantIndex("text"), Severity.MEDIUM, "has an index of type text on tenant_id"),
        (TenantIndex("keyword"), Severity.LOW, "that is not a tenant index"),
    ],
)
def test_a_shared_collection_without_a_tenant_index(
    index: TenantIndex, severity: Severity, said: str
) -> None:
    facts = VectorFacts(tenant_indexes={"kato_vectors": index})
    finding = one("shared.tenant-index", fleet(vectors=facts))
    assert (finding.subject, finding.severity) == ("kato_vectors", severity)
    assert said in finding.what
    assert finding.evidence == {"index": index.type or "none", "is_tenant": "false"}
    assert finding.deeds == (Deed(DeedKind.SYSTEM, "qdrant"),)


def test_a_shared_collection_with_a_tenant_index() -> None:
    indexes = {
        "a": TenantIndex("keyword", is_tenant=True),
        "b": TenantIndex("uuid", is_tenant=True),
    }
    assert not found("shared.tenant-index", fleet(vectors=VectorFacts(tenant_indexes=indexes)))
    assert not found("shared.tenant-index", fleet(vectors=VectorFacts()))


def collection(
    points: int,
    by_tenant: Mapping[str, int] | None,
    *,
    name: str = "kato_vectors",
    problem: str = "",
) -> CollectionUsage:
    usage = CollectionUsage(name, Amount(points, 0), "green", points_by_tenant=by_tenant)
    return replace(usage, problem=problem)


def holding(*collections: CollectionUsage) -> Seen:
    seen = seen_fleet("tenant:acme:user:bob")
    return replace(seen, snapshot=replace(seen.snapshot, collections=collections))


def test_points_that_name_no_tenant() -> None:
    several = "several tenants in 2 of its points; counted for nobody"
    seen = holding(collection(66, {"acme": 50, "gone": 10}, problem=several))
    finding = one("shared.points", seen)
    assert (finding.subject, finding.severity) == ("kato_vectors", Severity.MEDIUM)
    assert finding.evidence == {"points": 66, "without": 6, "note": several}
    assert finding.what == (
        "The shared collection kato_vectors has 6 points, of 66, without a tenant_id that names "
        "one tenant."
    )


def test_points_of_unknown_tenants() -> None:
    """acme was seen by a node_id; an id with no points left says nothing."""
    seen = holding(collection(66, {"acme": 50, "gone": 10, "acmé": 6, "empty": 0}))
    finding = one("shared.unknown-tenants", seen)
    assert (finding.subject, finding.severity) == ("kato_vectors", Severity.LOW)
    assert finding.tenants == (TenantKey("tenant", "acmé"), TenantKey("tenant", "gone"))
    assert finding.evidence == {"points": 16, "tenants": 2, "tenant_ids": ("acmé", "gone")}
    assert finding.deeds == (Deed(DeedKind.FIND, "acmé"), Deed(DeedKind.FIND, "gone"))


def test_tenants_on_two_shards() -> None:
    """One that was promoted and not taken off the shared shard; not one that is on one alone."""
    told = collection(66, {"acme": 50, "big": 10, "gone": 6})
    shards = {"default": {"acme": 50, "gone": 6}, "gone": {"gone": 6}, "big": {"big": 10}}
    finding = one("shared.two-shards", holding(replace(told, points_by_shard=shards)))
    assert (finding.subject, finding.severity) == ("kato_vectors", Severity.LOW)
    assert finding.tenants == (TenantKey("tenant", "gone"),)
    assert finding.evidence == {"tenants": 1, "points on both": 6, "tenant_ids": ("gone",)}
    alone = replace(told, points_by_shard={"default": {"acme": 50, "gone": 6}, "big": {"big": 10}})
    assert not found("shared.two-shards", holding(alone, told))


@pytest.mark.parametrize("code", ["shared.points", "shared.unknown-tenants"])
def test_points_that_are_all_of_known_tenants(code: str) -> None:
    """A collection that is not shared says nothing of tenants, and need not."""
    seen = holding(collection(50, {"acme": 50}), collection(9, None, name="vectors_x_kato"))
    assert not found(code, seen)


@pytest.mark.parametrize("code", ["shared.points", "shared.unknown-tenants"])
def test_a_collection_that_could_not_be_split_is_not_in_order(code: str) -> None:
    """But what is known to be amiss elsewhere is still found."""
    unsplit = collection(9, None, problem="it took too long")
    with pytest.raises(CannotTell, match="kato_vectors could not be told apart: it took too long"):
        found(code, holding(unsplit))
    assert found(code, holding(unsplit, collection(9, {"gone": 3}, name="other")))
