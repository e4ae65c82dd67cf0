"""Taking a shared kb_id apart as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cli.printed import aligned
from services.apart.formats import plan_of, receipt_of
from services.apart.models import Apart, Goes, Outcome, Plan, Receipt, Share, Stays
from services.jobs.models import Job
from services.usage.formats import stamp
from services.visible import visible


def plan_text(plan: Plan) -> str:
    """Say who shares it, what goes and stays and by what that is told, and what it costs."""
    cost = plan.cost
    lines = [f"kb_id {visible(plan.kb_id)}", _shares_text(plan.shares)]
    lines += [_moved_text(plan.goes, plan.stays)]
    if cost.parts:
        lines.append(
            f"costs: one mutation rewrites {cost.parts:,} parts of {cost.bytes:,} bytes, and "
            f"clones {cost.cloned:,} others"
        )
    lines += [f"in its way: {visible(text)}" for text in plan.obstacles]
    lines += [
        "assumed: nobody shares it but who is named above",
        "assumed: KATO wrote every row there: none was restored or copied there with its old time",
        "assumed: Redis has KATO's own counts, not those of rehydrate_redis.py or an older backup",
    ]
    return "\n".join([
        *lines, "it cannot be taken apart" if plan.obstacles else f"digest: {plan.digest}",
    ])  # fmt: skip


def job_text(job: Job) -> str:
    """Say what came of it, and what clients have to name from now on."""
    plan = plan_of(job.plan)
    of = f"apart {visible(plan.kb_id)}"
    if not job.receipt:
        why = visible(job.problem) or job.outcome or "stopped"
        return f"{of}: {job.state.value}\njob: {job.id}\nwhy: {why}"
    lines = [f"{of}: {job.outcome}", f"job: {job.id}", *_receipt_lines(receipt_of(job.receipt))]
    lines += [
        f"from now on: {visible(node)} is {visible(share.node_id)}"
        for share in plan.shares if share.node_id for node in share.nodes
        if job.outcome != Outcome.ABANDONED
    ]  # fmt: skip
    return "\n".join(lines)


def every_text(every: Iterable[Apart]) -> str:
    """Return one line a kb_id that was taken apart, or that there is none."""
    rows = [
        (visible(each.kb_id), stamp(each.at) or "", visible(each.by) or "-",
         ", ".join(visible(s.node_id) for s in each.shares if s.node_id))
        for each in every
    ]  # fmt: skip
    if not rows:
        return "no kb_id was taken apart"
    return aligned([("KB_ID", "AT", "BY", "NODE_IDS NOW"), *rows])


def _receipt_lines(receipt: Receipt) -> Iterable[str]:
    yield _moved_text(receipt.goes, receipt.stays)
    if receipt.learnt_again:
        yield f"learnt again meanwhile, and at both names: {receipt.learnt_again:,} patterns"
    if receipt.late:
        yield f"sessions under an old node_id again: {receipt.late:,}: change their clients"
    for old, new in receipt.sessions.items():
        yield f"session {visible(old)} is {visible(new)}"


def _shares_text(shares: Iterable[Share]) -> str:
    rows = [
        (visible(str(each.tenant)), ", ".join(map(visible, each.nodes)) or "-",
         stamp(each.since) or "never", stamp(each.began) or "unknown", each.trust.value,
         visible(each.node_id) or "-")
        for each in shares
    ]  # fmt: skip
    head = ("TENANT", "NODE_IDS", "FIRST SEEN", "BEGAN", "BY", "NODE_ID FROM NOW ON")
    return aligned([head, *rows])


def _moved_text(goes: Iterable[Goes], stays: Iterable[Stays]) -> str:
    rows = [(each.store.value, f"{each.count:,}", f"to {visible(str(each.tenant))}", each.by.value)
            for each in goes]  # fmt: skip
    rows += [(each.store.value, f"{each.count:,}", "stays", each.why.value) for each in stays]
    return aligned([("STORE", "COUNT", "WHERE", "WHY"), *rows])
