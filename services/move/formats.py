"""Moves as JSON. `docs/move.md` describes it; keys stay. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from services.jobs.models import Job
from services.move.models import Moved, Plan, phase_of
from services.purge.amounts import amounts_json
from services.purge.formats import plan_json as purge_json, plan_kept as purge_kept, plan_of_kept
from services.tenancy.kb_ids import TenantKey
from services.usage.formats import Json, stamp


def moved_json(moved: Moved) -> Json:
    """Return one tenant that moved; null is what may not be told."""
    return {
        "tenant": str(moved.tenant), "to": moved.to, "since": stamp(moved.since),
        "by": moved.by or None, "reason": moved.reason or None, "archive": moved.archive or None,
        "name": moved.name or None, "bytes": moved.bytes, "purge": moved.purge or None,
        "outcome": moved.outcome, "job": moved.job, "amounts": amounts_json(moved.amounts),
    }  # fmt: skip


def every_json(moved: Iterable[Moved], jobs: Iterable[Job], to: Iterable[str]) -> Json:
    """Return where tenants can move, those that moved, and the newest moves."""
    return {
        "destinations": list(to), "moved": [moved_json(each) for each in moved],
        "jobs": [job_json(job) for job in jobs],
    }  # fmt: skip


def plan_json(plan: Plan) -> Json:
    """Return what a move would do."""
    return {
        "tenant": str(plan.tenant), "to": plan.to, "obstacles": list(plan.in_the_way),
        "amounts": amounts_json(plan.amounts), "versions": dict(plan.versions),
        "purge": json.loads(purge_json(plan.purge)),
    }  # fmt: skip


def plan_kept(plan: Plan) -> dict[str, Any]:
    """Return a plan as a look keeps it, without samples."""
    return {
        "tenant": str(plan.tenant), "to": plan.to, "purge": purge_kept(plan.purge),
        "obstacles": list(plan.obstacles), "versions": dict(plan.versions),
    }  # fmt: skip


def plan_of(found: Mapping[str, Any]) -> Plan:
    """Read what `plan_kept` returned."""
    return Plan(
        TenantKey.written(found["tenant"]), found["to"], plan_of_kept(found["purge"]),
        tuple(found["obstacles"]), found["versions"],
    )  # fmt: skip


def job_json(job: Job) -> Json:
    """Return a move: how it stands, and what came of it once it ended."""
    return {
        "id": job.id, "tenant": job.plan["tenant"], "to": job.plan["to"],
        "phase": phase_of(job).value, "state": job.state.value, "outcome": job.outcome,
        "problem": job.problem or None, "by": job.asked_by or None, "reason": job.reason,
        "begun_at": stamp(job.created_at), "ended_at": stamp(job.ended_at),
        "receipt": job.receipt,
    }  # fmt: skip
