"""What a receipt says was deleted, told by the looks in the journal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dashboard.purge.receipt_tables import printable
from services.errors import Problem, PurgeRefused
from services.figures import Measure
from services.jobs.models import JobState, StepState
from services.purge.confined import UNTOLD
from services.purge.formats import receipt_json, versions_of, with_later_looks
from services.purge.job import Conserved, Job, LaterLook, Line, Outcome, Receipt
from services.purge.journal import counts_rows
from services.purge.models import Item, LeftKind, LeftOut, Plan, Request, Surface, Target
from services.purge.receipt import SEVERAL, receipt_of, tenants_of, tombstones_of
from services.purge.steps import ERASES, Step, StepName, steps_of
from services.purge.summary import back_since, summary_of
from services.purge.tenant_receipt import tenant_receipt
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


def in_journal(of: Job, **results: dict[str, Any]) -> Job:
    """The job with more in the result of each step that is named, in capitals."""
    more = {StepName[name]: result for name, result in results.items()}
    steps = (replace(step, result={**step.result, **more.get(step.name, {})}) for step in of.steps)
    return replace(of, steps=tuple(steps))


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


def test_a_store_is_said_to_lose_what_was_planned_of_it_and_what_is_left_is_never_less() -> None:
    """An entry of KATO's index of sessions is no Redis key, in the plan and in the receipt."""
    lines = (
        Line(Measure.KEYS, KB, "frequency", 9, 8, 1, 0, 0),
        Line(Measure.KEYS, KB, "session_index", 4, 2, 1, 1, 1),
    )
    found = replace(receipt(ended(9, [(9, False)], 0, 0)), lines=lines)
    items = tuple(Item(each.store, each.owner, each.kind, each.planned) for each in lines)
    assert found.sums(Measure.KEYS) == (9, 8, 1, 1, 1)
    assert replace(job(9, {}).plan, items=items).total(Measure.KEYS) == 9
    assert "8 Redis keys" in summary_of(found)
    lacking = replace(found, lines=(*lines, replace(lines[0], left=None)))
    assert lacking.sums(Measure.KEYS).left is None


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
    found = receipt(in_journal(of, SETTLE={"kato": "unsteady"}))
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
    found = receipt(in_journal(
        of, CHECK={"everything": {"keys": [1000, 1000, 0]}}, SETTLE={"everything": {"keys": after}}
    ))  # fmt: skip
    assert found.outcome is outcome
    (conserved,) = found.conserved
    assert conserved.before - conserved.after == (
        conserved.deleted + conserved.others + conserved.unexplained
    )


def test_a_store_loses_what_the_purge_took_of_it_and_what_others_did() -> None:
    """Of Redis, keys and sessions; a member of a set is no key, and a part of a table no row."""
    items = (
        Item(Measure.KEYS, KB, "frequency", 10), Item(Measure.SESSIONS, KB, "session", 2),
        Item(Measure.SESSIONS, KB, "session_index", 2), Item(Measure.PATTERNS, KB, "data", 7),
        Item(Measure.PATTERNS, KB, "detached parts of data", 1),
    )  # fmt: skip
    found = in_journal(
        ended(0, [(10, False)], 0, 0, items=items),
        CHECK={"attempts": [{"items": counts_rows(items), "done": []}],
               "everything": {"keys": [100, 90, 0], "patterns": [50, 40, 0]}},
        SESSIONS={"before": counts_rows(items[1:3])}, PATTERNS={"before": counts_rows(items[3:])},
        SETTLE={"everything": {"keys": [84, 75, 0], "patterns": [40, 30, 0], "vectors": [1, 1, 0]}},
    )  # fmt: skip
    assert receipt(found).conserved == (
        Conserved("keys", before=100, after=84, deleted=12, others=3, unexplained=1),
        Conserved("patterns", before=50, after=40, deleted=7, others=3, unexplained=0),
    )
    text = json.loads(receipt_json(receipt(found)))
    assert text["conserved"][0] == {
        "store": "keys", "before": 100, "after": 84, "deleted": 12, "others": 3, "unexplained": 1,
    }  # fmt: skip
    assert receipt(found).problems == (
        "keys: 1 fewer are there than the purge and what others did account for",
    )
    of_one = receipt(found, "tenant/acme")
    assert (of_one.conserved, of_one.tenants) == ((), ("tenant/acme",))


