"""What a viewer who has a tenant in scope sees of its move. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.holders import Holders
from services.access.viewer import PERMISSIONS, Action, Viewer
from services.archive.confined import FAILED, UNTOLD_REASON
from services.jobs.models import Job, Progress, Step
from services.move.models import Moved, Plan
from services.purge.confined import confined_plan as confined_purge
from services.tenancy.ownership import Ownership


def confined_moved(moved: Moved, viewer: Viewer) -> Moved:
    """Return what may be seen of it: that, since when and where to, and how much that was.

    Archive, purge and reason are for whoever may see archives; who it was for who sees all.
    """
    if not viewer.role.includes(PERMISSIONS[Action.SEE_ARCHIVES].role):
        moved = replace(moved, archive="", name="", purge="", reason="")
    if viewer.sees_all:
        return moved
    reason = moved.reason if moved.by == viewer.id or not moved.reason else UNTOLD_REASON
    return replace(moved, by="", reason=reason)


def confined_plan(plan: Plan, viewer: Viewer, ownership: Ownership) -> Plan:
    """Return what may be seen of a plan: what stands in its way there may name others."""
    purge = confined_purge(plan.purge, viewer, ownership)
    if viewer.sees_all:
        return replace(plan, purge=purge)
    return replace(plan, purge=purge, obstacles=tuple(FAILED for _ in plan.obstacles[:1]))


def confined_job(job: Job, viewer: Viewer) -> Job:
    """Return what may be seen of a job in scope; what a store said is no tenant's."""
    if viewer.sees_all:
        return job
    mine = job.asked_by == viewer.id
    return replace(
        job, steps=tuple(map(_decision_alone, job.steps)), receipt=None, progress=Progress(""),
        owner="", problem=FAILED if job.problem else "", asked_by=job.asked_by if mine else "",
        reason=job.reason if mine else UNTOLD_REASON,
    )  # fmt: skip


def concerned(plan: Plan, holders: Holders) -> Holders:
    """Return everyone whom a move concerns: who holds what goes, and the tenant itself."""
    return tuple(dict.fromkeys((plan.tenant, *holders)))


def _decision_alone(step: Step[str]) -> Step[str]:
    told = {name: each for name, each in step.result.items() if name == "decision"}
    return replace(step, result=told, error=None)
