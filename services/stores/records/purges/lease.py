"""What a run of a purge writes: its lease, its journal, its end.

Every write carries the number of the lease. It begins with one statement that finds the job by
that number, changes it, and so holds its row until the write is there: whoever takes the lease
waits for that, and whoever has lost it finds nothing, and writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, case, delete, select, update

from services.errors import LeaseLost, Problem, PurgeRefused
from services.purge.job import JobState, Outcome, Tombstone
from services.purge.models import Progress
from services.purge.steps import StepName, StepState
from services.stores.records.database import scrub, writing
from services.stores.records.findings import forget_in_findings
from services.stores.records.name_hashes import Marks
from services.stores.records.names import drop_names
from services.stores.records.purges.forget import (
    forgotten_plan,
    forgotten_result,
    text_of,
    words_for,
)
from services.stores.records.purges.read import JobReading
from services.stores.records.purges.rows import error_text, progress_columns
from services.stores.records.purges.tombstones import bury
from services.stores.records.schema import (
    HOLDS,
    JOBS,
    PLANS,
    STEPS,
)

UNENDED = JOBS.c.state != JobState.ENDED.value
LET_GO: Mapping[str, object] = {"owner": "", "leased_until": None}


class JobRuns(JobReading):
    """Leases and journals purge jobs. Raises StoreUnavailable."""

    def lease(self, job_id: str, owner: str, *, at: datetime, until: datetime) -> int | None:
        """Take or prolong the lease of a job that has not ended, and return its number.

        The number grows whenever another owner takes it. None when another process has it.
        """
        free = JOBS.c.owner.in_([owner, ""]) | (JOBS.c.leased_until < at)
        number = case((JOBS.c.owner == owner, JOBS.c.lease), else_=JOBS.c.lease + 1)
        taking = update(JOBS).where(JOBS.c.id == job_id, UNENDED, free)
        taking = taking.values(lease=number, owner=owner, leased_until=until)
        with writing(self._engine, "leasing a purge job") as connection:
            taken: int | None = connection.scalar(taking.returning(JOBS.c.lease))
            return taken

    def start_step(self, job_id: str, step: StepName, at: datetime, *, lease: int) -> None:
        """Journal that a step begins (or begins again); the result of before stays.

        Raises LeaseLost.
        """
        values = {"state": StepState.STARTED.value, "started_at": at, "ended_at": None, "error": ""}
        self._journal(job_id, step, lease, values)

    def end_step(
        self, job_id: str, step: StepName, at: datetime, *, lease: int, result: object = None,
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
        with writing(self._engine, "pausing a purge job") as connection:
            fenced(connection, job_id, lease, **values)

    def end(
        self, job_id: str, outcome: Outcome, receipt: str, at: datetime,
        tombstones: Sequence[Tombstone], *, lease: int, forget: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """End a job: keep its receipt (JSON) and tombstones, and let go of its names.

        With `forget`, these node_ids are forgotten in the same transaction, and plan and journal
        keep nothing that only these could have told: nodes, sessions, samples. Raises LeaseLost,
        also for a job that has ended.
        """
        values = {"outcome": outcome.value, "receipt": receipt, "ended_at": at}
        with writing(self._engine, "ending a purge job") as connection:
            fenced(connection, job_id, lease, state=JobState.ENDED.value, **values, **LET_GO)
            connection.execute(delete(HOLDS).where(HOLDS.c.job == job_id))
            marks = self._marks(connection)
            bury(connection, tombstones, marks)
            drop_names(connection, nodes=forget, kb_ids=(stone.kb_id for stone in tombstones))
            if forget:
                _forget_in(connection, job_id, forget, marks)
        self._scrub(when=bool(forget))

    def _scrub(self, *, when: bool) -> None:
        """Have what was removed overwritten; where that has to wait, the next time does it."""
        if when or self._unscrubbed:
            self._unscrubbed = not scrub(self._engine)

    def _journal(
        self, job_id: str, step: StepName, lease: int, values: Mapping[str, object]
    ) -> None:
        statement = update(STEPS).where(STEPS.c.job == job_id, STEPS.c.name == step.value)
        with writing(self._engine, "journaling a step") as connection:
            fenced(connection, job_id, lease)
            if connection.execute(statement.values(**values)).rowcount != 1:
                raise PurgeRefused(f"the purge job {job_id} has no step {step.value!r}")


def fenced(connection: Connection, job_id: str, lease: int, /, **values: object) -> None:
    """Change a job whose newest lease this is and that has not ended, or raise LeaseLost.

    Its row is held until the transaction ends: what else that writes is fenced by it.
    """
    mine = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.lease == lease, UNENDED)
    if connection.execute(mine.values(**(values or {"lease": lease}))).rowcount != 1:
        raise LeaseLost(job_id)


def _forget_in(connection: Connection, job_id: str, nodes: Sequence[str], marks: Marks) -> None:
    """Take names out of a job's plan and journal and of findings, and drop plans that have them."""
    plan = json.loads(
        connection.execute(select(JOBS.c.plan).where(JOBS.c.id == job_id)).scalar_one()
    )
    kept = select(STEPS.c.ordinal, STEPS.c.result).where(STEPS.c.job == job_id)
    results = {row.ordinal: json.loads(row.result) for row in connection.execute(kept)}
    words = words_for(plan, results.values(), nodes, marks)
    for ordinal, result in results.items():
        step = update(STEPS).where(STEPS.c.job == job_id, STEPS.c.ordinal == ordinal)
        text = text_of(forgotten_result(result, words, marks))
        connection.execute(step.values(result=text, error=""))
    job = update(JOBS).where(JOBS.c.id == job_id)
    connection.execute(job.values(
        plan=text_of(forgotten_plan(plan, words, marks)), plan_number=JOBS.c.plan_number + 1,
        problem="", progress="", done=None, whole=None,
    ))  # fmt: skip
    forget_in_findings(connection, words)
    _drop_plans(connection, {*nodes, *plan["surface"]["nodes"]})


def _drop_plans(connection: Connection, nodes: set[str]) -> None:
    """Remove the plans that would purge one of these nodes: what they planned is gone."""
    for row in connection.execute(select(PLANS.c.digest, PLANS.c.text)).all():
        if nodes.intersection(json.loads(row.text)["surface"]["nodes"]):
            connection.execute(delete(PLANS).where(PLANS.c.digest == row.digest))
