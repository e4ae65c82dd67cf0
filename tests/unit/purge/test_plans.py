"""What looks come to as a plan, whether it still holds, and what the journal keeps of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from services.errors import Fault, Problem
from services.figures import Measure
from services.jobs.models import JobState, StepState
from services.purge.job import Job
from services.purge.journal import (
    counts,
    counts_rows,
    found_of,
    last_look,
    problems_of,
    result_of,
    sessions_of,
)
from services.purge.models import (
    Item,
    LeftKind,
    LeftOut,
    Look,
    Plan,
    Reckoning,
    Request,
    Surface,
    Target,
)
from services.purge.plan import Looks, merged, moved_on, no_longer, plan_of_looks
from services.purge.steps import Step, StepName
from services.purge.target import Selection
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACME, GLOBEX = TenantKey("tenant", "acme"), TenantKey("tenant", "globex")
KB, NODE = "tenant_acme_user_bob_kato", "tenant:acme:user:bob"
KEYS = Item(Measure.KEYS, KB, "frequency", 3)
ROWS = Item(Measure.PATTERNS, KB, "patterns_data", 2)
ENDS = Item(Measure.SESSIONS, NODE, "session", 1)
LEFT = LeftOut("shared_kato", "shared", (GLOBEX,))
DOWN = Problem("no route", "redis", Fault.UNAVAILABLE, "scan")
REQUEST = Request(Target(ACME))
SURFACE = Surface(
    frozenset({KB}), frozenset({"acme"}), frozenset({NODE}), frozenset({f"vectors_{KB}"})
)
SELECTION = Selection(SURFACE, (LEFT,), (), {KB: "tenant/acme"})
LOOKS = Looks((ROWS, KEYS, ENDS), disclosed=("a stream",), streams=("stm:global",))


def plan(
    request: Request = REQUEST, selection: Selection = SELECTION, looks: Looks = LOOKS
) -> Plan:
    return plan_of_looks(request, selection, looks, NOW)


def test_looks_at_single_stores_come_together_in_one_order() -> None:
    """Of the chosen stores only; what two of them say is said once."""
    looks = {
        "keys": Look((ENDS, replace(KEYS, kind="symbols"), KEYS), ("b",), ("d",),
                     (LEFT,), Reckoning(9, 9), ("stm:a",)),
        "patterns": Look((ROWS,), ("b", "c"), ("d", "e"), streams=("stm:b",)),
    }  # fmt: skip
    stores = frozenset({Measure.PATTERNS, Measure.KEYS})
    found = merged(looks, {Measure.VECTORS: DOWN}, [Measure.SESSIONS], stores)
    assert found == Looks(
        (ROWS, KEYS, replace(KEYS, kind="symbols")), ("b", "c"), ("d", "e"),
        {Measure.VECTORS: DOWN}, (Measure.SESSIONS,), (LEFT,), {"keys": Reckoning(9, 9)},
        ("stm:a", "stm:b"),
    )  # fmt: skip
    assert found.found == 8


def test_a_plan_is_what_the_looks_found() -> None:
    """With what the selection leaves out, and what a look does."""
    stays = LeftOut(KB, "a view", kind=LeftKind.NOT_ERASABLE, place="deeds")
    taken = replace(LEFT, kb_id="taken_kato")
    looks = replace(
        LOOKS, left=(stays,), blockers=("b",), problems={Measure.KEYS: DOWN},
        absent=(Measure.VECTORS,),
    )  # fmt: skip
    found = plan(selection=replace(SELECTION, taken=(taken,)), looks=looks)
    assert found == Plan(
        REQUEST, SURFACE, LOOKS.items, (LEFT, stays), ("a stream",), ("b",),
        {Measure.KEYS: DOWN}, (Measure.VECTORS,), NOW, found.digest, (taken,),
        {KB: "tenant/acme"}, ("stm:global",),
    )  # fmt: skip


def digest(**changes: object) -> str:
    """The digest of the plan in which this is otherwise, by the field's name."""
    parts = []
    for part in (REQUEST, SURFACE, SELECTION, LOOKS):
        mine = {name: value for name, value in changes.items() if hasattr(part, name)}
        parts.append(replace(part, **mine))  # type: ignore[type-var]
    request, surface, selection, looks = parts
    return plan(request, replace(selection, surface=surface), looks).digest  # type: ignore[arg-type, type-var]


