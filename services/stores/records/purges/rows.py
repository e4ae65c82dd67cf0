"""Purge jobs as rows, the rows as jobs, and the names that a job holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from services.errors import Problem, PurgeRefused
from services.purge.formats import plan_record
from services.purge.job import Job, JobState, Outcome
from services.purge.models import Plan, Progress
from services.purge.steps import Step, StepName, StepState
from services.stores.records.database import batches, insert_into
from services.stores.records.schema import HOLDS, JOBS, STEPS, digest_of

Rows = list[dict[str, object]]

JOB_COLUMNS = tuple(column for column in JOBS.c if column.name not in {"plan", "receipt"})
"""The columns of a job that are short."""


def hold(connection: Connection, job_id: str, names: Iterable[str]) -> None:
    """Have a job hold every one of `names`, or raise PurgeRefused where another one does.

    A name that another transaction is about to hold is waited for; all wait in one order.
    """
    digests = sorted(set(map(digest_of, names)))
    for some in batches(digests):
        rows = [{"digest": digest, "job": job_id} for digest in some]
        connection.execute(insert_into(connection, HOLDS).on_conflict_do_nothing(), rows)
    if _held(connection, job_id, digests) == len(digests):
        return
    other = _holder(connection, digests, other_than=job_id)
    who = f"the purge job {other}, which has not ended," if other else "a purge that ended just now"
    raise PurgeRefused(f"{who} holds some of what this one would erase")


def _held(connection: Connection, job_id: str, digests: Sequence[str]) -> int:
    mine = select(func.count()).select_from(HOLDS).where(HOLDS.c.job == job_id)
    return sum(
        connection.scalar(mine.where(HOLDS.c.digest.in_(some))) or 0 for some in batches(digests)
    )


def holder_of(connection: Connection, names: Iterable[str]) -> str | None:
    """Return a job that holds one of these names."""
    return _holder(connection, sorted(set(map(digest_of, names))), other_than="")


def _holder(connection: Connection, digests: Sequence[str], *, other_than: str) -> str | None:
    for some in batches(digests):
        held = select(HOLDS.c.job).where(HOLDS.c.digest.in_(some), HOLDS.c.job != other_than)
        found: str | None = connection.scalar(held.limit(1))
        if found is not None:
            return found
    return None


def put_newer(connection: Connection, table: Table, rows: Rows, *, by: str) -> None:
    """Put rows by their digest; of two with one digest, the one that is newer by a column."""
    if not rows:
        return
    statement = insert_into(connection, table)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.digest],
        set_={column.name: new[column.name] for column in table.c if column.name != "digest"},
        where=new[by] >= table.c[by],
    )
    connection.execute(statement, sorted(rows, key=lambda row: str(row["digest"])))


def sampleless(plan: Plan) -> Plan:
    """Return a plan without samples: names of keys hold symbols, which are for the screen alone."""
    return replace(plan, items=tuple(replace(item, samples=()) for item in plan.items))


def job_row(job: Job) -> dict[str, object]:
    """Return a job that begins as a row."""
    return {
        "id": job.id, "plan": plan_record(sampleless(job.plan)), "asked_by": job.asked_by,
        "reason": job.reason, "created_at": job.created_at, "state": job.state.value,
        "stop_asked": job.stop_asked, "owner": job.owner, "problem": job.problem,
        **progress_columns(job.progress), "plan_number": 0, "lease": 0,
    }  # fmt: skip


def progress_columns(progress: Progress) -> dict[str, object]:
    """Return how far a step is, as columns of its job."""
    return {"progress": progress.words, "done": progress.done, "whole": progress.whole}


def job_of(row: Row[Any], plan: Plan, steps: tuple[Step, ...]) -> Job:
    """Read a row of `JOB_COLUMNS`."""
    return Job(
        id=row.id,
        plan=plan,
        asked_by=row.asked_by,
        reason=row.reason,
        created_at=row.created_at,
        state=JobState(row.state),
        outcome=None if row.outcome is None else Outcome(row.outcome),
        ended_at=row.ended_at,
        stop_asked=row.stop_asked,
        owner=row.owner,
        leased_until=row.leased_until,
        problem=row.problem,
        progress=Progress(row.progress, row.done, row.whole),
        steps=steps,
    )


def step_rows(job: Job) -> Rows:
    """Return the steps of a job that begins as rows."""
    return [
        {
            "job": job.id, "ordinal": ordinal, "name": step.name.value,
            "state": step.state.value, "result": "{}", "error": error_text(step.error),
        }
        for ordinal, step in enumerate(job.steps)
    ]  # fmt: skip


def steps_of(connection: Connection, ids: Sequence[str]) -> Mapping[str, tuple[Step, ...]]:
    """Read the steps of jobs, in their order."""
    steps: dict[str, tuple[Step, ...]] = dict.fromkeys(ids, ())
    for some in batches(ids):
        found = select(STEPS).where(STEPS.c.job.in_(some)).order_by(STEPS.c.ordinal)
        for row in connection.execute(found):
            steps[row.job] += (_step_of(row),)
    return steps


def _step_of(row: Row[Any]) -> Step:
    return Step(
        StepName(row.name),
        StepState(row.state),
        row.started_at,
        row.ended_at,
        json.loads(row.result),
        error_of(row.error),
    )


def error_text(error: Problem | None) -> str:
    """Write why a step failed: a store's problem as JSON, another as its words; empty for none."""
    if error is None:
        return ""
    return str(error) if error.fault is None else json.dumps(error.kept)


def error_of(text: str) -> Problem | None:
    """Read what `error_text` wrote, in this version or an earlier one, which wrote words alone.

    Words that look like a store's problem tell no more than its store and fault to anybody.
    """
    if not text:
        return None
    try:
        return Problem.of_kept(json.loads(text)) if text.startswith("[") else Problem(text)
    except (ValueError, RecursionError):
        return Problem(text)
