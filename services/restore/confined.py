"""What a viewer who is confined to tenants sees of restores of these alone. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.holders import each_of
from services.access.viewer import Viewer
from services.jobs.confined import FAILED, UNTOLD_REASON
from services.jobs.models import Job, Progress
from services.restore.formats import plan_json, plan_of, receipt_json, receipt_of
from services.restore.models import Held, Plan, Receipt
from services.tenancy.kb_ids import TenantKey


def tenants_of(plan: Plan) -> tuple[TenantKey, ...]:
    """Return whose data a restore reads, and on whose memory it writes, by whatever claim.

    Nobody's is for who sees all.
    """
    if not plan.target.tenants:
        return ()
    held = (tenant for each in plan.held for tenant in each.tenants)
    return each_of(plan.target.tenants, plan.tenants, held)


def confined_plan(plan: Plan, viewer: Viewer) -> Plan:
    """Return what a viewer may see of one in scope.

    Where the archive is kept is told to who sees all, and how much of others' it left out; which
    others have a name too, to who has these in scope.
    """
    if viewer.sees_all:
        return plan
    held = tuple(Held(each.kb_id, tuple(filter(viewer.sees, each.tenants))) for each in plan.held)
    return replace(plan, url="", left_out=None, held=held)


def confined_receipt(receipt: Receipt, viewer: Viewer) -> Receipt:
    """Return what a viewer may see of one in scope."""
    told = receipt.given_up
    if told is not None and told.by != viewer.id:
        told = replace(told, by="", reason=UNTOLD_REASON)
    return replace(receipt, url="", given_up=told)


def confined_job(job: Job, viewer: Viewer) -> Job:
    """Return what a viewer may see of a job in scope; what a store said is no tenant's."""
    if viewer.sees_all:
        return job
    steps = tuple(replace(step, result={}, error=None) for step in job.steps)
    receipt = confined_receipt(receipt_of(job.receipt), viewer) if job.receipt else None
    return replace(
        job, plan=plan_json(confined_plan(plan_of(job.plan), viewer)), steps=steps,
        receipt=None if receipt is None else receipt_json(receipt),
        problem=FAILED if job.problem else "", progress=Progress(""),
        reason=job.reason if job.asked_by == viewer.id else UNTOLD_REASON,
    )  # fmt: skip
