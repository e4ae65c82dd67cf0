"""Purge plans, jobs, receipts and tombstones, as `services.purging.sources.Jobs` asks for them.

What keeps two jobs off one tenant or kb_id is a primary key, so it holds between processes too.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, exists, insert, select, update

from services.errors import PurgeRefused
from services.purging.models import (
    Job,
    JobState,
    Outcome,
    Plan,
    Step,
    StepName,
    StepState,
    Tombstone,
)
from services.purging.records import plan_json, plan_of
from services.stores.database import batches, reading, writing
from services.stores.purge_rows import (
    JOB_COLUMNS,
    hold,
    holder_of,
    job_of,
    job_row,
    put_newer,
    step_rows,
    steps_of,
    stone_rows,
)
from services.stores.state_tables import HOLDS, JOBS, PLANS, STEPS, TOMBSTONES

_PLANS_KEPT = 200  # in memory, since a job's plan never changes and may be long
_LET_GO: Mapping[str, object] = {"owner": "", "leased_until": None}
_UNENDED = JOBS.c.state != JobState.ENDED.value


class PurgeJobs:
    """The purge jobs in the state store. Raises StoreUnavailable when it does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._plans: Mapping[str, Plan] = {}

    def keep_plan(self, plan: Plan) -> None:
        """Keep a plan, by its digest; of two with one digest the newer."""
        row = {"digest": plan.digest, "created_at": plan.created_at, "text": plan_json(plan)}
        with writing(self._engine, "keeping a plan") as connection:
            put_newer(connection, PLANS, [row], by="created_at")

    def plan(self, digest: str) -> Plan | None:
        """Return the newest plan with this digest."""
        with reading(self._engine, "reading a plan") as connection:
            text = connection.scalar(select(PLANS.c.text).where(PLANS.c.digest == digest))
        return None if text is None else plan_of(text)

    def begin(
        self, plan: Plan, *, asked_by: str, reason: str, names: Sequence[str],
        steps: Sequence[StepName], at: datetime,
    ) -> Job:  # fmt: skip
        """Create a running job that holds every one of `names`.

        Raises PurgeRefused when another job that has not ended holds one of them.
        """
        job = Job(
            secrets.token_hex(8), plan, asked_by, reason, at, JobState.RUNNING,
            steps=tuple(Step(name) for name in steps),
        )  # fmt: skip
        with writing(self._engine, "beginning a purge") as connection:
            connection.execute(insert(JOBS), job_row(job))
            if steps:
                connection.execute(insert(STEPS), step_rows(job))
            hold(connection, job.id, names)
        return job

    def job(self, job_id: str) -> Job | None:
        """Return one job with its steps."""
        with reading(self._engine, "reading a purge job") as connection:
            rows = connection.execute(select(*JOB_COLUMNS).where(JOBS.c.id == job_id)).all()
            return next(iter(self._jobs_of(connection, rows)), None)

    def all(self, limit: int = 100) -> tuple[Job, ...]:
        """Return the newest jobs with their steps, the newest first."""
        newest = (
            select(*JOB_COLUMNS).order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc()).limit(limit)
        )
        with reading(self._engine, "reading purge jobs") as connection:
            return self._jobs_of(connection, connection.execute(newest).all())

    def holder(self, names: Sequence[str]) -> str | None:
        """Return the id of a job that holds one of these names: it is being purged."""
        with reading(self._engine, "looking for purge jobs") as connection:
            return holder_of(connection, names)

    def runnable(self, at: datetime) -> tuple[str, ...]:
        """Return the ids of running jobs that no process has leased, oldest first."""
        free = (JOBS.c.owner == "") | (JOBS.c.leased_until < at)
        statement = (
            select(JOBS.c.id)
            .where(JOBS.c.state == JobState.RUNNING.value, free)
            .order_by(JOBS.c.created_at, JOBS.c.id)
        )
        with reading(self._engine, "looking for purge jobs") as connection:
            return tuple(connection.scalars(statement))

    def lease(self, job_id: str, owner: str, *, at: datetime, until: datetime) -> bool:
        """Take or prolong the lease of a running job; False when another process has it."""
        free = JOBS.c.owner.in_([owner, ""]) | (JOBS.c.leased_until < at)
        lease = update(JOBS).where(
            JOBS.c.id == job_id, JOBS.c.state == JobState.RUNNING.value, free
        )
        with writing(self._engine, "leasing a purge job") as connection:
            taken = connection.execute(lease.values(owner=owner, leased_until=until))
        return taken.rowcount == 1

    def start_step(self, job_id: str, step: StepName, at: datetime) -> None:
        """Journal that a step begins (or begins again).

        Raises PurgeRefused for a job that has ended.
        """
        self._journal(
            job_id, step, state=StepState.STARTED, started_at=at, ended_at=None, result="{}",
            error="",
        )  # fmt: skip

    def end_step(
        self, job_id: str, step: StepName, at: datetime, *, result: object = None, error: str = ""
    ) -> None:
        """Journal how a step ended: with a result (a dict of JSON), or with an error.

        Raises PurgeRefused for a job that has ended.
        """
        state = StepState.FAILED if error else StepState.DONE
        text = json.dumps({} if result is None else result, sort_keys=True)
        self._journal(job_id, step, state=state, ended_at=at, result=text, error=error)

    def say(self, job_id: str, progress: str) -> None:
        """Keep what the running step says of its progress."""
        self._set(job_id, (JobState.RUNNING,), "noting progress", progress=progress)

    def ask_stop(self, job_id: str) -> None:
        """Ask for an end between steps."""
        self._set(job_id, (JobState.RUNNING,), "asking for an end", stop_asked=True)

    def pause(self, job_id: str, state: JobState, problem: str) -> None:
        """Stop or fail a running job, which still holds its names, and give up its lease."""
        values = {"state": state.value, "problem": problem, **_LET_GO}
        self._set(job_id, (JobState.RUNNING,), "pausing a purge job", **values)

    def resume(self, job_id: str) -> None:
        """Let a stopped or failed job run again; one that runs goes on.

        Raises PurgeRefused for one that has ended, or never was.
        """
        paused = (JobState.STOPPED, JobState.FAILED)
        values = {"state": JobState.RUNNING.value, "stop_asked": False, "problem": "", **_LET_GO}
        if not self._set(job_id, paused, "resuming a purge job", **values):
            job = self.job(job_id)
            if job is None or job.state is JobState.ENDED:
                raise PurgeRefused(f"the purge job {job_id} has ended, or never was")

    def end(
        self, job_id: str, outcome: Outcome, receipt: str, at: datetime,
        tombstones: Sequence[Tombstone],
    ) -> None:  # fmt: skip
        """End a job: keep its receipt (JSON) and tombstones, and let go of its names.

        A job that has ended stays as it is, so that an end may be repeated.
        """
        values = {"state": JobState.ENDED.value, "outcome": outcome.value, "receipt": receipt}
        with writing(self._engine, "ending a purge job") as connection:
            end = update(JOBS).where(JOBS.c.id == job_id, _UNENDED)
            if connection.execute(end.values(ended_at=at, **values, **_LET_GO)).rowcount:
                connection.execute(delete(HOLDS).where(HOLDS.c.job == job_id))
                put_newer(connection, TOMBSTONES, stone_rows(tombstones), by="erased_at")

    def receipt(self, job_id: str) -> str | None:
        """Return the receipt of an ended job, as JSON."""
        with reading(self._engine, "reading a receipt") as connection:
            return connection.scalar(select(JOBS.c.receipt).where(JOBS.c.id == job_id))

    def tombstones(self) -> tuple[Tombstone, ...]:
        """Return every kb_id that was purged, the newest of each."""
        stones = TOMBSTONES.c
        statement = select(stones.kb_id, stones.tenant, stones.job, stones.erased_at)
        with reading(self._engine, "reading tombstones") as connection:
            return tuple(Tombstone(*row) for row in connection.execute(statement))

    def _set(
        self, job_id: str, states: Sequence[JobState], operation: str, **values: object
    ) -> bool:
        """Change a job that is in one of these states; False when it is not."""
        allowed = JOBS.c.state.in_([state.value for state in states])
        statement = update(JOBS).where(JOBS.c.id == job_id, allowed).values(values)
        with writing(self._engine, operation) as connection:
            return connection.execute(statement).rowcount == 1

    def _journal(self, job_id: str, step: StepName, *, state: StepState, **values: object) -> None:
        unended = exists().where(JOBS.c.id == job_id, _UNENDED)
        statement = update(STEPS).where(STEPS.c.job == job_id, STEPS.c.name == step.value, unended)
        with writing(self._engine, "journaling a step") as connection:
            found = connection.execute(statement.values(state=state.value, **values))
        if found.rowcount != 1:
            raise PurgeRefused(f"the purge job {job_id} has ended, or has no step {step.value!r}")

    def _jobs_of(self, connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Job, ...]:
        ids = [row.id for row in rows]
        plans = self._plans_of(connection, ids)
        steps = steps_of(connection, ids)
        return tuple(job_of(row, plans[row.id], steps[row.id]) for row in rows)

    def _plans_of(self, connection: Connection, ids: Sequence[str]) -> Mapping[str, Plan]:
        known, new = self._plans, {}
        for some in batches([job_id for job_id in ids if job_id not in known]):
            found = select(JOBS.c.id, JOBS.c.plan).where(JOBS.c.id.in_(some))
            new.update({row.id: plan_of(row.plan) for row in connection.execute(found)})
        if not new:
            return known
        plans = {**known, **new}
        self._plans = plans if len(plans) <= _PLANS_KEPT else new
        return plans
