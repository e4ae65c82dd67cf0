"""Jobs of any kind: what they hold, who runs them, and how they stop, fail and go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest.mock import Mock

import pytest
from sqlalchemy import update

from services.errors import LeaseLost, PurgeRefused, StoreUnavailable
from services.jobs.models import Job, JobRefused, JobState, Progress, Result, StepState
from services.jobs.ports import Said
from services.jobs.run import Stopped, Stops
from services.jobs.service import JobsService
from services.metrics.models import Running
from services.restore.models import RestoreRefused
from services.restore.service import RestoreService
from services.stores.records.database import writing
from services.stores.records.jobs.jobs import JobBook
from services.stores.records.jobs.tally import job_tally
from services.stores.records.schema import JOBS
from tests.servers.purger import NOW, SOON, begun, plan_for
from tests.servers.records import Records

STEPS = ("copy", "prove", "cut over")


@dataclass
class Made:
    """A kind of job whose steps note that they were done, and then do what a test asks for."""

    book: JobBook
    done: list[str] = field(default_factory=list)
    then: Callable[[str], object] = lambda _: None
    why: str = ""

    def work(self, job: Job) -> Made.Work:
        """Return what one run does."""
        return Made.Work(self, job)

    @dataclass
    class Work:
        """One run."""

        made: Made
        job: Job

        def begin(self, said: Said, stops: Stops) -> str:
            """Make ready."""
            self.said, self.stops = said, stops
            return self.made.why

        def left(self) -> Iterable[str]:
            """Return what no run has done."""
            return [step.name for step in self.job.steps if step.state is not StepState.DONE]

        def do(self, step: str) -> Result:
            """Do a step."""
            self.made.done.append(step)
            self.said(Progress(f"at {step}", 1, 2))
            self.made.then(step)
            if self.stops() and step == "prove":
                raise Stopped
            return {"was": step}

        def end(self, lease: int) -> None:
            """End it."""
            at = datetime.now(UTC)
            self.made.book.end(self.job.id, "copied", {"rows": 7}, at, lease=lease)


@pytest.fixture
def made(records: Records) -> Made:
    return Made(JobBook(records.engine()))


@pytest.fixture
def jobs(made: Made) -> JobsService:
    return JobsService(made.book, {"copy": made.work})


def start(jobs: JobsService, *names: str, kind: str = "copy") -> Job:
    plan: dict[str, Any] = {"tenant": "acmé\x00", "most": 2**60}
    return jobs.begin(
        kind, plan, asked_by="ann", reason=" R-1 ", names=names or ("acme",), steps=STEPS
    )


def test_a_job_is_kept_as_it_was_begun(jobs: JobsService, made: Made) -> None:
    job = start(jobs)
    found = jobs.job(job.id)
    assert found == job
    assert (found.plan["tenant"], found.plan["most"]) == ("acmé\x00", 2**60)
    assert (found.reason, found.state) == ("R-1", JobState.RUNNING)
    assert [step.name for step in found.steps] == list(STEPS)
    assert jobs.all("copy") == (found,)
    assert jobs.all("move") == made.book.unended("move") == ()
    assert made.book.unended("copy") == made.book.unended() == (found,)
    with pytest.raises(JobRefused):
        jobs.job("nothing")


def test_one_that_has_not_ended_is_listed_however_many_came_after_it(jobs: JobsService) -> None:
    """Or nobody could stop it, or let it go on."""
    waits, other = start(jobs, "waits"), start(jobs, "other", kind="move")
    ended = [start(jobs, str(number)) for number in range(3)]
    for each in ended:
        jobs.run_here(each.id)
    assert [job.id for job in jobs.listed("copy", newest=2)] == [
        *(each.id for each in sorted(ended, key=lambda job: (job.created_at, job.id))[:0:-1]),
        waits.id,
    ]
    assert {job.id for job in jobs.listed("copy", "move", newest=1)} >= {waits.id, other.id}
    assert jobs.of_kind(waits.id, "move", "copy") == waits
    assert jobs.of_kind(waits.id, "move") is jobs.of_kind("nothing", "copy") is None


def test_it_runs_to_its_end_and_lets_go(jobs: JobsService, made: Made) -> None:
    """Then another one may hold what it held."""
    job = start(jobs)
    assert jobs.holder(["acme"]) == job.id
    ended = jobs.run_here(job.id)
    assert made.done == list(STEPS)
    assert (ended.state, ended.outcome, ended.receipt) == (JobState.ENDED, "copied", {"rows": 7})
    assert ended.result("prove") == {"was": "prove"}
    assert jobs.holder(["acme"]) is None
    assert made.book.unended("copy") == made.book.unended() == ()
    with pytest.raises(JobRefused):
        jobs.resume(job.id)
    assert start(jobs).id != job.id


def test_two_jobs_and_a_purge_keep_off_one_tenant(
    jobs: JobsService, made: Made, records: Records
) -> None:
    """Whichever came first; each is told who has it, and nothing of the refused one stays."""
    purges = records.jobs()
    mine = start(jobs, "acme", "acme_kato")
    with pytest.raises(JobRefused, match=f"copy job {mine.id}"):
        start(jobs, "acme_kato")
    with pytest.raises(PurgeRefused, match=f"copy job {mine.id}"):
        begun(purges, "acme")
    assert (len(jobs.all()), purges.all()) == (1, ())
    purge = begun(purges, "zeta")
    with pytest.raises(JobRefused, match=f"purge job {purge.id}"):
        start(jobs, "zeta")


def test_purges_and_other_jobs_are_looked_for_apart(
    jobs: JobsService, made: Made, records: Records
) -> None:
    purges = records.jobs()
    purge, job = begun(purges, "zeta"), start(jobs)
    at = datetime.now(UTC)
    assert (made.book.runnable(at), purges.runnable(at)) == ((job.id,), (purge.id,))
    assert [each.id for each in purges.all()] == [purge.id]
    assert [each.id for each in jobs.all()] == [job.id]
    assert purges.job(job.id) is None
    assert made.book.job(purge.id) is None


def test_they_are_counted_by_kind_and_purges_apart(
    jobs: JobsService, made: Made, records: Records
) -> None:
    """With those that run: since when, and until when a process has them."""
    begun(records.jobs(), "zeta")
    ended, left = start(jobs, "a"), start(jobs, "b")
    jobs.run_here(ended.id)
    held = start(jobs, "c")
    until = datetime.now(UTC) + timedelta(minutes=1)
    made.book.lease(held.id, "me", at=datetime.now(UTC), until=until)
    found = job_tally(records.engine())
    assert found.states == {"copy": {JobState.RUNNING: 2, JobState.ENDED: 1}}
    assert set(found.running) == {"copy"}
    assert set(found.running["copy"]) == {
        Running(left.created_at, None), Running(held.created_at, until),
    }  # fmt: skip


def test_a_step_that_fails_is_done_again(jobs: JobsService, made: Made) -> None:
    """It is said why; what was done before stays done."""

    def fails(step: str) -> None:
        if step == "prove":
            raise StoreUnavailable("redis", "proving", "it did not answer")

    made.then = fails
    job = start(jobs)
    failed = jobs.run_here(job.id)
    assert failed.state is JobState.FAILED
    assert failed.problem.startswith("prove: ")
    assert jobs.holder(["acme"]) == job.id
    made.then = lambda _: None
    jobs.resume(job.id)
    assert jobs.run_here(job.id).state is JobState.ENDED
    assert made.done == ["copy", "prove", "prove", "cut over"]


def test_what_counts_something_else_is_noted_at_once(jobs: JobsService, made: Made) -> None:
    """What was counted before is not so any more: who gives the job up is told by the last note."""
    noted = list[Progress]()

    class Work(Made.Work):
        """Takes back what it wrote, as soon as it has said how much that is."""

        def do(self, step: str) -> Result:
            self.said(Progress("rows", 4, 6))
            self.said(Progress("rows", 5, 6))
            self.said(Progress("rows", 0, 0))
            noted.append(jobs.job(self.job.id).progress)
            return {}

    JobsService(made.book, {"copy": lambda job: Work(made, job)}).run_here(start(jobs).id)
    assert noted == [Progress("rows", 0, 0)] * len(STEPS)


def test_a_fault_of_this_product_fails_the_job(jobs: JobsService, made: Made) -> None:
    def breaks(_: str) -> None:
        raise ZeroDivisionError

    made.then = breaks
    failed = jobs.run_here(start(jobs).id)
    assert (failed.state, "ZeroDivisionError" in failed.problem) == (JobState.FAILED, True)


def test_it_stops_when_asked_to(jobs: JobsService, made: Made) -> None:
    """Before the next step, or within one that looks."""
    job = start(jobs)
    made.then = lambda step: jobs.stop(job.id) if step == "prove" else None
    stopped = jobs.run_here(job.id)
    assert (stopped.state, stopped.stop_asked) == (JobState.STOPPED, True)
    assert [step.state for step in stopped.steps] == ["done", "started", "waiting"]
    made.then = lambda _: None
    assert jobs.run_here(jobs.resume(job.id).id).outcome == "copied"


def test_one_that_may_not_go_on_says_why(jobs: JobsService, made: Made) -> None:
    made.why = "the tenant is on hold"
    failed = jobs.run_here(start(jobs).id)
    assert (failed.state, failed.problem, made.done) == (JobState.FAILED, made.why, [])


def test_who_lost_the_lease_writes_nothing(jobs: JobsService, made: Made) -> None:
    """Another took the job over while a step was under way: the first leaves it as it is."""
    job = start(jobs)

    def taken(step: str) -> None:
        with writing(made.book._engine, "testing") as connection:
            mine = update(JOBS).where(JOBS.c.id == job.id)
            connection.execute(mine.values(lease=JOBS.c.lease + 1, owner="you"))

    made.then = taken
    assert jobs.run(job.id)
    found = jobs.job(job.id)
    assert (found.owner, found.state) == ("you", JobState.RUNNING)
    assert [step.state for step in found.steps] == ["started", "waiting", "waiting"]
    with pytest.raises(LeaseLost):
        made.book.end(job.id, "copied", {}, NOW, lease=1)


def test_one_that_halted_is_held_against_whoever_would_go_on(jobs: JobsService, made: Made) -> None:
    """What goes on meanwhile is refused; what raises leaves it as it was, for anybody."""
    made.why = "not now"
    job = jobs.run_here(start(jobs, "tenant/acme").id)
    now = datetime.now(UTC)

    def broken() -> None:
        with jobs.halted(job.id) as held:
            assert held.job.problem == "not now"
            assert made.book.lease(job.id, "another", at=now, until=now, halted=True) is None
            with pytest.raises(JobRefused, match="half a minute"):
                jobs.resume(job.id)
            assert made.book.leased(job.id, held.lease) is jobs.run(job.id) is False
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert jobs.job(job.id) == job
    refuse = Mock(side_effect=RestoreRefused("by now it may not be"))
    with pytest.raises(RestoreRefused):
        jobs.decide(job.id, "copy", {}, check=refuse)
    assert jobs.job(job.id) == job
    made.why = ""
    jobs.resume(job.id)
    with pytest.raises(JobRefused), jobs.halted(job.id):
        pass
    with jobs.halted(job.id, unattended=True) as held:
        held.end("given up", {"why": "gone"})
    ended = jobs.job(job.id)
    assert (ended.state, ended.outcome, ended.receipt) == (
        JobState.ENDED, "given up", {"why": "gone"}
    )  # fmt: skip
    assert jobs.holder(["tenant/acme"]) is None


def test_one_that_halted_is_not_run(jobs: JobsService, made: Made) -> None:
    """Who found it running, and comes when another had it and failed, leaves it as it is."""
    made.why = "not now"
    job = jobs.run_here(start(jobs).id)
    made.why = ""
    assert jobs.run(job.id) is False
    assert jobs.job(job.id) == job
    assert made.done == []


def test_one_whose_end_was_cut_off_goes_on_once_its_lease_is_over(
    jobs: JobsService, made: Made
) -> None:
    made.why = "not now"
    job, now = jobs.run_here(start(jobs).id), datetime.now(UTC)
    made.book.lease(job.id, "killed", at=now, until=now - timedelta(seconds=1), halted=True)
    assert jobs.resume(job.id).state is JobState.RUNNING


def test_one_that_another_process_has_is_not_ended_by_who_gives_it_up(
    jobs: JobsService, made: Made
) -> None:
    """And once it has lost its lease, what it would still write is refused."""
    job, now = start(jobs, "tenant/acme"), datetime.now(UTC)
    lease = made.book.lease(job.id, "a process", at=now, until=now + timedelta(seconds=30))
    assert lease is not None
    with pytest.raises(JobRefused), jobs.halted(job.id, unattended=True):
        pass
    assert made.book.prolong(job.id, lease, until=now - timedelta(seconds=1))  # it is over
    with jobs.halted(job.id, unattended=True) as held:
        held.end("given up", {})
    with pytest.raises(LeaseLost):
        made.book.say(job.id, Progress("on"), lease=lease)
    assert not made.book.leased(job.id, lease)


def test_what_was_begun_for_a_reason_is_found_behind_any_number_of_newer_ones(
    jobs: JobsService, made: Made, records: Records
) -> None:
    """By this a job finds its parts: one that is not found would be begun once more."""
    purges = records.jobs()
    part = purges.begin(
        plan_for(), asked_by="ann", reason="parked by the job 1", names=["acme"], steps=(), at=NOW
    )
    copied = jobs.begin("restore", {}, asked_by="ann", reason="back", names=["a"], steps=())
    newer = begun(purges, "zeta", minute=1)
    for number in range(101):
        jobs.begin("restore", {}, asked_by="ann", reason="R", names=[f"r{number}"], steps=())
    assert purges.all(1) == (newer,)
    assert purges.all(1, reason="parked by the job 1") == (part,)
    assert purges.all(reason="parked") == ()
    assert jobs.all("restore", reason="back") == (copied,)
    assert jobs.all("copy", reason="back") == ()
    restores = RestoreService(cast("Any", None), jobs)
    assert copied not in restores.jobs()
    assert restores.job(copied.id) == copied
    for other in (part.id, start(jobs, "b").id, "nothing"):
        with pytest.raises(RestoreRefused):
            restores.job(other)


def test_a_job_of_an_unknown_kind_waits(jobs: JobsService, made: Made) -> None:
    """One of a newer version that runs beside this one."""
    job = start(jobs, kind="brew")
    assert jobs.run(job.id) is False
    assert jobs.job(job.id).state is JobState.RUNNING
    assert made.book.lease(job.id, "you", at=NOW, until=SOON) == 1


def test_a_reason_is_needed(jobs: JobsService, made: Made) -> None:
    for reason in ("  ", "x" * 2_001):
        with pytest.raises(JobRefused):
            jobs.begin("copy", {}, asked_by="ann", reason=reason, names=["acme"], steps=STEPS)
    assert jobs.all() == ()


def test_the_worker_runs_what_waits(jobs: JobsService, made: Made) -> None:
    ran: list[Job] = []
    told = JobsService(made.book, {"copy": made.work}, on_run=ran.append)
    job = start(jobs)
    told.worker.start()
    try:
        ended = told.run_here(job.id)
    finally:
        told.worker.stop()
    assert (ended.outcome, [each.id for each in ran]) == ("copied", [job.id])
    assert made.done == list(STEPS)
