"""Moves as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cli.parking_text import amounts_text
from cli.printed import aligned
from services.jobs.models import Job
from services.move.models import Moved, Phase, Plan, phase_of
from services.usage.formats import stamp
from services.visible import visible


def plan_text(plan: Plan) -> str:
    """Say what a move would copy and erase, what stays, and what stands in its way."""
    to = visible(plan.to)
    lines = [f"{visible(str(plan.tenant))} goes to {to}, and out of the stores here"]
    lines += [amounts_text(plan.amounts)] if plan.amounts else []
    lines += [f"stays: {visible(each.kb_id)}: {visible(each.why)}" for each in plan.purge.left_out]
    lines += [f"stays: {visible(text)}" for text in plan.purge.disclosed]
    lines += [f"there: {visible(store)} {visible(what)}" for store, what in plan.versions.items()]
    lines += [f"in its way: {visible(text)}" for text in plan.in_the_way]
    return "\n".join([*lines, "it cannot be moved" if plan.in_the_way else "it can be moved"])


def job_text(job: Job) -> str:
    """Say where a move is, and what came of it."""
    phase = phase_of(job)
    what = f"move of {visible(str(job.plan['tenant']))} to {visible(str(job.plan['to']))}"
    lines = [f"{what}: {phase.value}", f"job: {job.id}", f"state: {job.state.value}"]
    if phase is Phase.WAITING:
        lines += [
            "its clients still come here: stop them, let it cut over, and start them there",
            f"next: kato-tenants move cutover {job.id}",
        ]
    lines += [f"why: {visible(job.problem)}"] if job.problem else []
    lines += [f"{name}: {visible(str(value))}" for name, value in (job.receipt or {}).items()]
    return "\n".join(lines)


def every_text(moved: Iterable[Moved], jobs: Iterable[Job], to: Iterable[str]) -> str:
    """Say where tenants can move, who moved, and how moves stand."""
    names = ", ".join(map(visible, to)) or "nowhere: set KATO_TENANTS_MOVE_TO"
    gone = [
        (visible(str(each.tenant)), visible(each.to), stamp(each.since) or "",
         visible(each.by) or "-", visible(each.reason) or "-") for each in moved
    ]  # fmt: skip
    under_way = [
        (job.id, visible(str(job.plan["tenant"])), visible(str(job.plan["to"])),
         phase_of(job).value, job.state.value, visible(job.problem) or "-") for job in jobs
    ]  # fmt: skip
    lines = [f"tenants can move to: {names}"]
    if gone:
        lines += ["", aligned([("MOVED", "TO", "SINCE", "BY", "WHY"), *gone])]
    if under_way:
        head = ("JOB", "TENANT", "TO", "WHERE IT IS", "STATE", "PROBLEM")
        lines += ["", aligned([head, *under_way])]
    return "\n".join(lines)
