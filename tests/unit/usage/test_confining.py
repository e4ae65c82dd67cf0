"""A confined viewer's snapshot: nothing of tenants out of scope, and it still adds up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import EVERYTHING, Role, Sight, TenantPattern, Viewer
from services.browse.holdings import scope_of
from services.errors import Fault, Problem, StoreError, StoreNotConfigured, StoreUnavailable
from services.figures import Amount, Measure, Usage
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.confined import confined
from services.usage.readings import CollectionUsage, KeyGroup, KeyReading, SessionRecord
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures, TenantUsage, Unattributed
from tests.unit.access.scopes_seen import (
    ALONE,
    DASH,
    DOT,
    SHARED_KB,
    Made,
    cases,
    few,
    names_hidden,
    names_told,
    ownership_of,
    snapshot_of,
    viewer,
)
from tests.unit.isolation.fleets_seen import fleet


def seen_by(made: tuple[Made, ...], viewer: Viewer) -> Snapshot:
    ownership = ownership_of(made)
    return confined(snapshot_of(made, ownership), viewer, ownership)


# --- any fleet, any scope ---------------------------------------------------------------------


@few
@given(cases)
def test_nothing_names_a_tenant_out_of_scope(case: tuple[tuple[Made, ...], Viewer]) -> None:
    """No tenant, node_id, kb_id, session or collection of theirs is anywhere in the snapshot."""
    made, somebody = case
    seen = seen_by(made, somebody)
    assert not names_told(seen, names_hidden(made, somebody))
    assert all(somebody.sees(usage.tenant) for usage in seen.tenants)
    assert all(somebody.sees_each(part.claim.tenants) for part in seen.shared)


@few
@given(cases, st.data())
def test_what_others_have_changes_nothing(
    case: tuple[tuple[Made, ...], Viewer], data: st.DataObject
) -> None:
    """However much tenants out of scope store, a confined viewer sees the very same."""
    made, somebody = case
    amounts = st.tuples(st.integers(10, 99), st.integers(0, 5))
    other = tuple(
        each
        if somebody.sees(each.tenant)
        else replace(each, weight=(new := data.draw(amounts))[0], sessions=new[1])
        for each in made
    )
    assert seen_by(made, somebody) == seen_by(other, somebody)


@few
@given(cases)
def test_strangers_can_as_well_not_be_there(case: tuple[tuple[Made, ...], Viewer]) -> None:
    """Without the families of which nobody is in scope, a confined viewer sees the very same."""
    made, somebody = case
    families = {each.nodes[0].partition("qz")[0][-1] for each in made if somebody.sees(each.tenant)}
    near = tuple(each for each in made if each.nodes[0].partition("qz")[0][-1] in families)
    if near:
        assert seen_by(made, somebody) == seen_by(near, somebody)


@few
@given(cases)
def test_a_confined_snapshot_is_conserved(case: tuple[tuple[Made, ...], Viewer]) -> None:
    """Totals are the sums of what is visible, and tenants the sums of their parts."""
    seen = seen_by(*case)
    for measure in Measure:
        figures, visible = seen.stores[measure], [*seen.tenants, *seen.shared]
        assert figures.total is not None
        assert figures.total.count == sum(_count(each.usage, measure) for each in visible)
        assert figures.difference == Amount()
        assert figures.last_good is None
        for usage in seen.tenants:
            assert _count(usage.usage, measure) == sum(
                _count(part.usage, measure) for part in usage.parts
            )
    assert _total(seen, Measure.SESSIONS) == len(seen.sessions or ())
    assert _total(seen, Measure.VECTORS) == sum(c.amount.count for c in seen.collections)


@few
@given(cases)
def test_nothing_that_others_hold_passes_for_a_tenants_alone(
    case: tuple[tuple[Made, ...], Viewer],
) -> None:
    """What may be looked into has no kb_id that a tenant out of scope claims as well."""
    made, somebody = case
    ownership, seen = ownership_of(made), seen_by(*case)
    for usage in seen.tenants:
        names = [*usage.kb_ids, *(each.name for each in scope_of(seen, usage).holdings)]
        for name in names:
            if not name.startswith("tenant:"):
                claim = ownership.kb(name)
                assert somebody.sees_each((*claim.tenants, *claim.others))


@few
@given(cases)
def test_whoever_sees_all_gets_the_very_object(case: tuple[tuple[Made, ...], Viewer]) -> None:
    """Nothing is made anew for them."""
    made, somebody = case
    ownership = ownership_of(made)
    snapshot = snapshot_of(made, ownership)
    everything = replace(somebody, scope=somebody.scope | EVERYTHING)
    assert confined(snapshot, everything, ownership) is snapshot


@few
@given(cases)
def test_a_tenant_alone_in_its_family_loses_nothing(
    case: tuple[tuple[Made, ...], Viewer],
) -> None:
    """What only tenants in scope hold is the same as in the whole snapshot."""
    made, somebody = case
    ownership, seen = ownership_of(made), seen_by(*case)
    whole = snapshot_of(made, ownership)
    for usage in whole.tenants:
        parts = [part for part in usage.parts if part.is_kb]
        claims = [ownership.kb(name) for name in {*usage.shared, *(part.name for part in parts)}]
        holders = [(*claim.tenants, *claim.others) for claim in claims]
        if somebody.sees(usage.tenant) and all(map(somebody.sees_each, holders)):
            assert seen.tenant(usage.tenant) == usage


@given(
    st.frozensets(
        st.builds(
            TenantPattern, st.sampled_from(["tenant", "org", "*"]), st.sampled_from(["a", "b", "*"])
        )
    ),
    st.lists(
        st.builds(TenantKey, st.sampled_from(["tenant", "org"]), st.sampled_from(["a", "b", "*"]))
    ),
)
def test_a_sight_answers_as_its_viewer(
    scope: frozenset[TenantPattern], tenants: list[TenantKey]
) -> None:
    """It is only sooner ready."""
    somebody = Viewer("somebody", Role.SUPPORT, scope)
    sight = Sight(somebody)
    assert sight.sees_each(tenants) == somebody.sees_each(tenants)
    assert [*map(sight.sees, tenants)] == [
        somebody.sees_all or somebody.sees(tenant) for tenant in tenants
    ]


def _count(usage: Usage, measure: Measure) -> int:
    amount = usage.of(measure)
    assert amount is not None
    return amount.count


def _total(seen: Snapshot, measure: Measure) -> int:
    total = seen.stores[measure].total
    assert total is not None
    return total.count


# --- look-alikes ------------------------------------------------------------------------------


def look_alikes(**has: object) -> tuple[Snapshot, Ownership]:
    stored = {SHARED_KB: 5, kb_id_of(ALONE): 2}
    seen = fleet(DASH, DOT, ALONE, patterns=stored, sessions=[DASH, DOT, DOT, ALONE], **has)
    return seen.snapshot, seen.ownership


def test_a_shared_kb_id_takes_scope_over_all_its_claimants() -> None:
    """One of two look-alikes sees its own sessions there, and no pattern; who sees both, all."""
    snapshot, ownership = look_alikes()
    one = confined(snapshot, viewer("tenant/acme-corp"), ownership)
    assert not one.shared
    assert _total(one, Measure.PATTERNS) == 2
    assert _total(one, Measure.SESSIONS) == 2
    both = confined(snapshot, viewer("tenant/acme-corp", "tenant/acme.corp"), ownership)
    assert both.shared == snapshot.shared
    assert both.tenants == snapshot.tenants
    assert _total(both, Measure.PATTERNS) == 7


def test_sessions_on_a_shared_kb_id_are_their_tenants_own() -> None:
    """Their part tells neither the other's node_ids nor rows, and is not the tenant's alone."""
    snapshot, ownership = look_alikes()
    seen = confined(snapshot, viewer("tenant/acme-corp"), ownership)
    (usage,) = seen.tenants
    (part,) = [part for part in usage.parts if part.name == SHARED_KB]
    assert (part.nodes, part.collections, part.rows_by_table) == ((DASH,), (), {})
    assert part.claim.tenants == (usage.tenant,)
    assert not part.claim.others
    assert part.usage.sessions == Amount(1, 9)
    assert part.usage.patterns == Amount(0, 0)
    assert usage.shared == (SHARED_KB,)
    assert usage.kb_ids == (kb_id_of(ALONE),)
    assert [each.owner.name for each in seen.sessions or ()] == [DASH, ALONE]


def test_a_shared_kb_id_without_sessions_is_not_named() -> None:
    """Neither one that a node_id falls on, nor one whose text fits two tenants that were seen."""
    by_text = "tenant_acme_corp_user_zoe_kato"
    seen = fleet(DASH, DOT, ALONE, patterns={SHARED_KB: 5, by_text: 3, kb_id_of(ALONE): 2})
    (usage,) = confined(seen.snapshot, viewer("tenant/acme-corp"), seen.ownership).tenants
    assert usage.shared == ()
    assert [part.name for part in usage.parts] == [kb_id_of(ALONE)]


def test_names_that_read_two_ways_take_scope_over_both() -> None:
    """A node_id that may be another tenant's is nobody's figure for one of the two."""
    node = "tenant:a:user:b:user:c"
    seen = fleet(node, patterns={kb_id_of(node): 5}, sessions=[node])
    one = confined(seen.snapshot, viewer("tenant/a"), seen.ownership)
    assert _total(one, Measure.PATTERNS) == _total(one, Measure.SESSIONS) == 0
    assert not one.tenants[0].parts
    both = confined(seen.snapshot, viewer("tenant/a", "tenant/a:user:b"), seen.ownership)
    assert _total(both, Measure.PATTERNS) == 5


def test_an_older_snapshot_is_judged_by_what_is_known_now_and_was_then() -> None:
    """A claim that named somebody out of scope hides its part, whichever ownership has it."""
    snapshot, ownership = look_alikes()
    alone = Ownership([DASH, ALONE], schemes=NamingSchemes.of())
    for known in (ownership, alone):
        seen = confined(snapshot, viewer("tenant/acme-corp"), known)
        assert not names_told(seen, [DOT, "acme.corp"])
        assert _total(seen, Measure.PATTERNS) == 2


def test_the_fleets_own_facts_are_not_there() -> None:
    """Nobody's data, tables, Redis' facts, last good figures, and what a reason quotes."""
    snapshot, ownership = look_alikes(strays=["stray"])
    told = replace(snapshot, kato_problem=Problem("KATO stores tenant:zed:user:x under y"))
    seen = confined(told, viewer("tenant/acme-corp"), ownership)
    assert seen.unattributed == Unattributed(
        Usage(Amount(0, 0), Amount(0, 0), Amount(0, 0), Amount(0, 0), {}, Amount(0, 0))
    )
    assert (seen.tables, seen.keys) == ((), None)
    assert str(seen.kato_problem) == "KATO's node_ids in memory are not all known"
    assert seen.collected_at == snapshot.collected_at


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (
            StoreUnavailable("qdrant", "reading vectors_zed", "slow").problem,
            "Qdrant did not answer",
        ),
        (StoreNotConfigured("kato", "connecting", "zed").problem, "KATO is not configured"),
        (StoreError("state store", "reading zed", "zed").problem, "state store failed"),
        (Problem(fault=Fault.PENDING), "being read for the first time"),
        (StoreUnavailable("zed", "reading", "slow").problem, "it could not be read"),
        (Problem("redis did not answer"), "it could not be read"),  # words alone say nothing
        (None, "None"),
    ],
)
def test_reasons_keep_our_own_words(reason: Problem | None, kept: str) -> None:
    """Which store and what it did; names and addresses come after that."""
    snapshot, ownership = look_alikes(unread=[Measure.VECTORS])
    vectors = replace(snapshot.stores[Measure.VECTORS], reason=reason)
    told = replace(snapshot, stores={**snapshot.stores, Measure.VECTORS: vectors})
    seen = confined(told, viewer("tenant/acme-corp"), ownership).stores[Measure.VECTORS]
    assert (str(seen.reason), seen.total, seen.state) == (kept, None, vectors.state)


def test_unknown_figures_stay_unknown() -> None:
    """Not read is None for a confined viewer too, and sessions that are not known are no list."""
    missing = [Measure.PATTERNS, Measure.KEYS, Measure.SESSIONS]
    snapshot, ownership = look_alikes(unread=missing)
    seen = confined(snapshot, viewer("tenant/acme-corp"), ownership)
    assert seen.sessions is None
    for measure in missing:
        assert seen.stores[measure].total is None
        assert seen.unattributed.usage.of(measure) is None


def test_a_collection_that_tenants_share_shows_ones_own_points() -> None:
    """Neither its whole, nor how many others have points in it, nor what could not be told."""
    points = {"acme-corp": 4, "acme.corp": 30}
    shared = CollectionUsage(
        "kato_vectors", Amount(40, 400), "green", 8, "Dot", 40, points, "6 are acme.corp's too"
    )
    groups = [KeyGroup(Owner(OwnerKind.TENANT, "acme-corp"), "namespaced", Amount(1, 1))]
    snapshot, ownership = look_alikes(groups=groups)
    (usage, *others) = snapshot.tenants
    guides = [replace(p, collections=("kato_vectors",)) if not p.is_kb else p for p in usage.parts]
    told = replace(
        snapshot, tenants=(replace(usage, parts=tuple(guides)), *others), collections=(shared,)
    )
    (seen,) = confined(told, viewer("tenant/acme-corp"), ownership).collections
    assert (seen.amount, seen.points_by_tenant) == (Amount(4, None), {"acme-corp": 4})
    assert (seen.indexed, seen.problem) == (None, "")
    assert not confined(told, viewer("org/x"), ownership).collections


def test_ten_thousand_tenants_are_confined_at_once() -> None:
    """Within 50 ms of work for a scope of a few; the tightest of three is told."""
    from bench.finding import snapshot_of as bench_snapshot  # which knows an engine's driver
    from bench.readings import fleet as bench_fleet

    made, schemes = bench_fleet(10_000), NamingSchemes.of()
    ownership = Ownership(made.seen, schemes=schemes)
    snapshot = bench_snapshot(made, ownership)
    somebody = viewer(*(str(usage.tenant) for usage in snapshot.tenants[4_000:4_005]))
    seconds = min(_seconds(lambda: confined(snapshot, somebody, ownership)) for _ in range(3))
    assert len(confined(snapshot, somebody, ownership).tenants) == 5
    assert seconds < 0.05


def _seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


# --- nothing is forgotten ---------------------------------------------------------------------

DONE: dict[type, dict[str, str]] = {
    Snapshot: {
        "collected_at": "kept", "stores": "confined", "tenants": "those in scope",
        "shared": "where every claimant is in scope", "unattributed": "zeros",
        "sessions": "of visible owners", "tables": "dropped", "collections": "of visible parts",
        "keys": "dropped", "kato_problem": "our own words",
        "kato_failing_since": "kept", "vector_cluster": "dropped",
    },
    StoreFigures: {
        "measure": "kept", "state": "kept", "total": "sum of what is visible",
        "reason": "our own words", "collected_at": "kept", "precision": "kept", "share": "kept",
        "difference": "zero", "seconds": "kept", "last_good": "dropped", "bytes_note": "kept",
        "failing_since": "kept", "memory_at": "kept",
    },
    TenantUsage: {
        "tenant": "in scope", "claim": "kept", "usage": "sum of the visible parts",
        "parts": "visible, or own sessions", "shared": "visible, or own sessions'",
    },
    KbUsage: {
        "name": "visible, or own sessions'", "is_kb": "kept", "claim": "every claimant in scope",
        "usage": "own sessions where others hold it", "nodes": "own where others hold it",
        "first_write": "dropped where others hold it", "last_write": "as first_write",
        "collections": "as first_write", "rows_by_table": "as first_write",
    },
    Unattributed: {"usage": "zeros", "samples": "dropped"},
    Usage: {
        "patterns": "sum", "keys": "sum", "vectors": "sum", "sessions": "sum",
        "keys_by_kind": "sum", "predictions": "sum",
    },
    CollectionUsage: {
        "name": "of a visible part", "amount": "own points where shared", "status": "kept",
        "size": "kept", "distance": "kept", "indexed": "dropped where shared",
        "points_by_tenant": "tenants in scope", "problem": "dropped where shared",
        "aliases": "named after owners in scope, dropped where shared",
        "points_by_shard": "dropped: keys may name others",
    },
    SessionRecord: dict.fromkeys(
        ["key", "session_id", "owner", "created_at", "last_accessed", "expires_in", "stm_length",
         "bytes", "readable", "problem"], "kept: every claimant of its owner is in scope",
    ),
    KeyReading: dict.fromkeys(
        ["groups", "sessions", "keys_before", "keys_after", "with_ttl", "used_memory",
         "index_members", "stale_members", "unindexed", "samples", "share", "precision",
         "memory_share", "mark", "memory_at", "base"],
        "dropped",
    ),
}  # fmt: skip
"""What is done with each field. A new one has to be confined before it is added here."""


@pytest.mark.parametrize("kind", DONE, ids=lambda kind: kind.__name__)
def test_every_field_is_thought_of(kind: type) -> None:
    """A field that is added to a model fails here until its confinement is decided."""
    assert {each.name for each in fields(kind)} == set(DONE[kind])
