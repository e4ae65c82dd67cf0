"""What a receipt says was deleted, told by the looks in the journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from services.figures import Measure
from services.purge.job import Job, JobState, Line, Outcome, Receipt
from services.purge.models import Item, LeftKind, LeftOut, Plan, Request, Surface, Target
from services.purge.receipt import receipt_of, tenants_of, tombstones_of
from services.purge.steps import ERASES, Step, StepName, StepState, steps_of
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KB = "tenant_acme_user_bob_kato"
ACME = TenantKey("tenant", "acme")


def rows(number: int, store: Measure = Measure.KEYS, owner: str = KB) -> list[list[object]]:
    """What a look found, as the journal has it."""
    return [[store.value, owner, "frequency", number]] if number else []


def job(planned: int, results: dict[StepName, dict[str, Any]], **plan: Any) -> Job:
    """A job whose journal says this; steps without a result are waiting."""
    items = (Item(Measure.KEYS, KB, "frequency", planned),) if planned else ()
    made = Plan(
        Request(Target(ACME)), Surface(frozenset({KB})), items, (), (), (), {}, (), NOW, "d" * 64,
        whose={KB: "tenant/acme"},
    )  # fmt: skip
    steps = tuple(
        Step(name, StepState.DONE if name in results else StepState.WAITING, NOW, NOW,
             results.get(name, {}))
        for name in steps_of(frozenset(Measure))
    )  # fmt: skip
    return Job("j", replace(made, **plan), "ada", "R-1", NOW, JobState.ENDED, steps=steps)


def ended(planned: int, found: list[tuple[int, bool]], late: int, left: int, **plan: Any) -> Job:
    """A job that found so many keys at each run, and whether the erasing of keys was done then."""
    attempts = [
        {"items": rows(number), "done": [StepName.KEYS.value] if done else []}
        for number, done in found
    ]
    last = {"items": rows(left), "problems": {}, "blockers": [], "late_items": rows(late)}
    upto = max((at for at, (_, done) in enumerate(found) if not done), default=0)
    results: dict[StepName, dict[str, Any]] = {
        step: {} for step in (StepName.FLUSH, StepName.CACHES, StepName.VERIFY)
    }
    return job(planned, {
        **results,
        StepName.CHECK: {"attempts": attempts},
        StepName.SESSIONS: {},
        StepName.PATTERNS: {}, StepName.VECTORS: {},
        StepName.KEYS: {"before": rows(found[upto][0])},
        StepName.SETTLE: last,
    }, **plan)  # fmt: skip


def receipt(of: Job, tenant: str | None = None) -> Receipt:
    return receipt_of(of, at=NOW, versions={}, tenant=tenant)


def keys(of: Receipt) -> Line:
    return next(line for line in of.lines if line.store is Measure.KEYS)


@pytest.mark.parametrize(
    ("found", "late", "deleted"),
    [
        ([(100, False)], 0, 100),
        ([(100, False)], 5, 105),  # what came after the step counts
        ([(100, False), (60, False)], 0, 100),  # killed within: two runs took it
        ([(100, False), (30, True)], 30, 130),  # done, then it grew, and a proof erased that
        ([(100, False), (140, False)], 0, 140),  # failed before, and it grew
    ],
)
def test_deleted_is_what_any_run_met_and_is_gone(
    found: list[tuple[int, bool]], late: int, deleted: int
) -> None:
    """However many runs it took."""
    line = keys(receipt(ended(100, found, late, 0)))
    assert (line.planned, line.deleted, line.absent, line.left) == (100, deleted, 0, 0)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=5), st.integers(0, 20), st.integers(0, 9))
def test_no_datum_is_counted_twice_or_lost(parts: list[int], late: int, left: int) -> None:
    """Runs that die after a part each, then one that gets through: the parts are the whole."""
    whole = sum(parts)
    found = [(sum(parts[at:]), False) for at in range(len(parts))]
    line = keys(receipt(ended(whole, found, late, left))) if whole or late or left else None
    if line is not None:
        assert line.deleted == max(whole + late - left, 0)
        assert line.left == left


def test_what_had_gone_by_itself_is_absent() -> None:
    """Planned, and not there when the job began."""
    line = keys(receipt(ended(100, [(40, False)], 0, 0)))
    assert (line.planned, line.deleted, line.absent) == (100, 40, 60)


def left_out(**counts: int | None) -> LeftOut:
    found = {Measure(store): number for store, number in counts.items()}
    return LeftOut("tenant_acme_user_ann_kato", "inferred", (), LeftKind.INFERRED, counts=found)


@pytest.mark.parametrize(
    ("left", "outcome"),
    [
        ((), Outcome.ERASED),
        ((left_out(patterns=1),), Outcome.ERASED_EXCEPT),
        ((left_out(patterns=0, keys=0),), Outcome.ERASED),
        ((left_out(patterns=None),), Outcome.ERASED_EXCEPT),  # unknown is not none
    ],
)
def test_erased_is_said_only_where_nothing_was_left_out(
    left: tuple[LeftOut, ...], outcome: Outcome
) -> None:
    """What is there and stays makes it *erased, except*."""
    assert receipt(ended(1, [(1, False)], 0, 0, left_out=left)).outcome is outcome


def test_what_is_left_goes_before_what_was_left_out() -> None:
    """Partly erased is the graver."""
    of = ended(1, [(1, False)], 0, 1, left_out=(left_out(patterns=1),))
    assert receipt(of).outcome is Outcome.PARTIAL


def test_a_kato_that_answers_sometimes_makes_it_unknown() -> None:
    """What it has in memory may yet be written."""
    of = ended(1, [(1, False)], 0, 0)
    steps = [
        replace(step, result={**step.result, "kato": "unsteady"})
        if step.name is StepName.SETTLE else step
        for step in of.steps
    ]  # fmt: skip
    found = receipt(replace(of, steps=tuple(steps)))
    assert found.outcome is Outcome.UNKNOWN
    assert any("KATO answers sometimes" in text for text in found.problems)


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        ([900, 900, 0], Outcome.ERASED),
        ([950, 950, 0], Outcome.ERASED),  # others wrote 50
        ([850, 900, 0], Outcome.UNKNOWN),  # 50 fewer than anybody accounts for
        ([850, 900, 60], Outcome.ERASED),  # it changed by more while it was looked at
    ],
)
def test_what_nobody_accounts_for_makes_it_unknown(after: list[int], outcome: Outcome) -> None:
    """A store's own total and what the looks went through lose the same."""
    of = ended(100, [(100, False)], 0, 0)
    everything = {StepName.CHECK: [1000, 1000, 0], StepName.SETTLE: after}
    steps = [
        replace(step, result={**step.result, "everything": {"keys": everything[step.name]}})
        if step.name in everything else step
        for step in of.steps
    ]  # fmt: skip
    found = receipt(replace(of, steps=tuple(steps)))
    assert found.outcome is outcome
    (conserved,) = found.conserved
    assert conserved.before - conserved.after == (
        conserved.deleted + conserved.others + conserved.unexplained
    )


