"""A purge that another job begins, found again by the reason that stands on it."""

from __future__ import annotations

from collections.abc import Callable

from services.errors import PurgeRefused
from services.jobs.models import JobState
from services.jobs.run import Stopped
from services.purge.job import Job
from services.purge.models import Plan, Request, Target
from services.purge.service import PurgeService


def found(service: PurgeService, target: Target, reason: str) -> Job | None:
    """Return the newest purge of a target for that reason, None where none was begun.

    Anybody who purges may write any reason.
    """
    mine = (job for job in service.jobs(reason=reason) if job.plan.request.target == target)
    return next(mine, None)


def erased(
    service: PurgeService, request: Request, *, reason: str, by: str, part_of: str = "",
    check: Callable[[Plan], None] = lambda _: None, purge: Job | None = None,
) -> Job:  # fmt: skip
    """Begin a purge, or go on with one, and run it to its end; it is planned anew for that.

    `check` raises where a plan may not be run; `part_of` hands over what it holds. Raises Stopped,
    PurgeRefused where it did not end, and StoreError.
    """
    if purge is None or purge.state.halted:
        plan = service.plan(request)
        check(plan)
        if purge is None:
            purge = service.begin(
                plan.digest, confirm=plan.confirmation, reason=reason, asked_by=by, part_of=part_of
            )
        else:
            service.resume(purge.id, digest=plan.digest, confirm=plan.confirmation)
    ended = service.run_here(purge.id)
    if ended.state is JobState.STOPPED:
        raise Stopped
    if ended.outcome is None:
        raise PurgeRefused(f"the purge {ended.id} did not end: {ended.problem}")
    return ended
