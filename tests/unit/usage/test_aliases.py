"""A collection that is reached by other names than its own: whose it is, counted once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from services.access.holders import holders_of_collection
from services.access.viewer import Role, TenantPattern, Viewer
from services.browse.access import holders_of_holding
from services.browse.holdings import scope_of
from services.browse.models import Space
from services.figures import Amount, Measure, Usage
from services.find.index import FleetIndex
from services.find.match import matches_of
from services.find.models import COLLECTION, Match, question_of
from services.isolation.about import plain
from services.isolation.facts import PatternFacts
from services.isolation.models import Finding, Rule, Seen
from services.isolation.rules import hostile, orphan_kbs, shared, unowned
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import NOBODY, Owner, OwnerKind, owners_of_collection
from services.tenancy.ownership import ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.confined import confined
from services.usage.readings import CollectionUsage, VectorReading
from services.usage.rollup import Readings, roll_up
from services.usage.snapshot import Snapshot
from tests.unit.isolation.fleets_seen import fleet as seen_fleet, pattern_reading

BOB, ANN, ZED = "tenant:acme:user:bob", "tenant:acme:user:ann", "tenant:zed:user:bob"
BOBS, ANNS, ZEDS = (f"vectors_{kb_id_of(node)}" for node in (BOB, ANN, ZED))
ACME, OTHER = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")
SHARED = frozenset({"kato_vectors"})
NAMES = (BOBS, ANNS, ZEDS, "kato_tenant_acme", "kato_tenant_b", "plain", "latest", "kato_vectors")


def standing(name: str, *aliases: str, points: int = 5) -> CollectionUsage:
    return CollectionUsage(name, Amount(points, points * 10), "green", aliases=aliases)


def seen_with(*collections: CollectionUsage, nodes: tuple[str, ...] = (BOB, ANN, ZED)) -> Seen:
    """What the rules see of a fleet with these collections."""
    patterns = {kb_id_of(node): 3 for node in nodes}
    seen = seen_fleet(*nodes, patterns=patterns)
    total = sum((each.amount for each in collections), start=Amount(0, 0))
    rolled = roll_up(
        Readings(pattern_reading(patterns, ()), vectors=VectorReading(collections, total)),
        seen.ownership,
        shared_collections=SHARED,
    )
    snapshot = replace(
        seen.snapshot,
        tenants=rolled.tenants,
        shared=rolled.shared,
        unattributed=rolled.unattributed,
        collections=collections,
    )
    return replace(seen, snapshot=snapshot)


def usages(snapshot: Snapshot) -> list[Usage]:
    return [
        *(tenant.usage for tenant in snapshot.tenants),
        *(part.usage for part in snapshot.shared),
        snapshot.unattributed.usage,
    ]


def points_of(snapshot: Snapshot, tenant: TenantKey) -> int:
    usage = snapshot.tenant(tenant)
    return usage.usage.vectors.count if usage and usage.usage.vectors else 0


# --- whose ------------------------------------------------------------------------------------


def test_the_owners_of_a_collection_are_those_of_all_its_names() -> None:
    bob = Owner(OwnerKind.KB, kb_id_of(BOB))
    assert owners_of_collection(("plain",)) == ()
    assert owners_of_collection(("plain", "latest", BOBS)) == (bob,)
    assert owners_of_collection((BOBS, "kato_tenant_b")) == (bob, Owner(OwnerKind.TENANT, "b"))
    assert owners_of_collection(("v2", "kato_vectors", BOBS), SHARED) == ()


@pytest.mark.parametrize("names", [(BOBS, "latest"), ("v2", BOBS), ("v2", "latest", BOBS)])
def test_one_owner_among_the_names_has_it(names: tuple[str, ...]) -> None:
    snapshot = seen_with(standing(*names)).snapshot
    assert points_of(snapshot, ACME) == 5
    assert snapshot.shared == ()
    (part,) = (p for t in snapshot.tenants for p in t.parts if p.collections)
    assert (part.name, part.collections) == (kb_id_of(BOB), (names[0],))


def test_several_owners_of_one_tenant_count_it_once_and_all_reach_it() -> None:
    snapshot = seen_with(standing("v2", ANNS, BOBS)).snapshot
    assert points_of(snapshot, ACME) == 5
    assert snapshot.shared == ()
    (usage,) = (each for each in snapshot.tenants if each.tenant == ACME)
    assert {part.name for part in usage.parts if part.collections == ("v2",)} == {
        kb_id_of(ANN), kb_id_of(BOB)
    }  # fmt: skip


def test_several_tenants_share_it_and_it_is_in_no_ones_figures() -> None:
    snapshot = seen_with(standing("v2", BOBS, ZEDS)).snapshot
    assert points_of(snapshot, ACME) == points_of(snapshot, OTHER) == 0
    (part,) = snapshot.shared
    assert (part.name, part.is_kb, part.collections) == ("collection:v2", False, ("v2",))
    assert part.claim.state is ClaimState.SHARED
    assert part.claim.tenants == (ACME, OTHER)
    assert part.usage.vectors == Amount(5, 50)
    for tenant in (ACME, OTHER):
        usage = snapshot.tenant(tenant)
        assert usage is not None
        assert usage.shared == ()


@st.composite
def fleets(draw: st.DrawFn) -> tuple[CollectionUsage, ...]:
    """Collections whose names and aliases are in nobody's twice."""
    names = draw(st.permutations(NAMES))
    cuts = sorted(draw(st.lists(st.integers(0, len(names)), max_size=5)))
    groups = [names[a:b] for a, b in zip([0, *cuts], [*cuts, len(names)], strict=True)]
    return tuple(
        standing(group[0], *group[1:], points=draw(st.integers(0, 9))) for group in groups if group
    )