@pytest.mark.parametrize(
    "changes",
    [
        {"target": Target(GLOBEX)},
        {"target": Target(many=(ACME, GLOBEX))},
        {"stores": frozenset({Measure.KEYS})},
        {"included": frozenset({KB})},
        {"include_inferred": True},
        {"trim_streams": True},
        {"drop_collections": True},
        {"kb_ids": frozenset()},
        {"tenant_ids": frozenset()},
        {"nodes": frozenset()},
        {"collections": frozenset()},
        {"shared_collections": frozenset({"shared"})},
        {"items": (ROWS, replace(KEYS, count=4), ENDS)},
        {"items": (ROWS, replace(KEYS, kind="symbols"), ENDS)},
        {"left_out": ()},
        {"left_out": (replace(LEFT, why="other"),)},
        {"left_out": (replace(LEFT, place="deeds"),)},
        {"left_out": (replace(LEFT, losers=()),)},
        {"left": (LEFT,)},
        {"taken": (LEFT,)},
        {"blockers": ("b",)},
        {"problems": {Measure.KEYS: DOWN}},
        {"absent": (Measure.KEYS,)},
    ],
    ids=str,
)
def test_whoever_confirms_a_plan_confirms_all_of_it(changes: dict[str, object]) -> None:
    """Its digest is another one where anything of it is, but for bytes and samples."""
    assert digest(**changes) != digest()
    assert digest(items=(ROWS, replace(KEYS, bytes=9, samples=("k",)), ENDS)) == digest()


def test_two_selections_of_many_tenants_never_have_one_digest() -> None:
    """Their words are the same: 2 tenants."""
    one, other = (Target(many=(ACME, TenantKey("tenant", name))) for name in ("a", "b"))
    assert str(one) == str(other)
    assert digest(target=one) != digest(target=other)
    assert digest(passed_over=frozenset({"deeds"})) != digest()


def test_a_plan_holds_while_what_it_names_grows_or_goes() -> None:
    """Under a kb_id, a node_id or a tenant's id that it goes by, in whatever store and table."""
    assert moved_on(plan(), SELECTION, LOOKS) == ()
    assert moved_on(plan(), SELECTION, Looks()) == ()
    grown = (
        replace(KEYS, count=99), replace(KEYS, kind="symbols"),
        replace(ROWS, store=Measure.VECTORS), replace(ENDS, store=Measure.KEYS),
        Item(Measure.KEYS, "acme", "guide's", 1),
    )  # fmt: skip
    assert moved_on(plan(), SELECTION, Looks(grown)) == ()
    fewer = replace(SELECTION, surface=Surface())
    assert moved_on(plan(), fewer, LOOKS) == ()


def test_a_plan_knows_by_store_whose_things_it_names() -> None:
    """Where it goes by no name, an owner that was planned in one store is new in another."""
    loose = Item(Measure.KEYS, "loose", "session", 1)
    made = plan(looks=Looks((loose,)))
    assert moved_on(made, SELECTION, Looks((replace(loose, kind="other"),))) == ()
    elsewhere = replace(loose, store=Measure.SESSIONS)
    assert moved_on(made, SELECTION, Looks((elsewhere,))) == ("session of loose is new",)