def test_a_store_that_has_more_than_it_should_is_told_too() -> None:
    """It changed by less while it was looked at."""
    of = ended(0, [(0, False)], 0, 0)
    for moved, told in ((1, True), (2, False)):
        found = receipt(in_journal(
            of, CHECK={"everything": {"keys": [10, 10, moved]}},
            SETTLE={"everything": {"keys": [13, 10, 1]}},
        ))  # fmt: skip
        said = ("keys: 3 more are there than the purge and what others did account for",)
        assert found.problems == (said if told else ())


def test_an_erased_tenants_node_ids_are_added_up_and_forgotten() -> None:
    """Kind by kind; while anything is left they are needed to find it."""
    nodes = [f"tenant:acme:user:{user}" for user in ("ann", "bob")]
    items = tuple(
        Item(Measure.SESSIONS, node, kind, number)
        for number, node in enumerate(nodes, 1)
        for kind in ("session", "pointer")
    )
    of = ended(
        1, [(1, False)], 0, 0, items=(*items, Item(Measure.KEYS, KB, "frequency", 5)),
        whose={KB: "tenant/acme", **dict.fromkeys(nodes, "tenant/acme")},
    )  # fmt: skip
    of = in_journal(of, SESSIONS={"before": counts_rows(items[:3])})
    lines = receipt(of).lines
    assert lines[1:] == tuple(
        Line(Measure.SESSIONS, "node_ids of tenant/acme", kind, 3, deleted, absent, 0, 0)
        for kind, deleted, absent in (("pointer", 1, 2), ("session", 3, 0))
    )
    assert lines[0] == Line(Measure.KEYS, KB, "frequency", 5, 1, 4, 0, 0)
    left = in_journal(of, SETTLE={"items": rows(1)})
    assert {line.owner for line in receipt(left).lines} == {KB, *nodes}


def test_a_receipt_says_when_a_job_began_and_how_long_its_steps_took() -> None:
    """Its check, or where none was begun the job itself."""
    later = NOW + timedelta(minutes=1)
    steps = (
        Step(StepName.CHECK, StepState.DONE, later, later + timedelta(seconds=2)),
        Step(StepName.KEYS, StepState.STARTED, later),
        Step(StepName.VERIFY),
    )
    of = replace(job(1, {}), steps=steps)
    assert receipt(of).started_at == later
    assert receipt(of).seconds == {"check": 2.0}
    assert receipt(replace(of, steps=steps[2:])).started_at == NOW
    assert receipt(replace(of, steps=())).started_at == NOW


def test_a_receipt_tells_what_happened_on_the_way() -> None:
    """Once, after what the plan disclosed."""
    of = in_journal(
        ended(1, [(1, False)], 0, 0, disclosed=("planned",)),
        SESSIONS={"live": 1234, "kato": "stopped"},
        VERIFY={"disclosed": ["seen", "planned"], "on_disk": ["a file"]},
        SETTLE={"disclosed": ["seen"]},
    )
    planned, live, kato, *others = receipt(of).disclosed
    assert (planned, others) == ("planned", ["seen", "a file"])
    assert live.startswith("1,234 sessions were live at the start")
    assert kato == "KATO was not running: sessions were ended in Redis, where alone they live"
    running = in_journal(of, SESSIONS={"live": 0, "kato": "running"})
    assert receipt(running).disclosed == ("planned", "seen", "a file")


def test_a_receipt_says_which_store_was_not_looked_at_again_and_why() -> None:
    """Of those that were chosen and are configured; what is left there is not known."""
    of = in_journal(
        ended(1, [(1, False)], 0, 0, absent=(Measure.VECTORS,)),
        SETTLE={"problems": {"keys": "down", "vectors": "down"}, "blockers": ["a view"]},
    )
    found = receipt(of)
    assert found.outcome is Outcome.UNKNOWN
    assert found.problems == ("keys could not be asked at the end: down", "a view")
    assert (keys(found).deleted, keys(found).left, keys(found).failed) == (0, None, 0)
    never = receipt(job(1, {}, absent=(Measure.VECTORS,)))
    assert never.problems == tuple(
        f"{store} could not be asked at the end: the job ended before it had looked again"
        for store in ("keys", "patterns", "sessions")
    )
    known = receipt(in_journal(of, SETTLE={"problems": {}}), "tenant/acme")
    assert (known.outcome, known.problems) == (Outcome.PARTIAL, ("a view",))
    planned = in_journal(ended(1, [(1, False)], 0, 0, blockers=("a view",)),
                         SETTLE={"blockers": ["a view"]})  # fmt: skip
    assert receipt(planned).problems == ()