@given(fleets(), st.lists(st.sampled_from([BOB, ANN, ZED]), unique=True))
def test_the_points_are_conserved_however_the_aliases_lie(
    collections: tuple[CollectionUsage, ...], nodes: list[str]
) -> None:
    """Each point is somewhere, and nowhere twice, bytes too."""
    total = sum((each.amount for each in collections), start=Amount(0, 0))
    rolled = roll_up(
        Readings(vectors=VectorReading(collections, total)),
        Ownership(nodes, schemes=NamingSchemes.of()),
        shared_collections=SHARED,
    )
    found = [
        *(tenant.usage for tenant in rolled.tenants),
        *(part.usage for part in rolled.shared),
        rolled.unattributed.usage,
    ]
    assert sum(usage.vectors.count for usage in found if usage.vectors) == total.count
    assert sum(usage.vectors.bytes or 0 for usage in found if usage.vectors) == total.bytes
    assert rolled.sums[Measure.VECTORS] == total


# --- looking into, finding --------------------------------------------------------------------


def test_a_tenants_page_looks_behind_its_alias() -> None:
    snapshot = seen_with(standing("v2", BOBS)).snapshot
    (usage,) = (each for each in snapshot.tenants if each.tenant == ACME)
    spaces = {holding.name: holding.spaces for holding in scope_of(snapshot, usage).holdings}
    assert spaces[kb_id_of(BOB)] == (Space("v2", None, (BOBS,)),)


def test_what_several_tenants_reach_is_shown_as_shared_with_each() -> None:
    seen = seen_with(standing("v2", BOBS, ZEDS))
    (usage,) = (each for each in seen.snapshot.tenants if each.tenant == ACME)
    (holding,) = (h for h in scope_of(seen.snapshot, usage).holdings if h.spaces)
    assert (holding.owner, holding.shared_with) == (NOBODY, (OTHER,))
    assert holders_of_holding(ACME, holding, seen.ownership) == (ACME, OTHER)


def test_whoever_is_reached_by_an_alias_holds_the_collection() -> None:
    """A viewer of one of them alone is not let in."""
    owned = Ownership([BOB, ZED], schemes=NamingSchemes.of())
    assert holders_of_collection("v2", owned, aliases=(BOBS, ZEDS)) == (ACME, OTHER)
    assert holders_of_collection(BOBS, owned, aliases=(ZEDS,)) == (ACME, OTHER)
    assert holders_of_collection("v2", owned, aliases=("latest",)) == ()


@pytest.mark.parametrize(
    ("collection", "seen_as"),
    [
        (standing("v2", "corp_backup", BOBS), standing("v2", BOBS)),
        (standing("v2", BOBS, ZEDS), None),
        (standing(BOBS, ZEDS), None),
    ],
)
def test_a_confined_viewer_sees_what_is_in_scope_by_every_name(
    collection: CollectionUsage, seen_as: CollectionUsage | None
) -> None:
    """An alias that names nobody may tell of others."""
    seen = seen_with(collection)
    viewer = Viewer("support@acme.test", Role.SUPPORT, frozenset({TenantPattern("tenant", "acme")}))
    snapshot = confined(seen.snapshot, viewer, seen.ownership)
    assert snapshot.collections == (() if seen_as is None else (seen_as,))
    assert sum(u.vectors.count for u in usages(snapshot) if u.vectors) == (5 if seen_as else 0)


