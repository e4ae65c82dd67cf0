"""Purge jobs in the state store, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings, strategies as st

from services.errors import LeaseLost, Problem, PurgeRefused, StoreUnavailable
from services.figures import Measure
from services.jobs.models import JobRefused, JobState, Progress, StepState
from services.purge.job import LaterLook, Outcome, Tombstone
from services.purge.models import Item
from services.purge.steps import StepName
from services.stores.records.purges.jobs import PurgeJobs
from tests.servers.purger import (
    HOUR,
    LATER,
    NOW,
    SOON,
    STEPS,
    begun,
    check_of,
    found_of,
    leased,
    plan_for,
)
from tests.servers.records import Records, killed_after_its_line, lines_of

HOSTILE = ("nul\0", "bad\udcff utf-8", "half \ud800", "x" * 10_000, "", "'; DROP TABLE tombstone")

DOWN = StoreUnavailable("redis", "erasing", "slow").problem


@pytest.fixture
def jobs(records: Records) -> PurgeJobs:
    return records.jobs()


def test_a_plan_has_no_samples_where_it_is_kept(records: Records, jobs: PurgeJobs) -> None:
    """Names of keys hold symbols: they are for the screen. Neither the plan nor a job has them."""
    item = Item(Measure.KEYS, "acme_kato", "symbols", 3, 70, ("acme_kato:symbol:ann@x",), "UNLINK")
    plan = replace(plan_for(), items=(item,))
    bare = replace(plan, items=(replace(item, samples=()),))
    jobs.keep_plan(plan, expires_at=HOUR)
    assert jobs.plan(plan.digest) == bare
    job = jobs.begin(plan, asked_by="ann", reason="", names=["a"], steps=STEPS, at=NOW)
    assert job.plan == bare
    assert found_of(records.jobs(), job.id).plan == bare
    jobs.pause(job.id, JobState.FAILED, "", lease=leased(jobs, job))
    jobs.resume(job.id, plan=plan)
    assert found_of(records.jobs(), job.id).plan == bare


def test_a_plan_that_expired_is_removed(jobs: PurgeJobs) -> None:
    """When the next one is kept, or when somebody cleans up; one that holds stays."""
    for digest, expires in (("1", SOON), ("2", LATER), ("3", HOUR)):
        jobs.keep_plan(plan_for(digest=digest), expires_at=expires)
    jobs.keep_plan(plan_for(digest="4", at=SOON), expires_at=HOUR)
    assert [digest for digest in "1234" if jobs.plan(digest)] == ["2", "3", "4"]
    assert jobs.drop_plans(LATER) == 1
    assert [digest for digest in "1234" if jobs.plan(digest)] == ["3", "4"]
    assert jobs.drop_plans(LATER) == 0


def test_a_plan_is_kept_by_its_digest(jobs: PurgeJobs) -> None:
    """Of two with one digest the newer counts, whichever was kept last."""
    assert jobs.plan("d" * 64) is None
    newer = plan_for(at=LATER)
    for plan in (plan_for(), newer, plan_for()):
        jobs.keep_plan(plan, expires_at=HOUR)
    assert jobs.plan("d" * 64) == newer


def test_a_job_comes_back_as_it_began(records: Records, jobs: PurgeJobs) -> None:
    job = begun(jobs, "tenant/acme", "kb_id acme_kato")
    assert (job.state, job.owner, [step.name for step in job.steps]) == ("running", "", [*STEPS])
    assert jobs.job(job.id) == job == records.jobs().job(job.id)
    assert jobs.job("none") is None


def test_the_newest_jobs_come_first(records: Records, jobs: PurgeJobs) -> None:
    """Each with its own plan and steps, in another process too."""
    found = [
        jobs.begin(plan_for(f"t{n}"), asked_by="ann", reason="", names=[f"t{n}"], steps=STEPS[:n],
                   at=NOW + timedelta(minutes=n))
        for n in range(4)
    ]  # fmt: skip
    assert jobs.all() == tuple(reversed(found)) == records.jobs().all()
    assert records.jobs().all(limit=2) == (found[3], found[2])


def test_a_job_keeps_the_plan_that_it_began_with(records: Records, jobs: PurgeJobs) -> None:
    """The same digest may be planned again, later."""
    job = begun(jobs)
    jobs.keep_plan(plan_for(at=LATER), expires_at=HOUR)
    found = records.jobs().job(job.id)
    assert found is not None
    assert found.plan.created_at == NOW


def test_a_name_is_held_by_one_job(jobs: PurgeJobs) -> None:
    """The second is refused, by the first one's id, and leaves nothing behind."""
    first = begun(jobs, "tenant/acme", "kb_id a")
    with pytest.raises(PurgeRefused, match=f"the purge job {first.id}, which has not ended, holds"):
        begun(jobs, "kb_id 0", "kb_id a", "kb_id z")
    assert jobs.all() == (first,)
    assert jobs.holder(["kb_id z", "kb_id 0"]) is None
    assert jobs.holder(["nothing", "kb_id a"]) == first.id
    begun(jobs, "kb_id 0", "kb_id z")


