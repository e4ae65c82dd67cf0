"""What a viewer who is confined to tenants sees of a job that concerns these alone. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from services.access.viewer import Viewer
from services.jobs.looks import Look
from services.jobs.models import Job, Progress, Step

UNTOLD_REASON = "only who asked for it and those who see all tenants are told"
FAILED = "it could not be done, and an admin can see why"


def confined_job(job: Job, viewer: Viewer, *, told: Collection[str] = ()) -> Job:
    """Return what may be seen of a job in scope; what a store said is no tenant's.

    Of what steps found, only what is called as in `told` may be seen, and of its receipt nothing.
    """
    if viewer.sees_all:
        return job
    mine = job.asked_by == viewer.id
    return replace(
        job, steps=tuple(_confined_step(step, told) for step in job.steps), receipt=None,
        progress=Progress(""), owner="", problem=FAILED if job.problem else "",
        asked_by=job.asked_by if mine else "", reason=job.reason if mine else UNTOLD_REASON,
    )  # fmt: skip


def _confined_step(step: Step[str], told: Collection[str]) -> Step[str]:
    seen = {name: each for name, each in step.result.items() if name in told}
    return replace(step, result=seen, error=None)


def confined_look(look: Look, viewer: Viewer) -> Look:
    """Return what a viewer may see of a look at one in scope, apart from what it found.

    Why it failed is told to whoever asked for it, as if it had failed then and there.
    """
    if viewer.sees_all:
        return look
    mine = look.by == viewer.id
    return replace(
        look, by=look.by if mine else "", found={},
        problem=look.problem if mine else FAILED if look.problem else "",
    )  # fmt: skip
