"""Purge jobs in the state store, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import PurgeRefused, StoreUnavailable
from services.purging.models import Job, JobState, Outcome, StepName, StepState, Tombstone
from services.purging.sources import Jobs
from services.stores.purge_jobs import PurgeJobs
from tests.servers.purger import NOW, STEPS, plan_for
from tests.servers.records import Records, killed_after_its_line, lines_of

SOON = NOW + timedelta(seconds=30)
LATER = NOW + timedelta(minutes=5)
HOSTILE = ("nul\0", "bad\udcff utf-8", "half \ud800", "x" * 10_000, "", "'; DROP TABLE tombstone")


@pytest.fixture
def jobs(records: Records) -> PurgeJobs:
    return records.jobs()


def begun(jobs: Jobs, *names: str, minute: int = 0) -> Job:
    """Begin a purge that holds these names."""
    at = NOW + timedelta(minutes=minute)
    return jobs.begin(
        plan_for(), asked_by="ann", reason="R-1", names=names, steps=STEPS, at=at
    )  # fmt: skip


def test_a_plan_is_kept_by_its_digest(jobs: PurgeJobs) -> None:
    """Of two with one digest the newer counts, whichever was kept last."""
    assert jobs.plan("d" * 64) is None
    newer = plan_for(at=LATER)
    for plan in (plan_for(), newer, plan_for()):
        jobs.keep_plan(plan)
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
    jobs.keep_plan(plan_for(at=LATER))
    found = records.jobs().job(job.id)
    assert found is not None
    assert found.plan.created_at == NOW


def test_a_name_is_held_by_one_job(jobs: PurgeJobs) -> None:
    """The second is refused, by the first one's id, and leaves nothing behind."""
    first = begun(jobs, "tenant/acme", "kb_id a")
    with pytest.raises(PurgeRefused, match="another purge"):
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


def test_one_process_has_the_lease_until_it_is_over(records: Records, jobs: PurgeJobs) -> None:
    """It may prolong it; another takes it over when it did not."""
    other, job = records.jobs(), begun(jobs, "a")
    assert jobs.lease(job.id, "me", at=NOW, until=SOON)
    assert not other.lease(job.id, "you", at=SOON, until=LATER)
    assert jobs.lease(job.id, "me", at=SOON, until=SOON + timedelta(seconds=30))
    assert other.runnable(SOON) == ()
    assert other.runnable(LATER) == (job.id,)
    assert other.lease(job.id, "you", at=LATER, until=LATER + timedelta(seconds=30))
    assert not jobs.lease(job.id, "me", at=LATER, until=LATER + timedelta(seconds=30))
    found = jobs.job(job.id)
    assert found is not None
    assert (found.owner, found.leased_until) == ("you", LATER + timedelta(seconds=30))


