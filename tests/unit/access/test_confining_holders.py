"""Who holds what an action concerns, and who owns what as far as a confined viewer may know."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_origin

import pytest
from hypothesis import given, strategies as st

from services.access.confined_ownership import (
    HELD_WITH_OTHERS,
    NOT_IN_SCOPE,
    confined_ownership,
    visible_nodes,
)
from services.access.holders import holders_of_collection, holders_of_kb, holders_of_node
from services.access.viewer import EVERYTHING, Role, Viewer
from services.browse.access import holders_of_holding
from services.browse.models import Holding, Space
from services.errors import Problem, StoreUnavailable
from services.figures import Measure
from services.isolation.confined import holders_of_finding
from services.isolation.models import Finding
from services.isolation.severity import Severity
from services.jobs.models import JobState, StepState
from services.purge.confined import (
    BLOCKED,
    FAILED,
    UNTOLD,
    confined_job,
    confined_plan,
    holders_of_plan,
    whose_of_plan,
)
from services.purge.job import Job
from services.purge.models import Item, LeftOut, Names, Plan, Request, Surface, Target
from services.purge.receipt import receipt_of
from services.purge.steps import Step, StepName
from services.purge.target import select
from services.sessions.access import (
    NOT_ALONE,
    confined_landing,
    holders_of_landing,
    holders_of_session,
)
from services.sessions.landing import Landing, land
from services.sessions.older import Older
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Owner, OwnerKind, text_of
from services.tenancy.ownership import ClaimState
from services.usage.readings import SessionRecord
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
from tests.unit.isolation.fleets_seen import NOW, fleet

ZED = "tenant:zed:user:x"
TWO_WAYS = "tenant:a:user:b:user:c"
DASHED, DOTTED = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme.corp")
ZEDS = TenantKey("tenant", "zed")
OWNERSHIP = fleet(DASH, DOT, ALONE, ZED, TWO_WAYS).ownership


# --- holders ----------------------------------------------------------------------------------


def test_whoever_holds_a_kb_id() -> None:
    """All of its claimants, also those whom its text may mean."""
    assert holders_of_kb(SHARED_KB, OWNERSHIP) == (DASHED, DOTTED)
    assert holders_of_kb(kb_id_of(ALONE), OWNERSHIP) == (DASHED,)
    assert set(holders_of_kb(kb_id_of(TWO_WAYS), OWNERSHIP)) == {
        TenantKey("tenant", "a"), TenantKey("tenant", "a:user:b")
    }  # fmt: skip


def test_a_node_id_concerns_whoever_holds_its_memory() -> None:
    """The text names one tenant, the memory behind it is two tenants'."""
    assert holders_of_node(DOT, OWNERSHIP) == (DOTTED, DASHED)
    assert holders_of_node("tenant:acme/corp:user:bob", OWNERSHIP) == (
        TenantKey("tenant", "acme/corp"), DASHED, DOTTED
    )  # fmt: skip


def test_a_sessions_record_is_its_tenants_own() -> None:
    """Whatever its kb_id; one whose node_id reads two ways is both's, an unreadable nobody's."""

    def record(owner: Owner) -> SessionRecord:
        return SessionRecord("kato:session:1", "1", owner)

    assert holders_of_session(record(Owner(OwnerKind.NODE, DASH)), OWNERSHIP) == (DASHED,)
    assert len(holders_of_session(record(Owner(OwnerKind.NODE, TWO_WAYS)), OWNERSHIP)) == 2
    assert holders_of_session(record(Owner(OwnerKind.TENANT, "zed")), OWNERSHIP) == (ZEDS,)
    assert holders_of_session(record(Owner(OwnerKind.NONE, "")), OWNERSHIP) == ()


def test_whoever_holds_a_collection_or_its_points() -> None:
    """Of a collection that tenants share nobody is the holder, and of its points one is."""
    shared = frozenset({"kato_vectors", "kato_tenant_all"})
    assert holders_of_collection(f"vectors_{SHARED_KB}", OWNERSHIP) == (DASHED, DOTTED)
    assert holders_of_collection("kato_tenant_zed", OWNERSHIP) == (ZEDS,)
    assert holders_of_collection("kato_tenant_all", OWNERSHIP, shared=shared) == ()
    points = holders_of_collection("kato_vectors", OWNERSHIP, shared=shared, tenant_id="zed")
    assert points == (ZEDS,)
    assert holders_of_collection("anything", OWNERSHIP, tenant_id="zed") == ()