def test_each_tenant_has_a_receipt_of_its_own() -> None:
    """With its lines alone."""
    other = "tenant_globex_user_x_kato"
    items = (Item(Measure.KEYS, KB, "frequency", 1), Item(Measure.KEYS, other, "frequency", 2))
    whose = {KB: "tenant/acme", other: "tenant/globex"}
    surface = Surface(frozenset({KB, other}))
    of = ended(1, [(1, False)], 0, 0, items=items, whose=whose, surface=surface)
    assert tenants_of(of) == ("tenant/acme", "tenant/globex")
    assert {line.owner for line in receipt(of, "tenant/globex").lines} == {other}
    assert receipt(of, "tenant/globex").target == "tenant/globex"


def test_every_kb_id_has_a_tombstone_whatever_came_of_it() -> None:
    """What comes back after a partial purge is found too; what never went does not come back."""
    of = ended(2, [(2, False)], 0, 1)
    assert receipt(of).outcome is Outcome.PARTIAL
    assert [(stone.kb_id, stone.tenant) for stone in tombstones_of(of, receipt(of))] == [
        (KB, "tenant/acme")
    ]
    untouched = ended(2, [(2, False)], 0, 2)
    assert tombstones_of(untouched, receipt(untouched)) == ()
    request = replace(of.plan.request, stores=frozenset({Measure.SESSIONS}))
    sessions = replace(of, plan=replace(of.plan, request=request))
    assert tombstones_of(sessions, receipt(sessions)) == ()


def test_each_store_is_erased_by_one_step() -> None:
    """And steps of stores that were not chosen are not taken."""
    assert set(ERASES) == set(Measure)
    assert steps_of(frozenset({Measure.SESSIONS})) == (
        StepName.CHECK, StepName.SESSIONS, StepName.CACHES, StepName.VERIFY, StepName.SETTLE,
    )  # fmt: skip
