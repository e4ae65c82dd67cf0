"""Who has the lease of a purge job writes to its journal, and nobody else, on both databases."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from services.errors import LeaseLost
from services.jobs.models import JobState, Progress
from services.purge.job import Outcome, Tombstone
from services.purge.steps import StepName
from services.stores.records.database import writing
from services.stores.records.purges.jobs import PurgeJobs
from services.stores.records.schema import JOBS
from tests.servers.postgres import Postgres
from tests.servers.purger import (
    HOUR,
    LATER,
    NOW,
    SOON,
    begun,
    check_of,
    found_of,
    leased,
)
from tests.servers.records import Records
from tests.waiting import wait_until

TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def jobs(records: Records) -> PurgeJobs:
    return records.jobs()


def test_one_process_has_the_lease_until_it_is_over(records: Records, jobs: PurgeJobs) -> None:
    """It may prolong it; another takes it over when it did not."""
    other, job = records.jobs(), begun(jobs, "a")
    assert jobs.lease(job.id, "me", at=NOW, until=SOON) == 1
    assert other.lease(job.id, "you", at=SOON, until=LATER) is None
    assert jobs.prolong(job.id, 1, until=SOON + timedelta(seconds=30))
    assert other.runnable(SOON) == ()
    assert other.runnable(LATER) == (job.id,)
    assert (jobs.leased(job.id, 1), jobs.leased(job.id, 2)) == (True, False)
    assert other.lease(job.id, "you", at=LATER, until=LATER + timedelta(seconds=30)) == 2
    assert (jobs.leased(job.id, 1), jobs.leased(job.id, 2)) == (False, True)
    assert not jobs.prolong(job.id, 1, until=HOUR)
    found = jobs.job(job.id)
    assert found is not None
    assert (found.owner, found.leased_until) == ("you", LATER + timedelta(seconds=30))


def test_a_lease_that_was_given_up_is_not_prolonged(jobs: PurgeJobs) -> None:
    """The thread that prolongs it may come right after: the job is whoever's goes on with it."""
    job = begun(jobs, "a")
    lease = leased(jobs, job)
    jobs.pause(job.id, JobState.STOPPED, "", lease=lease)
    assert not jobs.prolong(job.id, lease, until=TOMORROW)
    assert jobs.lease(job.id, "you", at=LATER, until=TOMORROW) is None  # it does not run
    assert jobs.lease(job.id, "you", at=LATER, until=TOMORROW, halted=True) is not None


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
    assert sorted(got, key=str) == [1, None, None, None]


WRITES: dict[str, Callable[[PurgeJobs, str, int], object]] = {
    "start_step": lambda jobs, job, lease: jobs.start_step(
        job, StepName.CHECK, LATER, lease=lease
    ),
    "end_step": lambda jobs, job, lease: jobs.end_step(
        job, StepName.CHECK, LATER, lease=lease, result={"items": ["late"]}
    ),
    "say": lambda jobs, job, lease: jobs.say(job, Progress("late", 1, 2), lease=lease),
    "pause": lambda jobs, job, lease: jobs.pause(job, JobState.FAILED, "late", lease=lease),
    "end": lambda jobs, job, lease: jobs.end(
        job, Outcome.ERASED, '{"late": 1}', LATER,
        (Tombstone("late_kato", "tenant/late", job, LATER),), lease=lease, forget=["n"],
    ),
}  # fmt: skip
"""Everything that a run writes."""


@pytest.mark.parametrize("write", WRITES)
def test_who_lost_the_lease_writes_nothing(records: Records, jobs: PurgeJobs, write: str) -> None:
    """Whatever it is, and nothing of it: another process goes on by what is there."""
    records.state().record_nodes({"n": "session"}, NOW)
    job = begun(jobs, "a")
    lost = leased(jobs, job, "me")
    other = records.jobs()
    newest = other.lease(job.id, "you", at=HOUR, until=HOUR)
    assert newest == lost + 1
    before = found_of(other, job.id)
    for number in (lost, newest + 1, -1):
        with pytest.raises(LeaseLost, match=job.id):
            WRITES[write](jobs, job.id, number)
    assert found_of(other, job.id) == before
    assert other.receipt(job.id) is None
    assert not other.tombstones()
    assert other.holder(["a"]) == job.id
    assert [node.node_id for node in records.state().nodes()] == ["n"]
    WRITES[write](jobs, job.id, newest)
    assert found_of(other, job.id) != before


