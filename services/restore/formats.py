"""Plans and receipts of restores as JSON. `docs/restore.md` describes it; keys stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from services.jobs.models import Job
from services.restore.models import PartResult, Plan, Receipt
from services.usage.formats import stamp

_PLAN, _RECEIPT = TypeAdapter(Plan), TypeAdapter(Receipt)

SEEN = "seen"
"""Where a job's plan says by which digest somebody saw it."""

_MORE = ("can_run", SEEN)


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan; `can_run` is whether nothing stands in its way."""
    return {**_PLAN.dump_python(plan, mode="json"), "can_run": plan.can_run}


def plan_of(found: Mapping[str, Any]) -> Plan:
    """Read a plan as a job has it."""
    return _PLAN.validate_python({name: each for name, each in found.items() if name not in _MORE})


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt."""
    found: dict[str, Any] = _RECEIPT.dump_python(receipt, mode="json")
    return found


def receipt_of(found: Mapping[str, Any]) -> Receipt:
    """Read a receipt as the records have it."""
    return _RECEIPT.validate_python(found)


def job_json(job: Job) -> dict[str, Any]:
    """Return a restore: its plan, how it stands, and its receipt once it ended."""
    return {
        "id": job.id, "state": job.state.value, "outcome": job.outcome, "problem": job.problem,
        "by": job.asked_by, "reason": job.reason, "begun_at": stamp(job.created_at),
        "ended_at": stamp(job.ended_at), "plan": job.plan, "receipt": job.receipt,
    }  # fmt: skip


def result_of_part(found: Mapping[str, Any], before: int | None, expired: int) -> PartResult:
    """Read what a comparison of one part came to."""
    return PartResult(
        found["part"], found["archived"], before, found["differing"], tuple(found["names"]),
        expired, found.get("left_out", 0),
    )  # fmt: skip