def test_a_confined_viewer_sees_no_collection_that_one_of_its_names_may_make_anothers() -> None:
    """One kb_id is surely in scope, and the other can be read as another tenant's too."""
    two_ways = "tenant:acme:user:x:user:y"
    collection = standing("v2", BOBS, f"vectors_{kb_id_of(two_ways)}")
    seen = seen_with(collection, nodes=(BOB, two_ways))
    assert seen.ownership.node(two_ways).tenants == (ACME,)
    viewer = Viewer("support@acme.test", Role.SUPPORT, frozenset({TenantPattern("tenant", "acme")}))
    assert confined(seen.snapshot, viewer, seen.ownership).collections == ()


def found(typed: str, *collections: CollectionUsage, contains: bool = False) -> tuple[Match, ...]:
    seen = seen_with(*collections)
    index = FleetIndex(seen.snapshot, seen.ownership, shared=SHARED)
    every = matches_of(index, question_of(typed, contains=contains))
    return tuple(match for match in every if match.what == COLLECTION)


def test_an_alias_is_found_and_says_where_it_leads() -> None:
    (match,) = found(BOBS, standing("v2", BOBS))
    assert (match.found, match.tenant, match.state) == (BOBS, ACME, ClaimState.KNOWN)
    assert match.how.startswith("an alias of the collection v2; ")


def test_a_collection_is_found_by_its_own_name_though_only_an_alias_says_whose_it_is() -> None:
    (match,) = found("v2", standing("v2", BOBS))
    assert (match.tenant, match.how.startswith("its node_id was seen")) == (ACME, True)
    assert {m.found for m in found("v", standing("v2", BOBS), contains=True)} == {"v2", BOBS}


def test_what_several_reach_is_found_with_each_and_names_the_others() -> None:
    one, two = found(ZEDS, standing("v2", BOBS, ZEDS))
    assert {one.tenant, two.tenant} == {ACME, OTHER}
    assert {one.state, two.state} == {ClaimState.SHARED}
    assert {*one.others, *two.others} == {ACME, OTHER}


# --- the audit --------------------------------------------------------------------------------


def rule(code: str) -> Rule:
    every = (*shared.RULES, *unowned.RULES, *orphan_kbs.RULES, *hostile.RULES)
    return next(each for each in every if each.code == code)


def findings(code: str, *collections: CollectionUsage, tokens: int = 0) -> list[Finding]:
    facts = PatternFacts(vector_tokens={kb_id_of(BOB): tokens})
    return list(rule(code).find(replace(seen_with(*collections), patterns=facts)))


def test_a_collection_behind_names_of_several_tenants() -> None:
    (finding,) = findings("shared.alias", standing("v2", BOBS, ZEDS, "latest"))
    assert (finding.subject, finding.severity) == ("v2", Severity.CRITICAL)
    assert finding.tenants == (ACME, OTHER)
    assert finding.kb_ids == (kb_id_of(BOB), kb_id_of(ZED))
    assert plain(finding.evidence) == {"points": 5, "collections": (BOBS, ZEDS)}
    assert finding.what == (
        "The collection v2 with 5 points is reached by names of 2 tenants: "
        "tenant/acme and tenant/zed."
    )


def test_a_collection_behind_names_of_one_tenant_is_a_small_thing() -> None:
    (finding,) = findings("shared.alias", standing(BOBS, ANNS))
    assert finding.severity is Severity.LOW
    assert finding.what.endswith("is reached by names of 2 owners, all of tenant/acme.")


def test_a_collection_that_tenants_share_by_payload_behind_the_name_of_one() -> None:
    """KATO does not filter by payload: that one reads everyone's."""
    by_payload = replace(standing("kato_vectors", BOBS), points_by_tenant={"zed": 5})
    (finding,) = findings("shared.alias", by_payload)
    assert (finding.severity, finding.tenants) == (Severity.CRITICAL, (ACME, OTHER))


def test_an_alias_that_leads_to_ones_own_is_in_order() -> None:
    own = replace(standing("kato_vectors"), points_by_tenant={"acme": 1, "zed": 4})
    assert not findings("shared.alias", standing("v2", BOBS), standing(ZEDS, "latest"), own)


def test_rules_that_ask_whose_a_collection_is_look_at_its_aliases() -> None:
    assert not findings("unowned.collections", standing("v2", BOBS))
    assert findings("unowned.collections", standing("v2", "latest"))
    assert not findings("orphan.vectors", standing("v2", BOBS), tokens=5)
    assert findings("orphan.vectors", standing("v2", ZEDS), tokens=5)
    (finding,) = findings("hostile.glob", standing("plain", "vectors_a*_kato"))
    assert plain(finding.evidence)["collections"] == ("vectors_a*_kato",)
