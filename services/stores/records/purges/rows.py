"""Purge jobs as rows, and the rows as jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from services.jobs.models import JobState, Progress, Step as AnyStep
from services.purge.formats import plan_record, sampleless
from services.purge.job import Job, Outcome
from services.purge.models import Plan
from services.purge.steps import Step, StepName
from services.stores.records.jobs.rows import progress_columns
from services.stores.records.jobs.runs import PURGE
from services.stores.records.schema import JOBS

JOB_COLUMNS = tuple(column for column in JOBS.c if column.name not in {"plan", "receipt"})
"""The columns of a job that are short."""


def job_row(job: Job) -> dict[str, object]:
    """Return a job that begins as a row."""
    return {
        "id": job.id, "kind": PURGE, "plan": plan_record(sampleless(job.plan)),
        "asked_by": job.asked_by, "reason": job.reason, "created_at": job.created_at,
        "state": job.state.value,
        "stop_asked": job.stop_asked, "owner": job.owner, "problem": job.problem,
        **progress_columns(job.progress), "plan_number": 0, "lease": 0,
    }  # fmt: skip


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


def purge_steps(steps: Iterable[AnyStep[str]]) -> tuple[Step, ...]:
    """Return the steps of a job as those of a purge."""
    return tuple(
        AnyStep(StepName(s.name), s.state, s.started_at, s.ended_at, s.result, s.error)
        for s in steps
    )
