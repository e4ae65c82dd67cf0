"""Plans and receipts of restores as JSON. `docs/restore.md` describes it; keys stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from services.restore.models import PartResult, Plan, Receipt

_PLAN, _RECEIPT = TypeAdapter(Plan), TypeAdapter(Receipt)


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan; `can_run` is whether nothing stands in its way."""
    return {**_PLAN.dump_python(plan, mode="json"), "can_run": plan.can_run}


def plan_of(found: Mapping[str, Any]) -> Plan:
    """Read a plan as a job has it."""
    return _PLAN.validate_python({name: each for name, each in found.items() if name != "can_run"})


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt."""
    found: dict[str, Any] = _RECEIPT.dump_python(receipt, mode="json")
    return found


def receipt_of(found: Mapping[str, Any]) -> Receipt:
    """Read a receipt as the records have it."""
    return _RECEIPT.validate_python(found)


def result_of_part(found: Mapping[str, Any], before: int | None, expired: int) -> PartResult:
    """Read what a comparison of one part came to."""
    return PartResult(
        found["part"], found["archived"], before, found["differing"], tuple(found["names"]), expired
    )