@pytest.mark.parametrize(
    ("surface", "looks", "why"),
    [
        ({"kb_ids": frozenset({KB, "b_kato"})}, LOOKS, "b_kato is new"),
        ({"collections": frozenset({"b"})}, LOOKS, "the collection b is new"),
        ({"shared_collections": frozenset({"b"})}, LOOKS,
         "the collection b holds points of tenants now"),
        ({}, Looks((Item(Measure.KEYS, "b", "symbols", 1),)), "symbols of b is new"),
        ({}, replace(LOOKS, problems={Measure.KEYS: DOWN}), f"keys could not be asked: {DOWN}"),
        ({}, replace(LOOKS, blockers=("a view",)), "a view"),
    ],
)  # fmt: skip
def test_what_is_new_forbids_to_run(surface: dict[str, object], looks: Looks, why: str) -> None:
    """Another kb_id, collection or owner, a store that does not answer, another obstacle."""
    selection = replace(SELECTION, surface=replace(SURFACE, **surface))  # type: ignore[arg-type]
    assert moved_on(plan(), selection, looks) == (why,)


def test_a_store_that_is_configured_since_forbids_to_run() -> None:
    """And an obstacle that was confirmed with the plan does not."""
    made = plan(looks=replace(LOOKS, absent=(Measure.VECTORS,), blockers=("a view",)))
    same = replace(LOOKS, absent=(Measure.VECTORS,), blockers=("a view",))
    assert moved_on(made, SELECTION, same) == ()
    assert moved_on(made, SELECTION, LOOKS) == ("vectors is configured now",)


def test_it_is_said_who_came_to_a_kb_id() -> None:
    assert no_longer([LEFT, LeftOut("b_kato", "gone")]) == (
        "shared_kato is no longer surely the target's: shared (tenant/globex)",
        "b_kato is no longer surely the target's: gone",
    )


def job(*steps: Step) -> Job:
    return Job("j", plan(), "ada", "R-1", NOW, JobState.RUNNING, steps=steps)


def done(name: StepName, state: StepState = StepState.DONE, **result: object) -> Step:
    return Step(name, state, NOW, NOW + timedelta(seconds=1), result)


def test_the_journal_keeps_what_a_look_found() -> None:
    """And gives it back as it was."""
    looks = replace(
        LOOKS, problems={Measure.KEYS: DOWN, Measure.VECTORS: Problem("off")}, blockers=("b",),
        everything={"keys": Reckoning(9, 8, 1)},
    )  # fmt: skip
    kept = found_of(looks)
    assert counts(kept["items"]) == {item.key: item.count for item in LOOKS.items}
    assert problems_of(kept) == looks.problems
    assert (kept["blockers"], kept["disclosed"]) == (["b"], ["a stream"])
    assert kept["everything"] == {"keys": [9, 8, 1]}


@given(st.none() | st.integers() | st.just({}))
def test_what_is_no_rows_has_none(rows: object) -> None:
    """Whatever an earlier version wrote there."""
    assert counts(rows) == {}
    assert problems_of({"problems": rows}) == {}
    assert counts(counts_rows([KEYS])) == {KEYS.key: 3}


def test_the_last_proof_is_the_last_one_that_was_done() -> None:
    """One that failed, or is under way, has proven nothing."""
    first = done(StepName.VERIFY, items=[])
    assert last_look(job()) == {}
    assert last_look(job(first)) == {"items": []}
    under_way = done(StepName.SETTLE, StepState.STARTED, late=1)
    assert last_look(job(first, under_way)) == {"items": []}
    assert last_look(job(first, done(StepName.SETTLE, late=1))) == {"late": 1}
    assert last_look(job(done(StepName.VERIFY, StepState.FAILED, late=1))) == {}


def test_what_a_step_never_did_says_nothing() -> None:
    """And the sessions are those that the check has seen."""
    assert result_of(job(), StepName.CHECK) == {}
    seen = {"s1": NODE}
    assert sessions_of(job(done(StepName.CHECK, sessions=seen))) == seen
    assert sessions_of(job(done(StepName.CHECK))) == {}
    assert sessions_of(job()) == {}
