"""The jobs of every kind but purges, as `services.jobs.ports.Jobs` asks for them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from services.jobs.models import Job, JobRefused, JobState, Progress, Step
from services.stores.records.clock import by_its_clock
from services.stores.records.database import reading, writing
from services.stores.records.jobs.looks import drop_looks
from services.stores.records.jobs.rows import hold, progress_columns, step_rows, steps_of
from services.stores.records.jobs.runs import (
    LET_GO,
    PAUSED,
    UNENDED,
    JobRuns,
    fenced,
    free_at,
    newest_first,
)
from services.stores.records.schema import HOLDS, JOBS, STEPS


class JobBook(JobRuns):
    """The jobs of every kind but purges. Raises StoreUnavailable."""

    def begin(
        self, kind: str, plan: Mapping[str, Any], *, asked_by: str, reason: str,
        names: Sequence[str], steps: Sequence[str], at: datetime,
    ) -> Job:  # fmt: skip
        """Create a running job that holds every one of `names`: tenants and kb_ids.

        Raises JobRefused, which names the job, when another one that has not ended, a purge too,
        holds one.
        """
        job = Job(
            secrets.token_hex(8), kind, plan, asked_by, reason, at, JobState.RUNNING,
            steps=tuple(Step(str(name)) for name in steps),
        )  # fmt: skip
        with writing(self._engine, "beginning a job") as connection:
            connection.execute(insert(JOBS), _row(job))
            if steps:
                connection.execute(insert(STEPS), step_rows(job.id, steps))
            hold(connection, job.id, names)
        return job

    def job(self, job_id: str) -> Job | None:
        """Return one job with its steps."""
        with reading(self._engine, "reading a job") as connection:
            rows = connection.execute(select(JOBS).where(self.of_kind, JOBS.c.id == job_id)).all()
            return next(iter(_jobs_of(connection, rows)), None)

    def all(self, kind: str = "", limit: int = 100, *, reason: str = "") -> tuple[Job, ...]:
        """Return the newest jobs, of one kind or of each, with their steps, the newest first.

        With a reason, of those that were begun for just that.
        """
        mine = JOBS.c.kind == kind if kind else self.of_kind
        newest = newest_first(select(JOBS).where(mine), reason)
        with reading(self._engine, "reading jobs") as connection:
            return _jobs_of(connection, connection.execute(newest.limit(limit)).all())

    def unended(self, kind: str = "") -> tuple[Job, ...]:
        """Return every job that has not ended, with its steps, the newest first.

        Of one kind, or of each.
        """
        mine = JOBS.c.kind == kind if kind else self.of_kind
        newest = newest_first(select(JOBS).where(mine, UNENDED), "")
        with reading(self._engine, "looking for jobs that have not ended") as connection:
            return _jobs_of(connection, connection.execute(newest).all())

    def resume(self, job_id: str, *, at: datetime) -> None:
        """Let a stopped or failed job run again. One that runs goes on.

        Raises JobRefused for one that ended, or never was, and while a process holds it to end it:
        that may be taking back what the job wrote.
        """
        values = {"state": JobState.RUNNING.value, "stop_asked": False, "problem": "", **LET_GO}
        paused = update(JOBS).where(self.of_kind, JOBS.c.id == job_id, JOBS.c.state.in_(PAUSED))
        with writing(self._engine, "resuming a job") as connection:
            (at,) = by_its_clock(self._engine, connection, at)
            if (
                connection.execute(
                    paused.where(free_at(at)).values(lease=JOBS.c.lease + 1, **values)
                ).rowcount
                == 1
            ):
                return
            state = connection.scalar(select(JOBS.c.state).where(JOBS.c.id == job_id))
        if state in PAUSED:
            raise JobRefused(f"somebody is ending the job {job_id}: look again in half a minute")
        if state != JobState.RUNNING.value:
            raise JobRefused(f"the job {job_id} has ended, or never was")

    def drop_looks(self, *, before: datetime, newest_before: datetime) -> int:
        """Remove looks that ended before a time; the newest at each thing go by their own.

        Returns how many these were.
        """
        return drop_looks(self._engine, before=before, newest_before=newest_before)

    def end(
        self, job_id: str, outcome: str, receipt: Mapping[str, Any], at: datetime, *, lease: int
    ) -> None:
        """End a job: keep its receipt, and let go of its names. Raises LeaseLost."""
        values = {"outcome": str(outcome), "receipt": _text(receipt), "ended_at": at}
        with writing(self._engine, "ending a job") as connection:
            fenced(connection, job_id, lease, state=JobState.ENDED.value, **values, **LET_GO)
            connection.execute(delete(HOLDS).where(HOLDS.c.job == job_id))


def _row(job: Job) -> dict[str, object]:
    return {
        "id": job.id, "kind": job.kind, "plan": _text(job.plan), "asked_by": job.asked_by,
        "reason": job.reason, "created_at": job.created_at, "state": job.state.value,
        "stop_asked": False, "owner": "", "problem": "", **progress_columns(job.progress),
        "plan_number": 0, "lease": 0,
    }  # fmt: skip


def _jobs_of(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Job, ...]:
    steps = steps_of(connection, [row.id for row in rows])
    return tuple(_job_of(row, steps[row.id]) for row in rows)


def _job_of(row: Row[Any], steps: tuple[Step[str], ...]) -> Job:
    return Job(
        row.id, row.kind, json.loads(row.plan), row.asked_by, row.reason, row.created_at,
        JobState(row.state), row.outcome, row.ended_at, row.stop_asked, row.owner,
        row.leased_until, row.problem, Progress(row.progress, row.done, row.whole), steps,
        None if row.receipt is None else json.loads(row.receipt),
    )  # fmt: skip


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)
