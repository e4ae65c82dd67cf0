"""What a viewer who has a tenant in scope sees of its being parked. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.holders import Holders
from services.access.viewer import PERMISSIONS, Action, Viewer
from services.archive.confined import FAILED, UNTOLD_REASON
from services.jobs.models import Job, Progress
from services.parking.models import Parked, Plan
from services.purge.confined import confined_plan as confined_purge
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


def tenant_of(job: Job) -> TenantKey:
    """Return whom a job parks or brings back."""
    return TenantKey.written(str(job.plan["tenant"]))


def confined_parked(parked: Parked, viewer: Viewer) -> Parked:
    """Return what may be seen of it: that and since when, and how much that is.

    Archive, purge and reason are for whoever may see archives; who it was for who sees all.
    """
    if not viewer.role.includes(PERMISSIONS[Action.SEE_ARCHIVES].role):
        parked = replace(parked, archive="", name="", purge="", reason="")
    if viewer.sees_all:
        return parked
    reason = parked.reason if parked.by == viewer.id or not parked.reason else UNTOLD_REASON
    return replace(parked, by="", reason=reason)


def confined_plan(plan: Plan, viewer: Viewer, ownership: Ownership) -> Plan:
    """Return what may be seen of a plan."""
    return replace(plan, purge=confined_purge(plan.purge, viewer, ownership))


def confined_job(job: Job, viewer: Viewer) -> Job:
    """Return what may be seen of a job in scope; what a store said is no tenant's."""
    if viewer.sees_all:
        return job
    steps = tuple(replace(step, result={}, error=None) for step in job.steps)
    mine = job.asked_by == viewer.id
    return replace(
        job, steps=steps, receipt=None, progress=Progress(""), owner="",
        problem=FAILED if job.problem else "", asked_by=job.asked_by if mine else "",
        reason=job.reason if mine else UNTOLD_REASON,
    )  # fmt: skip


def concerned(plan: Plan, holders: Holders) -> Holders:
    """Return everyone whom parking concerns: who holds what goes, and the tenant itself."""
    return tuple(dict.fromkeys((plan.tenant, *holders)))