@pytest.mark.parametrize("write", WRITES)
def test_a_job_that_ended_is_written_no_more(jobs: PurgeJobs, write: str) -> None:
    """Not by the newest lease either: what it came to never changes."""
    job = begun(jobs, "a")
    lease = leased(jobs, job)
    jobs.end(job.id, Outcome.PARTIAL, "{}", SOON, (), lease=lease)
    before = found_of(jobs, job.id)
    with pytest.raises(LeaseLost, match=job.id):
        WRITES[write](jobs, job.id, lease)
    assert found_of(jobs, job.id) == before
    assert jobs.receipt(job.id) == "{}"
    assert not jobs.tombstones()


class _UndoneError(Exception):
    pass


@pytest.mark.parametrize("undone", [False, True])
def test_a_write_waits_for_a_take_over_under_way(
    records: Records, jobs: PurgeJobs, undone: bool
) -> None:
    """It is refused when that is there, and written when that was undone: never in between."""
    job = begun(jobs, "a")
    lease = leased(jobs, job)
    lost: list[bool] = []

    def write() -> None:
        try:
            jobs.end_step(job.id, StepName.CHECK, LATER, lease=lease, result={"items": [1]})
            lost.append(False)
        except LeaseLost:
            lost.append(True)

    thread = threading.Thread(target=write)
    with suppress(_UndoneError), writing(records.engine(), "a test") as connection:
        connection.execute(update(JOBS).values(lease=lease + 1))
        thread.start()
        thread.join(0.5)
        assert not lost
        if undone:
            raise _UndoneError
    thread.join(30)
    assert lost == [not undone]
    assert check_of(jobs, job.id).result == ({"items": [1]} if undone else {})


def test_a_process_that_was_paused_writes_nothing_any_more(records: Records) -> None:
    """It is stopped by a signal, another takes the job over and goes on; then it wakes."""
    jobs = records.jobs()
    job = begun(jobs, "a")
    process = records.start("tests.servers.purge_runner", job.id)
    lease = int(told(process, "lease"))
    process.send_signal(signal.SIGSTOP)
    newest = jobs.lease(job.id, "me", at=TOMORROW, until=TOMORROW)
    assert newest == lease + 1
    jobs.end_step(job.id, StepName.CHECK, LATER, lease=newest, result={"items": [1]})
    before = found_of(jobs, job.id)
    process.send_signal(signal.SIGCONT)
    assert ended(process, "write") == "0"
    assert found_of(jobs, job.id) == before


def test_whenever_it_is_paused(postgres_server: Postgres, tmp_path: Path) -> None:
    """In the middle of a write too: the take-over waits for that to be there, or undone.

    (SQLite has no server that would undo it: there nobody writes until it goes on.)
    """
    with closing(Records(tmp_path, postgres_server.new_database())) as records:
        jobs = records.jobs()
        job = begun(jobs, "a")
        process = records.start("tests.servers.purge_runner", job.id)
        lease = int(told(process, "at once"))
        wait_until(lambda: (found_of(jobs, job.id).progress.done or 0) > 3)  # into the middle of it
        process.send_signal(signal.SIGSTOP)
        newest = jobs.lease(job.id, "me", at=TOMORROW, until=TOMORROW)
        assert newest == lease + 1
        before = found_of(jobs, job.id)
        process.send_signal(signal.SIGCONT)
        written = int(ended(process, ""))
        assert written > 0
        assert before.progress.done in {written - 1, written}
        assert found_of(jobs, job.id) == before


def told(process: subprocess.Popen[str], word: str) -> str:
    """Wait until a process is ready, tell it a word, and return what it says to that."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str], word: str) -> str:
    """Tell a process a word, and return what it says last."""
    answer, _ = process.communicate(f"{word}\n", timeout=240)
    assert process.returncode == 0
    return answer.strip()
