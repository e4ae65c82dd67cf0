"""Policies, plans and receipts as lines for people. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cli.printed import aligned
from services.jobs.models import Job
from services.retention.models import Kept, Plan, in_order
from services.retention.schedule import next_run
from services.retention.simulate import Simulated
from services.retention.written import LEFT_WORDS, most_words, span_words
from services.usage.formats import stamp
from services.visible import visible


def policies_text(kept: Iterable[Kept]) -> str:
    """Return one line a policy, or that there is none."""
    rows = [
        (visible(str(each.policy.scope)), each.policy.quantity, most_words(each.policy),
         str(each.policy.schedule or ""), stamp(next_run(each)) or "", visible(each.by),
         visible(each.why))
        for each in in_order(kept)
    ]  # fmt: skip
    if not rows:
        return "no policy is set"
    return aligned([("FOR", "QUANTITY", "KEEP", "SCHEDULE", "NEXT", "BY", "WHY"), *rows])


def plan_text(plan: Plan) -> str:
    """Say what would go, by owner, what it costs, and what is left out and why."""
    rows = [
        (each.matter.value, "everybody" if each.tenant is None else visible(str(each.tenant)),
         visible(each.owner), _number(each.there), _due(each.due, at_least=each.at_least),
         _number(each.expiring), visible(", ".join(sorted(set(each.sources.values())))),
         "" if each.problem is None else visible(str(each.problem)))
        for each in plan.lines
    ]  # fmt: skip
    head = ("MATTER", "TENANT", "OWNER", "THERE", "GOES", "TTL", "BY", "UNKNOWN")
    none = "of what was read, nothing" if plan.unread else "nothing"
    lines = [aligned([head, *rows]) if rows else f"{none} is bounded by a policy"]
    if plan.parts:
        size = sum(part.bytes for part in plan.parts)
        lines.append(
            f"erasing patterns rewrites {len(plan.parts):,} parts of ClickHouse, {size:,} bytes, "
            f"and clones {plan.cloned:,} others by hard links"
        )
    lines += [f"left out: {line}" for line in left_lines(plan)]
    lines += [f"a run would fail: {each}" for each in plan.lacking]
    lines += [f"not read: {visible(str(problem))}" for problem in plan.unread.values()]
    return "\n".join([*lines, f"digest: {plan.digest}"])


def left_lines(plan: Plan) -> list[str]:
    """Say of each kind of reason how many owners are left out for it."""
    counts = Counter((each.matter.value, each.why) for each in plan.left_out)
    return [f"{matter} of {number:,} owners: {LEFT_WORDS[why]}"
            for (matter, why), number in sorted(counts.items())]  # fmt: skip


def receipt_text(receipt: Mapping[str, Any]) -> str:
    """Say what a run came to."""
    rows = [
        (line["matter"], visible(line["tenant"] or "everybody"), visible(line["owner"]),
         *(_number(line[name]) for name in ("there", "deleted", "expiring", "others", "after",
                                            "left")))
        for line in receipt["lines"]
    ]  # fmt: skip
    head = ("MATTER", "TENANT", "OWNER", "BEFORE", "DELETED", "TTL", "OTHERS", "AFTER", "LEFT")
    table = aligned([head, *rows]) if rows else "nothing was bounded by a policy"
    return "\n".join([f"{receipt['outcome']}", table, *map(visible, receipt["problems"])])


def jobs_text(jobs: Iterable[Job]) -> str:
    """Return one line a run, or that there was none."""
    rows = [(job.id, job.state.value, job.outcome or "", stamp(job.created_at) or "",
             visible(job.asked_by), visible(job.problem)) for job in jobs]  # fmt: skip
    if not rows:
        return "no run so far"
    return aligned([("RUN", "STATE", "OUTCOME", "BEGAN", "BY", "PROBLEM"), *rows])


def job_json(job: Job) -> dict[str, Any]:
    """Return how far a run is."""
    return {
        "job": job.id, "state": job.state.value, "outcome": job.outcome,
        "asked_by": job.asked_by or None, "began_at": stamp(job.created_at),
        "ended_at": stamp(job.ended_at), "problem": job.problem or None,
        "steps": [{"name": step.name, "state": step.state.value} for step in job.steps],
    }  # fmt: skip


def simulated_text(found: Iterable[Simulated]) -> str:
    """Say what each policy of each tenant would have come to at the last known day."""
    rows = []
    for each in found:
        known = [day for day in each.days if day.gone is not None]
        most = max((day.gone or 0 for day in known), default=0)
        last = known[-1] if known else None
        rows.append((
            visible(str(each.tenant)), each.quantity, _keep(each), visible(str(each.source)),
            visible(each.reason) if last is None else f"{each.sense} {_number(last.gone)}",
            "" if last is None else f"{most:,}", "" if last is None else _number(last.there),
        ))  # fmt: skip
    if not rows:
        return "no policy holds for a tenant"
    head = ("TENANT", "QUANTITY", "KEEP", "FROM", "WOULD HAVE GONE", "MOST ON A DAY", "OF")
    return aligned([head, *rows])


def _keep(each: Simulated) -> str:
    by_time = each.quantity.endswith(("idle", "ttl", "age"))
    return span_words(each.most) if by_time else f"{each.most:,}"


def _number(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _due(number: int | None, *, at_least: bool) -> str:
    return "≥ " * at_least + _number(number)
