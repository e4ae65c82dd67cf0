"""What a viewer of some tenants sees of policies, plans and runs: whole fields, or none. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from services.access.viewer import Viewer
from services.cards.models import Label
from services.cards.specific import concerns
from services.jobs.models import Job, Progress
from services.retention.models import Kept, LeftOut, Line, Plan
from services.tenancy.kb_ids import TenantKey


def confined_policies(
    kept: Iterable[Kept], viewer: Viewer, labels: Collection[Label]
) -> tuple[Kept, ...]:
    """Return those that may hold for a tenant in scope, without who set them and why."""
    if viewer.sees_all:
        return tuple(kept)
    return tuple(
        replace(each, by="", why="") for each in kept if concerns(each.policy.scope, viewer, labels)
    )


def confined_plan(plan: Plan, viewer: Viewer, labels: Collection[Label]) -> Plan:
    """Return what of a plan is about tenants in scope; parts hold others' rows too."""
    if viewer.sees_all:
        return plan
    policies = tuple(
        each for each in plan.policies if concerns(each.scope, viewer, labels)
    )  # fmt: skip
    return replace(
        plan, policies=policies,
        lines=tuple(each for each in plan.lines if _sees_line(each, viewer)),
        left_out=tuple(each for each in plan.left_out if _sees_left(each, viewer)),
        parts=(), cloned=0, lacking=(),
        unread={store: problem.nameless() for store, problem in plan.unread.items()},
    )  # fmt: skip


def _sees_line(line: Line, viewer: Viewer) -> bool:
    return line.tenant is not None and viewer.sees(line.tenant)


def _sees_left(left: LeftOut, viewer: Viewer) -> bool:
    return viewer.sees_each(left.tenants)


def confined_job(job: Job, viewer: Viewer) -> Job:
    """Return a run with its receipt's lines of tenants in scope, and no word about others."""
    if viewer.sees_all:
        return job
    return replace(
        job, asked_by="", reason="", owner="", problem="", progress=Progress(""), steps=(),
        plan={**job.plan, "policies": []},
        receipt=None if job.receipt is None else confined_receipt(job.receipt, viewer),
    )  # fmt: skip


def confined_receipt(receipt: Mapping[str, Any], viewer: Viewer) -> Mapping[str, Any]:
    """Return a receipt's lines of tenants in scope."""
    if viewer.sees_all:
        return receipt
    lines = [line for line in receipt["lines"] if _sees(line["tenant"], viewer)]
    left = [each for each in receipt["left_out"] if _sees_names(each["tenants"], viewer)]
    return {
        **receipt, "lines": lines, "left_out": left, "policies": [], "asked_by": None,
        "reason": None, "parts": [], "cloned": None, "problems": [], "versions": {},
    }  # fmt: skip


def _sees(tenant: str | None, viewer: Viewer) -> bool:
    return tenant is not None and viewer.sees(TenantKey.written(tenant))


def _sees_names(tenants: Iterable[str], viewer: Viewer) -> bool:
    return viewer.sees_each(tuple(map(TenantKey.written, tenants)))
