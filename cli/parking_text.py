"""Parking as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cli.printed import aligned
from services.jobs.models import Job
from services.parking.models import Parked, Plan
from services.purge.amounts import Amounts
from services.usage.formats import stamp
from services.visible import visible


def plan_text(plan: Plan) -> str:
    """Say what parking would take out of the stores, what stays, and what stands in its way."""
    lines = [f"{visible(str(plan.tenant))} goes into an archive, and out of the stores"]
    lines += [amounts_text(plan.saved)] if plan.saved else ["nothing of it is in the stores"]
    lines += [f"stays: {visible(each.kb_id)}: {visible(each.why)}" for each in plan.purge.left_out]
    lines += [f"stays: {visible(text)}" for text in plan.purge.disclosed]
    lines += [f"in its way: {visible(text)}" for text in plan.in_the_way]
    return "\n".join([*lines, "it cannot be parked" if plan.in_the_way else "it can be parked"])


def job_text(job: Job) -> str:
    """Say what came of parking a tenant, or of bringing it back."""
    of = f"{job.kind} {visible(str(job.plan['tenant']))}"
    if job.receipt is None:
        return f"{of}: {job.state.value}\njob: {job.id}\nwhy: {visible(job.problem) or 'stopped'}"
    facts = (f"{name}: {visible(str(value))}" for name, value in job.receipt.items())
    return "\n".join((f"{of}: {job.outcome}", f"job: {job.id}", *facts))


def every_text(parked: Iterable[Parked]) -> str:
    """Return one line a parked tenant, or that there is none."""
    rows = [
        (visible(str(each.tenant)), stamp(each.since) or "", visible(each.by) or "-",
         f"{each.bytes:,}", each.name or "-", visible(each.reason) or "-")
        for each in parked
    ]  # fmt: skip
    if not rows:
        return "no tenant is parked"
    return aligned([("TENANT", "SINCE", "BY", "ARCHIVE BYTES", "ARCHIVE", "WHY"), *rows])


def amounts_text(saved: Amounts) -> str:
    """Say how much of each store something is, bytes where they are known."""
    rows = [
        (store.value, f"{amount.count:,}", "unknown" if amount.bytes is None
         else f"{amount.bytes:,}") for store, amount in saved.items()
    ]  # fmt: skip
    return aligned([("STORE", "COUNT", "BYTES"), *rows], right_from=1)