def test_whoever_holds_what_is_looked_into() -> None:
    """A holding of an org is not the guide's data of the tenant with the same id."""
    org = TenantKey("org", "zed")
    label = Holding("tenant:zed", Owner(OwnerKind.TENANT, "zed"))
    assert holders_of_holding(org, label, OWNERSHIP) == (org, ZEDS)
    spaces = (Space(f"vectors_{SHARED_KB}"), Space("kato_vectors", "zed"))
    both = Holding(SHARED_KB, Owner(OwnerKind.KB, SHARED_KB), spaces)
    assert holders_of_holding(DASHED, both, OWNERSHIP) == (DASHED, DOTTED, ZEDS)


@few
@given(st.text(), st.binary())
def test_any_name_has_an_answer(text: str, raw: bytes) -> None:
    """Whatever is in it; and nobody's is only for those who see all."""
    for name in (text, text_of(raw)):
        answers = [
            holders_of_kb(name, OWNERSHIP),
            holders_of_node(name, OWNERSHIP),
            holders_of_collection(name, OWNERSHIP),
            holders_of_landing(land(name, OWNERSHIP)),
        ]
        assert all(isinstance(each, tuple) for each in answers)


def test_a_finding_of_the_fleet_is_nobodys() -> None:
    found = Finding("layout.mixed", "x", Severity.LOW, "x", kb_ids=(SHARED_KB,))
    assert holders_of_finding(found, OWNERSHIP) == ()
    named = replace(found, tenants=(DASHED,))
    assert holders_of_finding(named, OWNERSHIP) == (DASHED, DOTTED)


# --- purges -----------------------------------------------------------------------------------


def plan_of(target: Target, *, trim: bool = False, included: frozenset[str] = frozenset()) -> Plan:
    seen = fleet(DASH, DOT, ALONE, ZED, patterns={SHARED_KB: 1, kb_id_of(ALONE): 1})
    request = Request(target, included=included, trim_streams=trim)
    names = Names({part: {Measure.PATTERNS: 1} for part in seen.snapshot.kb_ids})
    chosen = select(request, names, seen.ownership)
    return Plan(
        request, chosen.surface, (), chosen.left_out, (), (), {}, (), NOW, "digest"
    )  # fmt: skip


def test_a_plan_concerns_whose_data_it_takes() -> None:
    """What it leaves out stays, and is not told to who does not see its holders."""
    assert holders_of_plan(plan_of(Target(DASHED)), OWNERSHIP) == (DASHED,)
    assert holders_of_plan(plan_of(Target(ZEDS)), OWNERSHIP) == (ZEDS,)
    node = plan_of(Target(DASHED, node_id=ALONE))
    assert holders_of_plan(node, OWNERSHIP) == (DASHED,)
    both = plan_of(Target(DASHED), included=frozenset({SHARED_KB}))
    assert set(holders_of_plan(both, OWNERSHIP)) == {DASHED, DOTTED}
    more = replace(node, surface=Surface(nodes=frozenset({ZED}), tenant_ids=frozenset({"a"})))
    assert {ZEDS, TenantKey("tenant", "a")} < set(holders_of_plan(more, OWNERSHIP))


def test_a_plan_for_everyone_is_for_those_who_see_all() -> None:
    """A user of all tenants, and KATO's streams, are nobody's alone."""
    everywhere = plan_of(Target(user="bob"))
    assert holders_of_plan(everywhere, OWNERSHIP) == ()
    told = replace(
        everywhere, left_out=(LeftOut("other", "shared"),),
        whose={"kb": "tenant/a", "node": "org/b", "other": "tenant/c"},
    )  # fmt: skip
    assert set(map(str, whose_of_plan(told))) == {"tenant/a", "org/b"}  # for the log, by name
    assert holders_of_plan(plan_of(Target(ZEDS), trim=True), OWNERSHIP) == ()


def test_a_confined_plan_tells_nothing_of_the_whole_stores() -> None:
    """With the same digest, and an obstacle wherever there was one."""
    item = Item(Measure.PATTERNS, kb_id_of(ALONE), "t", 3, how="rewrites all 99 parts")
    plan = replace(
        plan_of(Target(DASHED)),
        items=(item, replace(item, how="UNLINK", plain=True)),
        disclosed=("the stream stm:global holds 439 observations of every tenant",),
        blockers=("a session record that cannot be read: kato:session:zed",),
        problems={Measure.KEYS: StoreUnavailable("redis", "reading zed", "zed").problem},
    )
    seen = confined_plan(plan, viewer("tenant/acme-corp"), OWNERSHIP)
    assert not names_told(seen, ["zed", "439", "99", "acme.corp"])
    assert (seen.disclosed, seen.blockers, seen.digest) == ((UNTOLD,), (BLOCKED,), "digest")
    plain = confined_plan(plan_of(Target(DASHED)), viewer("tenant/acme-corp"), OWNERSHIP)
    assert (plain.disclosed, plain.blockers) == ((), ())
    assert {s: str(why) for s, why in seen.problems.items()} == {
        Measure.KEYS: "Redis did not answer"
    }
    assert [each.how for each in seen.items] == ["", "UNLINK"]
    assert (plan.left_out[0].kb_id, seen.left_out) == (SHARED_KB, ())
    assert confined_plan(plan, viewer("*"), OWNERSHIP) is plan
    assert confined_plan(plan, viewer("tenant/*"), OWNERSHIP).left_out == plan.left_out


