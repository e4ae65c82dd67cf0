"""Plans and what came of them as JSON. `docs/apart.md` describes it; keys stay. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.apart.models import Apart, Plan, Receipt, Words
from services.jobs.models import Job
from services.tenancy.kb_ids import TenantKey
from services.usage.formats import stamp

_PLAN, _RECEIPT, _APART = TypeAdapter(Plan), TypeAdapter(Receipt), TypeAdapter(Apart)


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan, with the digest by which it is begun."""
    return {**_PLAN.dump_python(plan, mode="json"), "digest": plan.digest}


def plan_of(found: Mapping[str, Any]) -> Plan:
    """Read a plan as a job has it."""
    return _PLAN.validate_python({name: each for name, each in found.items() if name != "digest"})


def words_json(words: Words) -> dict[str, Any]:
    """Return what somebody said; the name of a tenant is a value, as it may have any bytes."""
    return {
        "began": [
            [str(tenant), None if began is None else began.isoformat()]
            for tenant, began in words.began.items()
        ],
        "names": [[str(tenant), name] for tenant, name in words.names.items()],
    }  # fmt: skip


def words_read(found: Mapping[str, Any]) -> Words:
    """Read what `words_json` returned."""
    began = {
        TenantKey.written(tenant): None if at is None else datetime.fromisoformat(at)
        for tenant, at in found["began"]
    }
    return Words(began, {TenantKey.written(tenant): name for tenant, name in found["names"]})


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt."""
    found: dict[str, Any] = _RECEIPT.dump_python(receipt, mode="json")
    # pydantic puts signs of its own for bytes that are no text, in names of a mapping alone
    return {**found, "sessions": dict(receipt.sessions)}


def receipt_of(found: Mapping[str, Any]) -> Receipt:
    """Read a receipt as the records have it."""
    return _RECEIPT.validate_python(found)


def apart_json(apart: Apart) -> dict[str, Any]:
    """Return what is known of a kb_id that was taken apart."""
    return {**_kept(apart), "by": apart.by or None, "reason": apart.reason or None}


def _kept(apart: Apart) -> dict[str, Any]:
    found: dict[str, Any] = _APART.dump_python(apart, mode="json")
    return {**found, "receipt": receipt_json(apart.receipt)}


def apart_text(apart: Apart) -> str:
    """Write what the records keep; names with any bytes are JSON's escapes."""
    return json.dumps(_kept(apart), ensure_ascii=True)


def apart_of(text: str) -> Apart:
    """Read what `apart_text` wrote."""
    return _APART.validate_python(json.loads(text))


def job_json(job: Job) -> dict[str, Any]:
    """Return a job: its plan, how it stands, and its receipt once it ended."""
    return {
        "id": job.id, "state": job.state.value, "outcome": job.outcome,
        "problem": job.problem or None, "by": job.asked_by, "reason": job.reason,
        "begun_at": stamp(job.created_at), "ended_at": stamp(job.ended_at), "plan": job.plan,
        "receipt": job.receipt,
    }  # fmt: skip
