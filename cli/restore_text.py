"""Plans and receipts of restores as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cli.printed import aligned
from services.jobs.models import Job
from services.restore.formats import plan_of, receipt_of
from services.restore.models import STAGING, GivenUp, PartPlan, PartResult, Plan, Receipt
from services.usage.formats import stamp
from services.visible import visible

_UNKNOWN = "unknown"


def plan_text(plan: Plan) -> str:
    """Say what would be written, what is there already, and what stands in its way."""
    named = f", as {visible(str(plan.named))}" if plan.named else ""
    rows = [
        (visible(each.part), visible(each.into) or "-", f"{each.archived:,}",
         _UNKNOWN if each.there is None else f"{each.there:,}", f"{each.left_out:,}")
        for each in plan.parts
    ]  # fmt: skip
    head = ("PART", "INTO", "IN THE ARCHIVE", "THERE ALREADY", "LEFT OUT")
    lines = [f"archive {plan.archive_id} of {visible(str(plan.target))}{named}"]
    lines += [f"taken: {stamp(plan.taken_at)}", aligned([head, *rows], right_from=2)]
    lines += _left_out_text(plan.parts)
    if plan.field_ends_lost:
        lines.append(f"hashes whose fields would end no more: {plan.field_ends_lost:,}")
    lines += [f"changed while it was taken: {plan.changed:,}"] if plan.changed else []
    lines += [f"left out of the archive: {plan.left_out:,}"] if plan.left_out else []
    lines += [
        f"does not fit: {visible(each.part)}: {each.why.value}"
        + (f" ({visible(each.what)})" if each.what else "")
        for each in plan.misfits
    ]
    lines += [f"cannot be told in the other name: {visible(name)}" for name in plan.unread]
    lines += [f"would be the name of two: {visible(name)}" for name in plan.clashes]
    lines += [
        f"others have this name too: {visible(each.kb_id)}"
        + "".join(f", {visible(str(tenant))}" for tenant in each.tenants)
        for each in plan.held
    ]
    lines += [f"{visible(each.node_id)}: {each.why}" for each in plan.unborne]
    lines += [f"will be on legal hold again: {visible(str(tenant))}" for tenant in plan.holds]
    return "\n".join([*lines, "it can be restored" if plan.can_run else "it cannot be restored"])


def outcome_text(job: Job) -> str:
    """Say what came of a restore."""
    if job.receipt is None:
        return f"restore {job.id}: {job.state.value}\nwhy: {visible(job.problem) or 'stopped'}"
    return f"restore {job.id}: {job.outcome}\n{_receipt_text(receipt_of(job.receipt))}"


def _given_up_text(told: GivenUp) -> str:
    lines = [f"by: {visible(told.by)}", f"why: {visible(told.reason)}"]
    lines.append(f"it had begun to write: {', '.join(told.begun) or 'nothing'}")
    rows = [
        (store.value, _UNKNOWN if count is None else f"{count:,}")
        for store, count in told.there.items()
    ]
    lines += [aligned([("UNDER THESE NAMES", "THERE NOW"), *rows], right_from=1)] if rows else []
    dropped = _UNKNOWN if told.dropped is None else f"{told.dropped:,}"
    return "\n".join([*lines, f"staging tables ({STAGING}…) removed: {dropped}"])


def _receipt_text(receipt: Receipt) -> str:
    if receipt.given_up is not None:
        return _given_up_text(receipt.given_up)
    rows = [
        (visible(each.part), f"{each.archived:,}",
         _UNKNOWN if each.before is None else f"{each.before:,}",
         f"{each.left_out:,}", f"{each.expired:,}", f"{each.differing:,}")
        for each in receipt.parts
    ]  # fmt: skip
    head = ("PART", "IN THE ARCHIVE", "THERE BEFORE", "LEFT OUT", "EXPIRED", "DIFFERENT")
    lines = [aligned([head, *rows], right_from=1), *_left_out_text(receipt.parts)]
    lines += [
        f"different: {visible(each.part)}: {visible(name)}"
        for each in receipt.parts
        for name in each.names
    ]
    lines += [f"its fields end no more: {visible(name)}" for name in receipt.field_ends_lost]
    lines += [f"on legal hold again: {visible(str(tenant))}" for tenant in receipt.holds]
    if receipt.mentions:
        lines.append(f"rows whose text has the old name: {receipt.mentions:,}")
    if receipt.kept_limits:
        lines.append(f"limits that are set otherwise now, and stay: {receipt.kept_limits:,}")
    lines += [
        f"otherwise here, or not known yet, and stays: {visible(part)}: {count:,}"
        for part, count in receipt.kept.items()
    ]
    return "\n".join(lines)


def _left_out_text(parts: Iterable[PartPlan | PartResult]) -> Iterator[str]:
    for each in parts:
        if each.left_out:
            why = "their ids live on" if each.part == "redis/sessions" else "caches, made anew"
            yield f"left out: {visible(each.part)}: {each.left_out:,} ({why})"


def jobs_text(jobs: Iterable[Job]) -> str:
    """Return one line a restore, or that there was none."""
    rows = [
        (job.id, stamp(job.created_at) or "", visible(str(plan_of(job.plan).target)),
         visible(str(plan_of(job.plan).named or "-")), job.outcome or job.state.value)
        for job in jobs
    ]  # fmt: skip
    if not rows:
        return "no restore is known"
    return aligned([("ID", "BEGUN", "OF", "AS", "STATE"), *rows])
