"""Policies, plans and receipts as JSON. `docs/retention.md` describes it; keys stay. Pure.

What the journal keeps of a job is written and read here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.cards.scope import scope_written
from services.errors import Problem
from services.jobs.schedule import Schedule
from services.retention.models import (
    Kept,
    Left,
    LeftOut,
    Line,
    Matter,
    PartCost,
    Plan,
    Policy,
    in_order,
)
from services.retention.schedule import next_run
from services.retention.simulate import Simulated
from services.retention.written import most_words
from services.tenancy.kb_ids import TenantKey
from services.usage.formats import Json, stamp


def policy_json(policy: Policy) -> Json:
    """Return one policy; `keep` null says that all is kept, `schedule` that it never runs alone."""
    schedule = policy.schedule
    return {
        "for": str(policy.scope), "quantity": policy.quantity, "keep": policy.most,
        "schedule": None if schedule is None else schedule.expression,
        "zone": None if schedule is None else schedule.zone,
    }  # fmt: skip


def policy_kept(found: Mapping[str, Any]) -> Policy:
    """Read a policy back."""
    when = found["schedule"]
    schedule = None if when is None else Schedule(when, found["zone"])
    return Policy(scope_written(found["for"]), found["quantity"], found["keep"], schedule)


def policies_json(kept: Iterable[Kept]) -> Json:
    """Return every policy as `list` prints it, with when it runs next."""
    return {"policies": [
        {
            **policy_json(each.policy),
            "keep_words": most_words(each.policy), "by": each.by or None, "at": stamp(each.at),
            "why": each.why or None, "began": stamp(each.begun), "next": stamp(next_run(each)),
        }
        for each in in_order(kept)
    ]}  # fmt: skip


def line_json(line: Line, *, in_words: bool = False) -> Json:
    """Return one line of a plan; null is not known. A problem is kept, or said in words."""
    problem = line.problem
    return {
        "matter": line.matter.value, "tenant": None if line.tenant is None else str(line.tenant),
        "owner": line.owner, "from": dict(line.sources), "there": line.there, "due": line.due,
        "due_bytes": line.due_bytes, "expiring": line.expiring, "at_least": line.at_least,
        "problem": None if problem is None else str(problem) if in_words else problem.kept,
    }  # fmt: skip


def line_kept(found: Mapping[str, Any]) -> Line:
    """Read a line back."""
    tenant, problem = found["tenant"], found["problem"]
    return Line(
        Matter(found["matter"]), None if tenant is None else TenantKey.written(tenant),
        found["owner"], found["from"], found["there"], found["due"], found["due_bytes"],
        found["expiring"], found["at_least"],
        None if problem is None else Problem.of_kept(problem),
    )  # fmt: skip


def left_json(left: LeftOut) -> Json:
    """Return what is left out, and why."""
    return {
        "matter": left.matter.value, "owner": left.owner, "why": left.why.value,
        "tenants": list(map(str, left.tenants)), "there": left.there,
    }  # fmt: skip


def left_kept(found: Mapping[str, Any]) -> LeftOut:
    """Read it back."""
    tenants = tuple(map(TenantKey.written, found["tenants"]))
    why = Left(found["why"])
    return LeftOut(Matter(found["matter"]), found["owner"], why, tenants, found["there"])


def part_json(part: PartCost) -> Json:
    """Return what rewriting a part costs."""
    return {"part": part.name, "rows": part.rows, "bytes": part.bytes, "due": part.due}


def part_kept(found: Mapping[str, Any]) -> PartCost:
    """Read it back."""
    return PartCost(found["part"], found["rows"], found["bytes"], found["due"])


def looked_json(
    lines: Sequence[Line], left_out: Sequence[LeftOut], parts: Sequence[PartCost], cloned: int
) -> Json:
    """Return what a look came to."""
    return {
        "lines": list(map(line_json, lines)), "left_out": list(map(left_json, left_out)),
        "parts": list(map(part_json, parts)), "cloned": cloned,
    }  # fmt: skip


def plan_json(plan: Plan) -> Json:
    """Return a plan; `unread` says of stores why they could not be looked at, in words."""
    return {
        "at": stamp(plan.at), "digest": plan.digest,
        "policies": list(map(policy_json, plan.policies)),
        **looked_json(plan.lines, plan.left_out, plan.parts, plan.cloned),
        "lines": [line_json(each, in_words=True) for each in plan.lines],
        "unread": {store: str(problem) for store, problem in plan.unread.items()},
        "lacking": list(plan.lacking),
    }  # fmt: skip


def plan_kept(plan: Plan) -> Json:
    """Return a plan as a look keeps it."""
    return {
        **job_plan(plan.at, plan.digest, plan.policies),
        **looked_json(plan.lines, plan.left_out, plan.parts, plan.cloned),
        "unread": {store: problem.kept for store, problem in plan.unread.items()},
        "lacking": list(plan.lacking),
    }  # fmt: skip


def plan_of(found: Mapping[str, Any]) -> Plan:
    """Read what `plan_kept` returned."""
    return Plan(
        datetime.fromisoformat(found["at"]), found["digest"],
        tuple(map(policy_kept, found["policies"])), tuple(map(line_kept, found["lines"])),
        tuple(map(left_kept, found["left_out"])), tuple(map(part_kept, found["parts"])),
        found["cloned"],
        {store: Problem.of_kept(problem) for store, problem in found["unread"].items()},
        tuple(found["lacking"]),
    )  # fmt: skip


def job_plan(at: datetime, digest: str, policies: Iterable[Policy]) -> Json:
    """Return what a job keeps of its plan."""
    return {"at": at.isoformat(), "digest": digest, "policies": [policy_json(p) for p in policies]}


def simulated_json(found: Iterable[Simulated]) -> Json:
    """Return what policies would have come to, tenant by tenant."""
    return {"simulated": [
        {
            "tenant": str(each.tenant), "quantity": each.quantity, "from": str(each.source),
            "keep": each.most, "sense": each.sense.value,
            "days": [
                {"day": day.day.date().isoformat(), "there": day.there, "gone": day.gone}
                for day in each.days
            ],
            "reason": each.reason or None,
        }
        for each in found
    ]}  # fmt: skip