def test_a_job_may_hold_more_names_than_a_statement_takes(jobs: PurgeJobs) -> None:
    names = [f"kb_id {number}" for number in range(40_000)]
    job = begun(jobs, *names)
    assert jobs.holder(names[-1:]) == jobs.holder(names) == job.id
    with pytest.raises(PurgeRefused):
        begun(jobs, *names)


def test_two_threads_begin_at_once_and_one_wins(records: Records) -> None:
    """Whatever the order of their names, none waits for ever."""
    rounds, won = 5, []
    barrier = threading.Barrier(4)

    def begin(jobs: PurgeJobs, turned: bool) -> None:
        for number in range(rounds):
            names = [f"{number}/{n}" for n in range(30)]
            barrier.wait(30)
            with suppress(PurgeRefused):
                won.append((number, begun(jobs, *(names[::-1] if turned else names)).id))

    every = [(records.jobs(), turned) for turned in (False, True, False, True)]
    threads = [threading.Thread(target=begin, args=each) for each in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(number for number, _ in won) == list(range(rounds))


def test_four_processes_begin_at_once_and_one_wins(records: Records) -> None:
    """No lock in memory could tell them apart."""
    records.engine()
    names = [f"kb_id {number}" for number in range(20)]
    processes = [records.start("tests.servers.purger", *names) for _ in range(4)]
    answers = lines_of(processes)
    (job,) = records.jobs().all()
    assert sorted(answers) == sorted([job.id, *["refused"] * 3])


def test_a_process_killed_before_the_first_step_leaves_a_job_to_run(records: Records) -> None:
    """Another process finds it, and its names are still held."""
    job_id = killed_after_its_line(records.start("tests.servers.purger", "tenant/acme"))
    jobs = records.jobs()
    assert jobs.runnable(NOW) == (job_id,)
    assert jobs.holder(["tenant/acme"]) == job_id
    assert jobs.lease(job_id, "me", at=NOW, until=SOON)


def test_the_oldest_job_is_run_first(jobs: PurgeJobs) -> None:
    late, early = begun(jobs, "a", minute=2), begun(jobs, "b", minute=1)
    assert jobs.runnable(LATER) == (early.id, late.id)


def test_the_journal_of_a_step(jobs: PurgeJobs) -> None:
    """A step that failed may begin again, and then says nothing of why it had failed."""
    job = begun(jobs, "a")
    lease = leased(jobs, job)
    jobs.start_step(job.id, StepName.CHECK, NOW, lease=lease)
    jobs.end_step(job.id, StepName.CHECK, SOON, lease=lease, error=DOWN)
    first = check_of(jobs, job.id)
    assert (first.state, first.error, first.started_at, first.ended_at) == (
        StepState.FAILED, DOWN, NOW, SOON
    )  # fmt: skip
    jobs.start_step(job.id, StepName.CHECK, SOON, lease=lease)
    assert (check_of(jobs, job.id).state, check_of(jobs, job.id).error) == (StepState.STARTED, None)
    result = {"items": [["keys", "bad\udcff\0", "tf_vector", 3]], "problems": {}}
    jobs.end_step(job.id, StepName.CHECK, LATER, lease=lease, result=result)
    done = check_of(jobs, job.id)
    assert (done.state, done.result, done.error) == (StepState.DONE, result, None)
    assert (done.started_at, done.ended_at) == (SOON, LATER)
    states = [step.state.value for step in found_of(jobs, job.id).steps]
    assert states == ["done", "waiting", "waiting"]


def test_what_a_step_found_before_stays_until_it_finds_something_else(jobs: PurgeJobs) -> None:
    """Counts of the first attempt are what the receipt of a resumed job goes by."""
    job = begun(jobs, "a")
    lease = leased(jobs, job)
    jobs.end_step(job.id, StepName.CHECK, NOW, lease=lease, result={"items": [1]})
    jobs.start_step(job.id, StepName.CHECK, SOON, lease=lease)
    assert check_of(jobs, job.id).result == {"items": [1]}
    jobs.end_step(job.id, StepName.CHECK, SOON, lease=lease, error=DOWN)
    assert check_of(jobs, job.id).result == {"items": [1]}
    half = Problem("half")
    jobs.end_step(job.id, StepName.CHECK, SOON, lease=lease, result={"items": [2]}, error=half)
    assert (check_of(jobs, job.id).result, check_of(jobs, job.id).error) == ({"items": [2]}, half)
    jobs.end_step(job.id, StepName.CHECK, SOON, lease=lease)
    assert check_of(jobs, job.id).result == {}


def test_a_job_says_how_far_it_is_and_hears_that_it_should_stop(jobs: PurgeJobs) -> None:
    job = begun(jobs, "a")
    lease = leased(jobs, job)
    for progress in (Progress("ended 3 of 5 sessions", 3, 5), Progress("waiting")):
        jobs.say(job.id, progress, lease=lease)
        assert found_of(jobs, job.id).progress == progress
    jobs.ask_stop(job.id)
    assert found_of(jobs, job.id).stop_asked


@pytest.mark.parametrize("state", [JobState.STOPPED, JobState.FAILED])
def test_a_paused_job_holds_its_names_and_can_be_resumed(jobs: PurgeJobs, state: JobState) -> None:
    """Meanwhile nobody runs it, and afterwards anybody may."""
    job = begun(jobs, "a")
    lease = leased(jobs, job)
    jobs.ask_stop(job.id)
    jobs.pause(job.id, state, "redis did not answer", lease=lease)
    found = found_of(jobs, job.id)
    assert (found.state, found.problem, found.owner) == (state, "redis did not answer", "")
    assert jobs.runnable(LATER) == ()
    assert not jobs.leased(job.id, lease)
    with pytest.raises(LeaseLost):
        jobs.say(job.id, Progress("late"), lease=lease)
    assert jobs.holder(["a"]) == job.id
    for _ in range(2):
        jobs.resume(job.id)
    assert jobs.job(job.id) == job
    assert leased(jobs, job, "you") > lease


@pytest.mark.parametrize("state", [JobState.STOPPED, JobState.FAILED])
def test_a_paused_job_can_be_ended_under_a_lease_of_its_own(
    records: Records, jobs: PurgeJobs, state: JobState
) -> None:
    """It does not run meanwhile, and who resumes it takes it away from who would end it."""
    job = begun(jobs, "a")
    jobs.pause(job.id, state, "", lease=leased(jobs, job))
    lease = leased(records.jobs(), job, "by hand")
    assert not jobs.leased(job.id, lease)
    jobs.start_step(job.id, StepName.VERIFY, LATER, lease=lease)
    assert found_of(jobs, job.id).state is state
    jobs.resume(job.id)
    with pytest.raises(LeaseLost):
        jobs.end(job.id, Outcome.PARTIAL, "{}", LATER, (), lease=lease)
    jobs.pause(job.id, state, "", lease=leased(jobs, job))
    jobs.end(job.id, Outcome.PARTIAL, "{}", LATER, (), lease=leased(jobs, job, "by hand"))
    assert jobs.holder(["a"]) is None


def test_a_job_may_go_on_by_another_plan(records: Records, jobs: PurgeJobs) -> None:
    """It keeps its journal and what it holds, and holds more; every process sees the new plan."""
    job, other = begun(jobs, "a"), records.jobs()
    lease = leased(jobs, job)
    jobs.end_step(job.id, StepName.CHECK, NOW, lease=lease, result={"items": [1]})
    jobs.pause(job.id, JobState.FAILED, "", lease=lease)
    assert found_of(other, job.id).plan == job.plan
    new = plan_for(at=LATER, digest="e" * 64)
    jobs.resume(job.id, plan=new, names=["a", "b"])
    for each in (jobs, other, records.jobs()):
        assert (found_of(each, job.id).plan, found_of(each, job.id).state) == (new, "running")
        assert check_of(each, job.id).result == {"items": [1]}
        assert each.holder(["a"]) == each.holder(["b"]) == job.id
    with pytest.raises(PurgeRefused, match="runs already"):
        jobs.resume(job.id, plan=plan_for())
    jobs.resume(job.id)
    assert found_of(jobs, job.id).plan == new


def test_a_job_does_not_go_on_over_what_another_holds(jobs: PurgeJobs) -> None:
    """It stays as it was, with its plan; the refusal names the other one."""
    job, other = begun(jobs, "a"), begun(jobs, "b")
    jobs.pause(job.id, JobState.FAILED, "redis", lease=leased(jobs, job))
    before = found_of(jobs, job.id)
    with pytest.raises(PurgeRefused, match=other.id):
        jobs.resume(job.id, plan=plan_for(at=LATER), names=["a", "b", "c"])
    assert found_of(jobs, job.id) == before
    assert jobs.holder(["c"]) is None


def test_an_ended_job_has_its_receipt_and_lets_go(jobs: PurgeJobs) -> None:
    """Its names are free, it cannot be run, and it cannot be resumed."""
    job = begun(jobs, "a", "b")
    assert jobs.receipt(job.id) is None
    stones = (Tombstone("acme_kato", "tenant/acme", job.id, LATER),)
    text = json.dumps({"job": job.id})
    jobs.end(job.id, Outcome.ERASED, text, LATER, stones, lease=leased(jobs, job))
    ended = replace(job, state=JobState.ENDED, outcome=Outcome.ERASED, ended_at=LATER)
    assert jobs.job(job.id) == ended
    assert jobs.receipt(job.id) == text
    assert jobs.tombstones(["acme_kato", "other_kato"]) == stones
    assert jobs.holder(["a", "b"]) is None
    assert jobs.runnable(LATER + timedelta(days=1)) == ()
    assert jobs.lease(job.id, "me", at=LATER, until=LATER + timedelta(days=1)) is None
    jobs.ask_stop(job.id)
    for plan in (None, plan_for()):
        with pytest.raises(PurgeRefused, match=job.id):
            jobs.resume(job.id, plan=plan, names=["c"])
    assert jobs.job(job.id) == ended
    begun(jobs, "a")


def test_what_never_was_cannot_be_resumed_or_journaled(jobs: PurgeJobs) -> None:
    with pytest.raises(PurgeRefused):
        jobs.resume("none")
    assert jobs.lease("none", "me", at=NOW, until=SOON) is None
    assert not jobs.leased("none", 0)
    with pytest.raises(LeaseLost):
        jobs.start_step("none", StepName.CHECK, NOW, lease=0)
    job = begun(jobs, "a")
    with pytest.raises(JobRefused, match="no step"):
        jobs.start_step(job.id, StepName.VECTORS, NOW, lease=leased(jobs, job))


def test_hostile_names_are_kept_as_they_are(records: Records) -> None:
    """NUL, bad UTF-8, half a character and 10,000 of them, in names and in words."""
    jobs = records.jobs()
    job = jobs.begin(
        plan_for(), asked_by="".join(HOSTILE), reason=HOSTILE[0], names=HOSTILE, steps=STEPS, at=NOW
    )  # fmt: skip
    lease = leased(jobs, job)
    for name in HOSTILE:
        assert jobs.holder([name]) == job.id
        with pytest.raises(PurgeRefused):
            begun(jobs, name)
        jobs.say(job.id, Progress(name), lease=lease)
        jobs.start_step(job.id, StepName.CHECK, NOW, lease=lease)
        jobs.end_step(job.id, StepName.CHECK, NOW, lease=lease, error=Problem(name or "x"))
        assert check_of(jobs, job.id).error == Problem(name or "x")
    jobs.pause(job.id, JobState.FAILED, HOSTILE[2], lease=lease)
    found = found_of(records.jobs(), job.id)
    assert (found.asked_by, found.reason, found.problem) == (
        "".join(HOSTILE), HOSTILE[0], HOSTILE[2]
    )  # fmt: skip
    kb_ids = [name for name in HOSTILE if "\ud800" not in name]  # no store has such a name
    stones = [Tombstone(name, HOSTILE[1], job.id, LATER) for name in kb_ids]
    jobs.end(job.id, Outcome.ERASED, "{}", LATER, stones, lease=leased(jobs, job))
    assert set(jobs.tombstones(kb_ids)) == set(stones)


def test_any_bytes_are_a_name(jobs: PurgeJobs) -> None:
    """Two names that differ never hold each other."""

    @settings(max_examples=25)
    @given(st.sets(st.binary(max_size=8), min_size=2, max_size=4))
    def check(raw: set[bytes]) -> None:
        first, *others = [r.decode("utf-8", "surrogateescape") for r in raw]
        job = begun(jobs, first)
        assert jobs.holder([first]) == job.id
        assert jobs.holder(others) is None
        jobs.end(job.id, Outcome.ERASED, "{}", NOW, (), lease=leased(jobs, job))

    check()


def test_a_database_that_is_gone_is_an_error_of_ours(records: Records) -> None:
    """Every call says so in our words."""
    engine = records.engine()
    jobs = PurgeJobs(engine)
    with engine.begin() as connection:
        for table in (
            "job_step", "job_hold", "purge_look", "job", "purge_plan", "tombstone"
        ):  # fmt: skip
            connection.exec_driver_sql(f"DROP TABLE {table}")
    calls = [
        lambda: jobs.keep_plan(plan_for(), expires_at=HOUR),
        lambda: jobs.drop_plans(NOW),
        lambda: jobs.plan("d"),
        lambda: begun(jobs, "a"),
        lambda: jobs.job("x"),
        jobs.all,
        lambda: jobs.holder(["a"]),
        lambda: jobs.runnable(NOW),
        lambda: jobs.lease("x", "me", at=NOW, until=SOON),
        lambda: jobs.leased("x", 1),
        lambda: jobs.start_step("x", StepName.CHECK, NOW, lease=1),
        lambda: jobs.end_step("x", StepName.CHECK, NOW, lease=1),
        lambda: jobs.say("x", Progress("."), lease=1),
        lambda: jobs.ask_stop("x"),
        lambda: jobs.pause("x", JobState.FAILED, "", lease=1),
        lambda: jobs.resume("x"),
        lambda: jobs.end("x", Outcome.ERASED, "{}", NOW, (), lease=1),
        lambda: jobs.receipt("x"),
        jobs.tombstones,
        lambda: jobs.tombstones(["x"]),
        lambda: jobs.note_look("x", LaterLook(NOW, 0)),
        lambda: jobs.later_looks("x"),
        lambda: jobs.unlogged(NOW),
        lambda: jobs.logged("x"),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable, match="state store"):
            call()