def test_a_confined_job_makes_a_receipt_of_its_own() -> None:
    """Its steps tell what was found and erased of the target, and what failed in our own words."""
    items = [["patterns", kb_id_of(ALONE), "t", 3]]
    found = {"items": items, "problems": {"keys": "zed"}, "blockers": ["zed"], "trimmed": 439}
    steps = (
        Step(StepName.CHECK, StepState.DONE, NOW, NOW, {"items": items, "sessions": {"1": DASH}}),
        Step(StepName.VERIFY, StepState.FAILED, NOW, NOW, found, Problem("zed did it")),
        Step(StepName.SETTLE, StepState.DONE, NOW, NOW, found),
    )
    problem = f"{SHARED_KB} is no longer surely the target's: zed"
    job = Job(
        "1", plan_of(Target(DASHED)), "admin", "ticket", NOW, JobState.FAILED, problem=problem,
        steps=steps,
    )  # fmt: skip
    seen = confined_job(job, viewer("tenant/acme-corp"), OWNERSHIP)
    receipt = receipt_of(seen, at=NOW, versions={})
    assert not names_told(seen, ["zed", "439"])
    assert not names_told(receipt, ["zed", "439"])
    assert (seen.problem, seen.steps[1].error) == (FAILED, Problem(FAILED))
    down = StoreUnavailable("redis", "erasing zed", "zed").problem
    one = replace(job, steps=(Step(StepName.KEYS, StepState.FAILED, NOW, NOW, {}, down),))
    (step,) = confined_job(one, viewer("tenant/acme-corp"), OWNERSHIP).steps
    assert str(step.error) == "Redis did not answer"
    assert [line.owner for line in receipt.lines] == [kb_id_of(ALONE)]
    assert confined_job(job, viewer("*"), OWNERSHIP) is job


# --- ownership --------------------------------------------------------------------------------


def test_a_shared_kb_id_is_never_known_for_one_who_sees_half_of_it() -> None:
    """It is shared, with nobody named; others' names are answered as ones that are not there."""
    seen = confined_ownership(OWNERSHIP, viewer("tenant/acme-corp"))
    assert seen.kb(SHARED_KB) == HELD_WITH_OTHERS
    assert seen.kb(SHARED_KB).tenant is None
    assert seen.kb(kb_id_of(ALONE)).tenant == DASHED
    assert seen.node(DASH).tenant == DASHED
    assert seen.kb(kb_id_of(ZED)) == seen.kb(kb_id_of("tenant:yak:user:x")) == NOT_IN_SCOPE
    assert seen.named("zed") == seen.named("yak") == NOT_IN_SCOPE
    assert seen.named("acme-corp").state is ClaimState.KNOWN
    assert seen.owner(Owner(OwnerKind.KB, SHARED_KB)) == HELD_WITH_OTHERS
    assert seen.nodes == visible_nodes(OWNERSHIP, viewer("tenant/acme-corp")) == {ALONE}
    assert (seen.tenants, [*seen.nodes_by_kb]) == ({DASHED}, [kb_id_of(ALONE)])


def test_whoever_sees_all_asks_the_very_ownership() -> None:
    assert confined_ownership(OWNERSHIP, viewer("*")) is OWNERSHIP
    assert visible_nodes(OWNERSHIP, viewer("*")) is OWNERSHIP.nodes


@few
@given(cases)
def test_no_claim_names_a_tenant_out_of_scope(case: tuple[tuple[Made, ...], Viewer]) -> None:
    """And none that is known or inferred is wrong: the whole ownership says the same."""
    made, somebody = case
    whole = ownership_of(made)
    seen, hidden = confined_ownership(whole, somebody), names_hidden(made, somebody)
    assert not names_told((seen.nodes, seen.nodes_by_kb, seen.tenants), hidden)
    for node in whole.nodes:
        claims = seen.kb(kb_id_of(node)), seen.node(node), seen.named(node)
        assert not names_told(claims, hidden)
        if claims[0].tenants:
            assert claims[0] == whole.kb(kb_id_of(node))


