"""What a viewer who is confined to tenants sees of a purge that concerns these alone. Pure.

Whom a plan concerns, `holders_of_plan` says, and the gate decides by. What stands here takes out
of it what the stores say of themselves: how much they hold of everyone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.access.holders import Holders, each_of, holders_of_kb
from services.access.viewer import Viewer
from services.jobs.confined import UNTOLD_REASON
from services.jobs.models import Progress
from services.purge.held import taken_from
from services.purge.job import Job, Tombstone
from services.purge.journal import problems_of
from services.purge.models import Item, LeftOut, Plan
from services.purge.steps import Step
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership

UNTOLD = "the stores hold what cannot be told apart by tenant, which stays"
FAILED = "it could not go on, and an admin can see why"
BLOCKED = "what is there cannot be told from what is another's, or not be erased: ask an admin"


def confined_plan(plan: Plan, viewer: Viewer, ownership: Ownership) -> Plan:
    """Return what a viewer may see of a plan: the same object for one who sees all.

    With the same digest, and an obstacle wherever the whole has one. A kb_id that is left out is
    named only where whoever would lose it is in scope.
    """
    if viewer.sees_all:
        return plan

    def sees(left: LeftOut) -> bool:
        holders = (*holders_of_kb(left.kb_id, ownership), *left.losers)
        return viewer.sees_each(holders)

    return Plan(
        request=plan.request,
        surface=plan.surface,
        items=tuple(map(_item, plan.items)),
        left_out=tuple(filter(sees, plan.left_out)),
        disclosed=(UNTOLD,) if plan.disclosed else (),
        blockers=(BLOCKED,) if plan.blockers else (),
        problems={store: why.nameless() for store, why in plan.problems.items()},
        absent=plan.absent,
        created_at=plan.created_at,
        digest=plan.digest,
        taken=tuple(filter(sees, plan.taken)),
        whose=plan.whose,
        held=tuple(replace(each, hold=replace(each.hold, by="")) for each in plan.held),
    )


def confined_job(job: Job, viewer: Viewer, ownership: Ownership) -> Job:
    """Return what a viewer may see of a job: the same object for one who sees all.

    Good to make a receipt of: `receipt_of` reads nothing else. The receipt that was kept is not.
    """
    if viewer.sees_all:
        return job
    return replace(
        job,
        plan=confined_plan(job.plan, viewer, ownership),
        reason=job.reason if job.asked_by == viewer.id else UNTOLD_REASON,
        progress=Progress(""),  # a mutation's is about the table that all tenants are in
        problem=FAILED if job.problem else "",
        steps=tuple(map(_step, job.steps)),
    )


def confined_tombstones(
    stones: tuple[Tombstone, ...], viewer: Viewer, ownership: Ownership
) -> tuple[Tombstone, ...]:
    """Return the purged kb_ids that a viewer may see, those for whom they were purged too.

    A version before wrote down a purge's target in words: whom these name is not known.
    """
    if viewer.sees_all:
        return stones
    found = ((stone, holders_of_kb(stone.kb_id, ownership)) for stone in stones)
    return tuple(
        stone
        for stone, holders in found
        if viewer.sees_each(holders) and stone.tenant in map(str, holders)
    )


_OWN_RESULTS = (
    "items", "attempts", "before", "sessions", "live", "ended", "kato", "at", "asked", "late",
    "late_items", "abandoned",
)  # fmt: skip
"""What a step says of the target alone; how much a store holds of everyone is not among it."""


def _step(step: Step) -> Step:
    found, error = _result(step.result), step.error and step.error.nameless(FAILED)
    return Step(step.name, step.state, step.started_at, step.ended_at, found, error)


def _result(result: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: result[name] for name in _OWN_RESULTS if name in result}
    if "problems" in result:
        problems = problems_of(result)
        found["problems"] = {store: why.nameless().kept for store, why in problems.items()}
    if "blockers" in result:
        found["blockers"] = [BLOCKED] if result["blockers"] else []
    return found


def _item(item: Item) -> Item:
    """Leave out what it costs, where that counts: a table's rows and bytes are everyone's."""
    return item if item.plain else replace(item, how="")


def whose_of_plan(plan: Plan) -> Holders:
    """Return everyone whose data a purge takes, by name, as the plan has it: for the log."""
    left = {each.kb_id for each in plan.left_out if not each.place}
    told = {tenant for owner, tenant in plan.whose.items() if owner not in left}
    losers = (each.losers for each in plan.taken)
    return each_of(plan.request.target.tenants, map(TenantKey.written, sorted(told)), *losers)


def holders_of_plan(plan: Plan, ownership: Ownership) -> Holders:
    """Return everyone whose data a purge takes; what it leaves out is another's and stays.

    Empty, and so only for those who see all, where it concerns everyone: a user of all tenants
    is looked for in each, and KATO's streams hold everyone's observations.
    """
    if not plan.request.target.tenants or plan.request.trim_streams:
        return ()
    return taken_from(plan, ownership)
