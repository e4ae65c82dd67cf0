"""Parking as JSON. `docs/parking.md` describes it; keys stay. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from services.jobs.models import Job
from services.parking.models import Parked, Plan
from services.purge.amounts import amounts_json
from services.purge.formats import plan_json as purge_json, plan_kept as purge_kept, plan_of_kept
from services.tenancy.kb_ids import TenantKey
from services.usage.formats import Json, stamp


def parked_json(parked: Parked) -> Json:
    """Return one parked tenant; null is what may not be told."""
    return {
        "tenant": str(parked.tenant), "since": stamp(parked.since), "by": parked.by or None,
        "reason": parked.reason or None, "archive": parked.archive or None,
        "name": parked.name or None, "bytes": parked.bytes, "purge": parked.purge or None,
        "outcome": parked.outcome, "job": parked.job, "saved": amounts_json(parked.saved),
    }  # fmt: skip


def every_json(parked: Iterable[Parked]) -> Json:
    """Return parked tenants, in their order."""
    return {"parked": [parked_json(each) for each in parked]}


def plan_json(plan: Plan) -> Json:
    """Return what parking would do."""
    return {
        "tenant": str(plan.tenant), "obstacles": list(plan.in_the_way),
        "saved": amounts_json(plan.saved), "purge": json.loads(purge_json(plan.purge)),
    }  # fmt: skip


def plan_kept(plan: Plan) -> dict[str, Any]:
    """Return a plan as a look keeps it, without samples."""
    return {
        "tenant": str(plan.tenant), "purge": purge_kept(plan.purge),
        "obstacles": list(plan.obstacles),
    }  # fmt: skip


def plan_of(found: Mapping[str, Any]) -> Plan:
    """Read what `plan_kept` returned."""
    tenant = TenantKey.written(found["tenant"])
    return Plan(tenant, plan_of_kept(found["purge"]), tuple(found["obstacles"]))


def job_json(job: Job) -> Json:
    """Return a job: how it stands, and what came of it once it ended."""
    return {
        "id": job.id, "kind": job.kind, "tenant": job.plan["tenant"], "state": job.state.value,
        "outcome": job.outcome, "problem": job.problem or None, "by": job.asked_by,
        "reason": job.reason, "begun_at": stamp(job.created_at), "ended_at": stamp(job.ended_at),
        "receipt": job.receipt,
    }  # fmt: skip
