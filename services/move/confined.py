"""What a viewer who has a tenant in scope sees of its move. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import PERMISSIONS, Action, Viewer
from services.jobs.confined import FAILED, UNTOLD_REASON, confined_job as confined
from services.jobs.models import Job
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
    """Return what may be seen of a job in scope: what was decided too, by which its phase is."""
    return confined(job, viewer, told=("decision",))
