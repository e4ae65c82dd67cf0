"""A restore that another job begins, found again by the reason that stands on it."""

from __future__ import annotations

from collections.abc import Callable

from services.jobs.models import Job, JobState
from services.jobs.run import Stopped
from services.restore.models import Outcome, Plan, RestoreRefused
from services.restore.service import RestoreService
from services.visible import visible


def found(service: RestoreService, reason: str) -> Job | None:
    """Return the newest restore of that reason, None where none was begun."""
    return next(iter(service.jobs(reason=reason)), None)


def restored(
    service: RestoreService, url: str, *, reason: str, by: str, job: Job | None,
    check: Callable[[Plan], None] = lambda _: None,
) -> Job:  # fmt: skip
    """Begin a restore, or go on with one, and run it to its end.

    One that was given up is begun anew. `check` raises where a plan may not be run. Raises
    Stopped, RestoreRefused where it did not end, ArchiveError, StoreError.
    """
    if job is None or job.outcome == Outcome.GIVEN_UP:
        plan = service.plan(url)
        check(plan)
        job = service.begin(plan, by=by, reason=reason)
    elif job.state.halted:
        service.resume(job.id)
    ended = service.run_here(job.id)
    if ended.state is JobState.STOPPED:
        raise Stopped
    if ended.outcome == Outcome.GIVEN_UP:
        raise RestoreRefused(f"the restore {ended.id} was given up")
    if ended.outcome is None:
        raise RestoreRefused(f"the restore {ended.id} did not end: {ended.problem}")
    return ended


def why_not(plan: Plan) -> str:
    """Say in a few words what does not fit; empty where all does."""
    what = [f"{each.part}: {each.why.value}" for each in plan.misfits]
    return visible("; ".join([*what, *plan.unread, *plan.clashes][:3]))