def test_a_tenants_receipt_tells_nothing_of_others_where_nothing_happened() -> None:
    """Neither that something was disclosed, nor that anything failed."""
    found = tenant_receipt(of_two(disclosed=(), left_out=()), "tenant/acme", at=NOW, versions={})
    assert (found.disclosed, found.problems, found.left_out) == ((), (), ())
    told = tenant_receipt(of_two(), "tenant/acme", at=NOW, versions={})
    assert (told.disclosed, told.problems) == ((UNTOLD,), ())


def test_a_summary_counts_each_store_by_itself() -> None:
    """And what is left by ones and more."""
    lines = tuple(
        Line(store, KB, "x", number, number, 0, 0, number == 1)
        for number, store in enumerate(Measure, 1)
    )
    found = replace(receipt(ended(1, [(1, False)], 0, 0)), lines=lines, outcome=Outcome.PARTIAL)
    said = summary_of(found)
    assert "1 patterns, 2 Redis keys, 3 vectors and 4 sessions were" in said
    assert said.endswith("and 1 entry was left.")
    two = replace(found, stores=(Measure.KEYS, Measure.VECTORS), lines=lines + lines)
    assert "4 Redis keys and 6 vectors were, and 2 entries were left." in summary_of(two)
    one = replace(found, stores=(Measure.KEYS,))
    assert ": 2 Redis keys were, and" in summary_of(one)
    assert "by 2026-01-31 12:00 UTC" in said


@pytest.mark.parametrize(
    ("look", "tenant", "back"),
    [
        (LaterLook(NOW, 3, tenants={"a": 1}), None, 3),
        (LaterLook(NOW, 3, tenants={"a": 1}), "a", 1),
        (LaterLook(NOW, 3, tenants={"a": 1}), "b", 0),
        (LaterLook(NOW, 3), "a", None),
        (LaterLook(NOW, 0), "a", 0),
    ],
)
def test_how_much_of_one_tenant_is_back(
    look: LaterLook, tenant: str | None, back: int | None
) -> None:
    """Not known where the look did not tell whose, unless nothing is back at all."""
    assert look.back_of(tenant) == back


def test_versions_are_read_out_of_a_kept_receipt() -> None:
    """An earlier version's had none."""
    made = receipt_of(ended(1, [(1, False)], 0, 0), at=NOW, versions={"redis": "9.1"})
    assert versions_of(receipt_json(made)) == {"redis": "9.1"}
    assert versions_of("{}") == {}


GLOBEX = "tenant_globex_user_x_kato"


def of_two(left: int = 0, **plan: Any) -> Job:
    """A job about the user x of two tenants, with what names the other in every place."""
    items = (
        Item(Measure.KEYS, KB, "frequency", 1), Item(Measure.KEYS, GLOBEX, "frequency", 2),
        Item(Measure.SESSIONS, "tenant:globex:user:x:late", "session", 1),
    )  # fmt: skip
    said: dict[str, Any] = {
        "items": items, "whose": {KB: "tenant/acme", GLOBEX: "tenant/globex"},
        "surface": Surface(frozenset({KB, GLOBEX})), "request": Request(Target(user="x")),
        "disclosed": ("the stream stm:events:globex holds 3 observations",),
        "left_out": (LeftOut(KB, "tenant:globex:user:x uses it too",
                             (TenantKey("tenant", "globex"),), counts={Measure.KEYS: 7}),),
    } | plan  # fmt: skip
    return ended(1, [(1, False)], 0, left, **said)


