"""Plans, jobs and records of kb_ids that are taken apart: one of acme's, one of somebody else's."""

from __future__ import annotations

from datetime import UTC, datetime

from services.apart.formats import plan_json, receipt_json
from services.apart.models import Apart, Cost, Plan, Receipt, Share
from services.jobs.models import Job, JobState, Progress
from services.tenancy.kb_ids import TenantKey, kb_id_of

AT = datetime(2026, 11, 1, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")
SOMEBODYS = f"since {ZED} asked"


def _plan(tenant: TenantKey) -> Plan:
    node = f"tenant:{tenant.id}:user:bob"
    share = Share(tenant, (node,), AT, node_id=f"{node}-2", kb_id=kb_id_of(f"{node}-2"))
    return Plan(kb_id_of(node), (share,), (), (), Cost())


def _apart(tenant: TenantKey) -> Apart:
    plan = _plan(tenant)
    return Apart(plan.kb_id, AT, "j", "zed-admin", SOMEBODYS, plan.shares, Receipt((), ()))


def _job(tenant: TenantKey, job_id: str) -> Job:
    return Job(
        job_id, "apart", plan_json(_plan(tenant)), "zed-admin", SOMEBODYS, AT, JobState.FAILED,
        problem=f"{ZED} is in the way", progress=Progress(str(ZED)),
        receipt=receipt_json(Receipt((), ())),
    )  # fmt: skip


PLAN = _plan(ACME)
APART = (_apart(ACME), _apart(ZED))
JOB, OTHERS_JOB = _job(ACME, "j"), _job(ZED, "z")
