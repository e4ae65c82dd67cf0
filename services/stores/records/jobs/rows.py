"""Steps, errors and progress as rows, and the names that a job of any kind holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from services.errors import KatoTenantsError, Problem
from services.jobs.models import JobRefused, Progress, Step, StepState
from services.stores.records.database import batches, insert_into
from services.stores.records.schema import HOLDS, JOBS, STEPS, digest_of

Rows = list[dict[str, object]]


def hold(
    connection: Connection, job_id: str, names: Iterable[str],
    refused: type[KatoTenantsError] = JobRefused, *, part_of: str = "",
) -> None:  # fmt: skip
    """Have a job hold every one of `names`, or raise `refused` where another one does.

    A name that another transaction is about to hold is waited for; all wait in one order. What
    the job holds of which this one is a part, it hands over.
    """
    digests = sorted(set(map(digest_of, names)))
    for some in batches(digests):
        theirs = (HOLDS.c.job == part_of, HOLDS.c.digest.in_(some))
        if part_of:
            connection.execute(update(HOLDS).where(*theirs).values(job=job_id))
        rows = [{"digest": digest, "job": job_id} for digest in some]
        connection.execute(insert_into(connection, HOLDS).on_conflict_do_nothing(), rows)
    if _held(connection, job_id, digests) == len(digests):
        return
    other = _holder(connection, digests, other_than=job_id)
    raise refused(_why_held(connection, other))


def _why_held(connection: Connection, other: str | None) -> str:
    kind = connection.scalar(select(JOBS.c.kind).where(JOBS.c.id == other)) if other else None
    who = f"the {kind} job {other}, which has not ended," if kind else "a job that ended just now"
    return f"{who} holds some of what this one is about"


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


def progress_columns(progress: Progress) -> dict[str, object]:
    """Return how far a step is, as columns of its job."""
    return {"progress": progress.words, "done": progress.done, "whole": progress.whole}


def step_rows(job_id: str, steps: Iterable[str]) -> Rows:
    """Return the steps of a job that begins as rows."""
    return [
        {
            "job": job_id, "ordinal": ordinal, "name": str(step),
            "state": StepState.WAITING.value, "result": "{}", "error": "",
        }
        for ordinal, step in enumerate(steps)
    ]  # fmt: skip


def steps_of(connection: Connection, ids: Sequence[str]) -> Mapping[str, tuple[Step[str], ...]]:
    """Read the steps of jobs, in their order."""
    steps: dict[str, tuple[Step[str], ...]] = dict.fromkeys(ids, ())
    for some in batches(ids):
        found = select(STEPS).where(STEPS.c.job.in_(some)).order_by(STEPS.c.ordinal)
        for row in connection.execute(found):
            steps[row.job] += (_step_of(row),)
    return steps


def _step_of(row: Row[Any]) -> Step[str]:
    return Step(
        row.name,
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