@few
@given(cases)
def test_sessions_shown_are_owned_by_whom_they_are_shown_for(
    case: tuple[tuple[Made, ...], Viewer],
) -> None:
    """A page that groups a confined snapshot's sessions by a confined ownership loses none."""
    made, somebody = case
    whole = ownership_of(made)
    seen = confined_ownership(whole, somebody)
    for record in snapshot_of(made, whole).sessions or ():
        if somebody.sees_each(holders_of_session(record, whole)):
            assert seen.owner(record.owner) == whole.owner(record.owner)


@pytest.mark.parametrize("node", [DASH, TWO_WAYS])
def test_a_landing_is_the_same_whether_others_are_there(node: str) -> None:
    """Nobody is named, whatever it is refused for."""
    without = fleet(ALONE).ownership
    taken, free = (
        confined_landing(land(node, whole), viewer(str(OWNERSHIP.tenant_of(node))))
        for whole in (OWNERSHIP, without)
    )
    assert taken == free
    assert (taken.others, taken.refusal, taken.claim) == ((), NOT_ALONE, HELD_WITH_OTHERS)
    assert not names_told(taken, ["acme.corp"])


def test_whoever_could_have_written_what_lies_there_is_not_named() -> None:
    """Its text fits a tenant in scope in another way, and a known one that KATO writes the same."""
    whole = fleet("tenant:acme:user:ann", "tenant:acme-user-bob:user:zoe").ownership
    older = Older({Measure.PATTERNS: 1}, ())
    landing = land("tenant:acme:user:bob_user_x", whole, lambda _: older)
    hidden = "tenant/acme-user-bob"
    assert hidden in landing.refusal
    told = confined_landing(landing, viewer("tenant/acme", "tenant/acme_user_bob"))
    assert not names_told(told, [hidden])
    assert told.refusal == NOT_ALONE


# --- nothing is forgotten ---------------------------------------------------------------------

DONE: dict[type, dict[str, str]] = {
    Plan: {
        "request": "kept: the target is in scope", "surface": "as request",
        "items": "without costs", "left_out": "where every loser is in scope",
        "disclosed": "a constant", "blockers": "a constant", "problems": "which store did what",
        "absent": "kept", "created_at": "kept", "digest": "kept",
        "taken": "where every loser is in scope", "whose": "its owners and tenants are in scope",
        "streams": "dropped: a constant says that there are some",
        "held": "the target's, without who set it",
    },
    Item: {
        "store": "kept", "owner": "the target's", "kind": "kept", "count": "the target's",
        "bytes": "the target's", "samples": "the target's", "how": "where it is plain",
        "plain": "kept",
    },
    LeftOut: dict.fromkeys(
        ["kb_id", "why", "losers", "kind", "alone", "place", "counts"],
        "where every loser is in scope",
    ),
    Surface: dict.fromkeys(
        ["kb_ids", "tenant_ids", "nodes", "collections", "shared_collections", "sessions",
         "passed_over"],
        "kept: in scope by holders_of_plan",
    ),
    Job: {
        **dict.fromkeys(
            ["id", "asked_by", "reason", "created_at", "state", "outcome", "ended_at",
             "stop_asked", "owner", "leased_until"], "kept",
        ),
        "plan": "confined", "problem": "a constant", "progress": "dropped",
        "steps": "confined",
    },
    get_origin(Step): {
        "name": "kept", "state": "kept", "started_at": "kept", "ended_at": "kept",
        "result": "the target's", "error": "which store did what",
    },
    Landing: {
        "node_id": "what the viewer typed", "kb_id": "made of it", "tenant": "named by it",
        "claim": "a constant", "others": "dropped", "refusal": "a constant", "warning": "kept",
        "alike": "in scope", "older": "dropped",
        "erased": "its time, where every holder is in scope",
        "exceeded": "without how much is used, where every holder is in scope",
        "parked": "where every holder is in scope",
        "moved": "where every holder is in scope",
        "served": "of the tenant that was asked for",
    },
}  # fmt: skip
"""What is done with each field. A new one has to be confined before it is added here."""


@pytest.mark.parametrize("kind", DONE, ids=lambda kind: kind.__name__)
def test_every_field_is_thought_of(kind: type) -> None:
    """A field that is added to a model fails here until its confinement is decided."""
    assert {each.name for each in fields(kind)} == set(DONE[kind])


def test_everything_is_for_those_who_see_all() -> None:
    """Nobody's data is in no other scope, however wide."""
    assert Viewer("admin", Role.ADMIN, EVERYTHING).sees_each(())
    assert not viewer("tenant/*", "org/*", "kb/*").sees_each(())