def test_of_many_that_ask_for_a_lease_one_gets_it(records: Records, jobs: PurgeJobs) -> None:
    job, got = begun(jobs, "a"), []
    barrier = threading.Barrier(4)

    def ask(mine: PurgeJobs, owner: str) -> None:
        barrier.wait(30)
        got.append(mine.lease(job.id, owner, at=NOW, until=SOON))

    threads = [threading.Thread(target=ask, args=(records.jobs(), str(n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got) == [False, False, False, True]


def test_the_oldest_job_is_run_first(jobs: PurgeJobs) -> None:
    late, early = begun(jobs, "a", minute=2), begun(jobs, "b", minute=1)
    assert jobs.runnable(LATER) == (early.id, late.id)


def test_the_journal_of_a_step(jobs: PurgeJobs) -> None:
    """A step that failed may begin again, and then says nothing of its first try."""
    job = begun(jobs, "a")
    jobs.start_step(job.id, StepName.CHECK, NOW)
    jobs.end_step(job.id, StepName.CHECK, SOON, error="redis did not answer")
    first = _step(jobs, job.id)
    assert (first.state, first.error, first.started_at, first.ended_at) == (
        StepState.FAILED, "redis did not answer", NOW, SOON
    )  # fmt: skip
    jobs.start_step(job.id, StepName.CHECK, SOON)
    assert _step(jobs, job.id).state is StepState.STARTED
    result = {"items": [["keys", "bad\udcff\0", "tf_vector", 3]], "problems": {}}
    jobs.end_step(job.id, StepName.CHECK, LATER, result=result)
    done = _step(jobs, job.id)
    assert (done.state, done.result, done.error) == (StepState.DONE, result, "")
    assert (done.started_at, done.ended_at) == (SOON, LATER)
    found = jobs.job(job.id)
    assert found is not None
    assert [step.state.value for step in found.steps] == ["done", "waiting", "waiting"]


def _step(jobs: PurgeJobs, job_id: str) -> object:
    job = jobs.job(job_id)
    assert job is not None
    return job.step(StepName.CHECK)


def test_a_job_says_how_far_it_is_and_hears_that_it_should_stop(jobs: PurgeJobs) -> None:
    job = begun(jobs, "a")
    jobs.say(job.id, "ended 3 of 5 sessions")
    jobs.ask_stop(job.id)
    found = jobs.job(job.id)
    assert found is not None
    assert (found.progress, found.stop_asked) == ("ended 3 of 5 sessions", True)


@pytest.mark.parametrize("state", [JobState.STOPPED, JobState.FAILED])
def test_a_paused_job_holds_its_names_and_can_be_resumed(jobs: PurgeJobs, state: JobState) -> None:
    """Meanwhile nobody runs it, and afterwards anybody may."""
    job = begun(jobs, "a")
    assert jobs.lease(job.id, "me", at=NOW, until=LATER)
    jobs.ask_stop(job.id)
    jobs.pause(job.id, state, "redis did not answer")
    found = jobs.job(job.id)
    assert found is not None
    assert (found.state, found.problem, found.owner) == (state, "redis did not answer", "")
    assert jobs.runnable(LATER) == ()
    assert not jobs.lease(job.id, "me", at=NOW, until=LATER)
    assert jobs.holder(["a"]) == job.id
    for _ in range(2):
        jobs.resume(job.id)
    assert jobs.job(job.id) == job
    assert jobs.lease(job.id, "you", at=NOW, until=LATER)


def test_an_ended_job_has_its_receipt_and_lets_go(jobs: PurgeJobs) -> None:
    """Its names are free, it cannot be run, and what it came to never changes."""
    job = begun(jobs, "a", "b")
    assert jobs.receipt(job.id) is None
    stones = (Tombstone("acme_kato", "tenant/acme", job.id, LATER),)
    jobs.end(job.id, Outcome.ERASED, json.dumps({"job": job.id}), LATER, stones)
    jobs.end(job.id, Outcome.PARTIAL, "{}", LATER, ())
    ended = replace(job, state=JobState.ENDED, outcome=Outcome.ERASED, ended_at=LATER)
    assert jobs.job(job.id) == ended
    assert jobs.receipt(job.id) == json.dumps({"job": job.id})
    assert jobs.tombstones() == stones
    assert jobs.holder(["a", "b"]) is None
    assert jobs.runnable(LATER + timedelta(days=1)) == ()
    assert not jobs.lease(job.id, "me", at=LATER, until=LATER + timedelta(days=1))
    jobs.pause(job.id, JobState.FAILED, "late")
    jobs.ask_stop(job.id)
    jobs.say(job.id, "late")
    with pytest.raises(PurgeRefused, match=job.id):
        jobs.resume(job.id)
    with pytest.raises(PurgeRefused, match=job.id):
        jobs.start_step(job.id, StepName.CHECK, LATER)
    assert jobs.job(job.id) == ended
    begun(jobs, "a")


def test_a_paused_job_can_be_ended(jobs: PurgeJobs) -> None:
    job = begun(jobs, "a")
    jobs.pause(job.id, JobState.STOPPED, "")
    jobs.end(job.id, Outcome.PARTIAL, "{}", LATER, ())
    assert jobs.holder(["a"]) is None


def test_what_never_was_cannot_be_resumed(jobs: PurgeJobs) -> None:
    with pytest.raises(PurgeRefused):
        jobs.resume("none")
    with pytest.raises(PurgeRefused):
        jobs.start_step(begun(jobs, "a").id, StepName.VECTORS, NOW)


def test_the_newest_tombstone_of_a_kb_id_counts(jobs: PurgeJobs) -> None:
    """Even where the older one comes last."""
    new, old = begun(jobs, "a"), begun(jobs, "b")
    for job, at in ((new, LATER), (old, SOON)):
        stone = Tombstone("acme_kato", "tenant/acme", job.id, at)
        jobs.end(job.id, Outcome.ERASED, "{}", at, (stone,))
    assert [(stone.job_id, stone.erased_at) for stone in jobs.tombstones()] == [(new.id, LATER)]


def test_hostile_names_are_kept_as_they_are(records: Records) -> None:
    """NUL, bad UTF-8, half a character and 10,000 of them, in names and in words."""
    jobs = records.jobs()
    job = jobs.begin(
        plan_for(), asked_by="".join(HOSTILE), reason=HOSTILE[0], names=HOSTILE, steps=STEPS, at=NOW
    )  # fmt: skip
    for name in HOSTILE:
        assert jobs.holder([name]) == job.id
        with pytest.raises(PurgeRefused):
            begun(jobs, name)
        jobs.say(job.id, name)
        jobs.start_step(job.id, StepName.CHECK, NOW)
        jobs.end_step(job.id, StepName.CHECK, NOW, error=name or "x")
    jobs.pause(job.id, JobState.FAILED, HOSTILE[2])
    found = records.jobs().job(job.id)
    assert found is not None
    assert (found.asked_by, found.reason, found.problem) == (
        "".join(HOSTILE), HOSTILE[0], HOSTILE[2]
    )  # fmt: skip
    kb_ids = [name for name in HOSTILE if "\ud800" not in name]  # no store has such a name
    stones = [Tombstone(name, HOSTILE[1], job.id, LATER) for name in kb_ids]
    jobs.end(job.id, Outcome.ERASED, "{}", LATER, stones)
    assert set(jobs.tombstones()) == set(stones)


def test_any_bytes_are_a_name(jobs: PurgeJobs) -> None:
    """Two names that differ never hold each other."""

    @settings(max_examples=25)
    @given(st.sets(st.binary(max_size=8), min_size=2, max_size=4))
    def check(raw: set[bytes]) -> None:
        first, *others = [r.decode("utf-8", "surrogateescape") for r in raw]
        job = begun(jobs, first)
        assert jobs.holder([first]) == job.id
        assert jobs.holder(others) is None
        jobs.end(job.id, Outcome.ERASED, "{}", NOW, ())

    check()


def test_a_database_that_is_gone_is_an_error_of_ours(records: Records) -> None:
    """Every call says so in our words."""
    engine = records.engine()
    jobs = PurgeJobs(engine)
    with engine.begin() as connection:
        for table in ("purge_step", "purge_hold", "purge_job", "purge_plan", "tombstone"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    calls = [
        lambda: jobs.keep_plan(plan_for()),
        lambda: jobs.plan("d"),
        lambda: begun(jobs, "a"),
        lambda: jobs.job("x"),
        jobs.all,
        lambda: jobs.holder(["a"]),
        lambda: jobs.runnable(NOW),
        lambda: jobs.lease("x", "me", at=NOW, until=SOON),
        lambda: jobs.start_step("x", StepName.CHECK, NOW),
        lambda: jobs.say("x", "."),
        lambda: jobs.resume("x"),
        lambda: jobs.end("x", Outcome.ERASED, "{}", NOW, ()),
        lambda: jobs.receipt("x"),
        jobs.tombstones,
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable, match="state store"):
            call()
