"""What a run of a job writes, of whatever kind: its lease, its journal, and how far it is.

Every write carries the number of the lease. It begins with one statement that finds the job by
that number, changes it, and so holds its row until the write is there: whoever takes the lease
waits for that, and whoever has lost it finds nothing, and writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, select, update

from services.errors import LeaseLost, Problem
from services.jobs.models import JobRefused, JobState, Progress, StepState
from services.stores.records.clock import by_its_clock
from services.stores.records.database import reading, writing
from services.stores.records.jobs.rows import error_text, holder_of, progress_columns
from services.stores.records.schema import JOBS, STEPS

PURGE = "purge"
"""The kind of purges, which are looked for by themselves."""

UNENDED = JOBS.c.state != JobState.ENDED.value
PAUSED = (JobState.STOPPED.value, JobState.FAILED.value)
LET_GO: Mapping[str, object] = {"owner": "", "leased_until": None}


class JobRuns:
    """Leases and journals jobs. Raises StoreUnavailable.

    `of_kind` says which jobs are looked for: purges, or all others.
    """

    of_kind: ColumnElement[bool] = JOBS.c.kind != PURGE

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_over = False

    def let_go(self) -> None:
        """Have each run of this process end at its next look at its lease, and write no more.

        Its job stays as it is, running, for whoever takes it up once the lease is over.
        """
        self._is_over = True

    def holder(self, names: Sequence[str]) -> str | None:
        """Return the id of a job that holds one of these names: it is the job's."""
        with reading(self._engine, "looking for jobs") as connection:
            return holder_of(connection, names)

    def runnable(self, at: datetime) -> tuple[str, ...]:
        """Return the ids of running jobs that no process has leased, oldest first."""
        running = select(JOBS.c.id).where(self.of_kind, JOBS.c.state == JobState.RUNNING.value)
        with reading(self._engine, "looking for jobs") as connection:
            (at,) = by_its_clock(self._engine, connection, at)
            free = running.where(free_at(at)).order_by(JOBS.c.created_at, JOBS.c.id)
            return tuple(connection.scalars(free))

    def leased(self, job_id: str, lease: int) -> bool:
        """Whether this is still the newest lease of a job that runs, and not let go."""
        if self._is_over:
            return False
        running = JOBS.c.state == JobState.RUNNING.value
        newest = select(JOBS.c.id).where(JOBS.c.id == job_id, running, JOBS.c.lease == lease)
        with reading(self._engine, "asking for a lease") as connection:
            return connection.scalar(newest) is not None

    def is_to_stop(self, job_id: str) -> bool:
        """Whether somebody asked for an end between steps, or the job is gone."""
        asked = select(JOBS.c.stop_asked).where(JOBS.c.id == job_id)
        with reading(self._engine, "asking whether to stop") as connection:
            return connection.scalar(asked) is not False

    def ask_stop(self, job_id: str) -> None:
        """Ask for an end between steps."""
        running = (JOBS.c.id == job_id, JOBS.c.state == JobState.RUNNING.value)
        with writing(self._engine, "asking for an end") as connection:
            connection.execute(update(JOBS).where(*running).values(stop_asked=True))

    def lease(
        self, job_id: str, owner: str, *, at: datetime, until: datetime, halted: bool = False
    ) -> int | None:
        """Take the lease of a job that runs, and return its number, the newest.

        With `halted` also of one that stands still. None when there is none such, or another
        process has it.
        """
        takes = UNENDED if halted else JOBS.c.state == JobState.RUNNING.value
        with writing(self._engine, "leasing a job") as connection:
            at, until = by_its_clock(self._engine, connection, at, until)
            taking = update(JOBS).where(JOBS.c.id == job_id, takes, free_at(at))
            taking = taking.values(lease=JOBS.c.lease + 1, owner=owner, leased_until=until)
            taken: int | None = connection.scalar(taking.returning(JOBS.c.lease))
            return taken

    def prolong(self, job_id: str, lease: int, *, until: datetime) -> bool:
        """Prolong the newest lease of a job. False where this is not it, or it was given up."""
        if self._is_over:
            return False
        mine = (JOBS.c.id == job_id, JOBS.c.lease == lease, UNENDED)
        with writing(self._engine, "prolonging a lease") as connection:
            (until,) = by_its_clock(self._engine, connection, until)
            prolonging = update(JOBS).where(*mine).values(leased_until=until)
            return connection.execute(prolonging).rowcount == 1

    def start_step(self, job_id: str, step: str, at: datetime, *, lease: int) -> None:
        """Journal that a step begins (or begins again); the result of before stays.

        Raises LeaseLost.
        """
        values = {"state": StepState.STARTED.value, "started_at": at, "ended_at": None, "error": ""}
        self._journal(job_id, step, lease, values)

    def end_step(
        self, job_id: str, step: str, at: datetime, *, lease: int, result: object = None,
        error: Problem | None = None,
    ) -> None:  # fmt: skip
        """Journal how a step ended: with a result (a dict of JSON), or with an error.

        With an error and no result, the result of before stays. Raises LeaseLost.
        """
        state = StepState.DONE if error is None else StepState.FAILED
        values = {"state": state.value, "ended_at": at, "error": error_text(error)}
        if result is not None or error is None:
            values["result"] = json.dumps({} if result is None else result, sort_keys=True)
        self._journal(job_id, step, lease, values)

    def say(self, job_id: str, progress: Progress, *, lease: int) -> None:
        """Keep what the running step says of its progress. Raises LeaseLost."""
        with writing(self._engine, "noting progress") as connection:
            fenced(connection, job_id, lease, **progress_columns(progress))

    def pause(self, job_id: str, state: JobState, problem: str, *, lease: int) -> None:
        """Stop or fail a job, which still holds its names, and give up its lease.

        Raises LeaseLost.
        """
        values = {"state": state.value, "problem": problem, "lease": JOBS.c.lease + 1, **LET_GO}
        with writing(self._engine, "pausing a job") as connection:
            fenced(connection, job_id, lease, **values)

    def _journal(self, job_id: str, step: str, lease: int, values: Mapping[str, object]) -> None:
        statement = update(STEPS).where(STEPS.c.job == job_id, STEPS.c.name == str(step))
        with writing(self._engine, "journaling a step") as connection:
            fenced(connection, job_id, lease)
            if connection.execute(statement.values(**values)).rowcount != 1:
                raise JobRefused(f"the job {job_id} has no step {str(step)!r}")


def free_at(at: datetime) -> ColumnElement[bool]:
    """Return whether no process has a job at a time."""
    return (JOBS.c.owner == "") | (JOBS.c.leased_until < at)


def newest_first(jobs: Select[Any], reason: str) -> Select[Any]:
    """Put jobs in their order; with a reason, those alone that were begun for just that."""
    some = jobs.where(JOBS.c.reason == reason) if reason else jobs
    return some.order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc())


def fenced(connection: Connection, job_id: str, lease: int, /, **values: object) -> None:
    """Change a job whose newest lease this is and that has not ended, or raise LeaseLost.

    Its row is held until the transaction ends: what else that writes is fenced by it.
    """
    mine = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.lease == lease, UNENDED)
    if connection.execute(mine.values(**(values or {"lease": lease}))).rowcount != 1:
        raise LeaseLost(job_id)