def test_each_tenant_has_a_receipt_of_its_own() -> None:
    """With its lines alone: it can be handed to that tenant, since it names nobody else."""
    of = of_two()
    assert tenants_of(of) == ("tenant/acme", "tenant/globex")
    found = tenant_receipt(of, "tenant/acme", at=NOW, versions={})
    assert {line.owner for line in found.lines} == {KB}
    assert found.target == "the user x of tenant/acme"
    looks = (LaterLook(NOW, 1, tenants={"tenant/globex": 1}),)
    summary = summary_of(found, looks, tenant="tenant/acme")
    text = with_later_looks(receipt_json(found), found, looks, tenant="tenant/acme")
    for written in (text, printable(found, looks, tenant="tenant/acme")):
        assert "globex" not in written
        assert "R-1" in written
        assert summary in written
    assert found.outcome is Outcome.ERASED_EXCEPT  # though nobody is named: it came to that
    assert (found.left_out[0].kb_id, found.left_out[0].counts) == (KB, {})
    assert json.loads(text)["later_looks"][0]["kb_ids_back"] == 0
    assert json.loads(text)["tenants"] == ["tenant/acme"]
    assert receipt(of).tenants == ("tenant/acme", "tenant/globex")
    with pytest.raises(PurgeRefused, match="is not about tenant/zed"):
        tenant_receipt(of, "tenant/zed", at=NOW, versions={})


def test_what_may_be_anothers_is_in_no_tenants_receipt_by_name() -> None:
    """What is left of it makes the receipt partial all the same."""
    late = "tenant:globex:user:x:late"
    of = of_two()
    of = in_journal(of, SETTLE={"items": rows(1, Measure.SESSIONS, late)})
    found = tenant_receipt(of, "tenant/acme", at=NOW, versions={})
    assert {line.owner for line in found.lines} == {KB, SEVERAL}
    assert found.outcome is Outcome.PARTIAL


def test_a_receipt_says_what_came_of_it_in_a_sentence() -> None:
    """By its outcome, with counts, what stays, and since when data is back."""
    found = receipt(ended(3, [(3, False)], 0, 0))
    said = {
        Outcome.ERASED: "All data of tenant/acme that was found was erased by 2026-01-31 12:00 UTC",
        Outcome.ERASED_EXCEPT: "What was left out is still there",
        Outcome.PARTIAL: "Not all data of tenant/acme was erased",
        Outcome.UNKNOWN: "is not known",
    }
    for outcome, words in said.items():
        left = 1 if outcome is Outcome.PARTIAL else 0
        lines = tuple(replace(line, left=left) for line in found.lines)
        summary = summary_of(replace(found, outcome=outcome, lines=lines))
        assert words in summary
        assert "0 patterns, 3 Redis keys, 0 vectors and 0 sessions" in summary
        assert "again since" not in summary
    assert "cannot be told apart" in summary_of(replace(found, disclosed=("x",)))


def test_a_purge_that_only_could_not_do_a_step_leaves_no_data_by_its_receipt() -> None:
    """Nothing was counted at the end: that data was not erased would be no fact."""
    of = ended(3, [(3, False)], 0, 0)
    steps = tuple(
        replace(step, error=Problem("KATO did not answer"))
        if step.name is StepName.CACHES
        else step
        for step in of.steps
    )
    found = receipt(replace(of, steps=steps))
    assert found.outcome is Outcome.PARTIAL
    summary = summary_of(found)
    assert "Not all of the purge of tenant/acme could be done" in summary
    assert "3 Redis keys" in summary
    assert "0 entries" not in summary
    assert "Not all data" not in summary


HOURS = [NOW + timedelta(hours=hour) for hour in range(5)]


@given(st.lists(st.integers(0, 2), max_size=5))
def test_data_is_back_since_the_first_look_that_found_it_without_a_break(back: list[int]) -> None:
    """And is not where the newest look found nothing."""
    looks = [LaterLook(at, count) for at, count in zip(HOURS, back, strict=False)]
    found = back_since(looks)
    trail = [look.at for look in looks]
    empty = [look.at for look in looks if not look.back]
    after = [at for at in trail if not empty or at > empty[-1]]
    assert found == (after[0] if after else None)
    assert back_since(looks, tenant="tenant/x") is None  # of one tenant nothing is known


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
