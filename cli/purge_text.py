"""What `kato-tenants purge` prints for people. No name can break a line or a terminal."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from services.figures import Measure
from services.purge.job import Job
from services.purge.models import LeftOut, Plan
from services.tenancy.layout import bytes_of
from services.visible import visible


def plan_text(plan: Plan) -> str:
    """Say what a plan would do, line by line."""
    lines = [f"purge of {visible(str(plan.request.target))}: {visible(plan.confirmation)}"]
    lines += [_tenant_text(plan, tenant) for tenant in plan.tenants]
    lines += [f"digest {plan.digest}", f"to confirm: {visible(plan.confirmation)}"]
    lines += [
        f"  {item.store.value}: {item.count:,} {visible(item.kind)} of {visible(item.owner)}"
        + (f" ({visible(item.how)})" if item.how else "")
        for item in plan.items
    ]
    lines += [_left_text(each) for each in plan.left_out]
    lines += [f"taken in: {visible(each.kb_id)}: {visible(each.why)}" for each in plan.taken]
    lines += [f"disclosed: {visible(text)}" for text in plan.disclosed]
    lines += [f"cannot run: {visible(text)}" for text in plan.obstacles]
    return "\n".join(lines)


def _tenant_text(plan: Plan, tenant: str) -> str:
    """Say how much of one tenant would go, store by store."""
    sums = dict.fromkeys(sorted(plan.request.stores, key=list(Measure).index), 0)
    for item in plan.items:
        if plan.whose.get(item.owner) == tenant:
            sums[item.store] = sums.get(item.store, 0) + item.count
    known: dict[str, int | None] = {
        store.value: None if store in plan.problems else number for store, number in sums.items()
    }
    return f"  {visible(tenant)}: {_counts(known)}"


def _left_text(left: LeftOut) -> str:
    counts = {store.value: number for store, number in left.counts.items()}
    place = f" in {visible(left.place)}" if left.place else ""
    words = f"left out: {visible(left.kb_id)}{place} ({_counts(counts)}): {visible(left.why)}"
    return words + (" [--include-guessed takes it in]" if left.alone else "")


def _counts(counts: Mapping[str, int | None]) -> str:
    words = [f"{store} {'not known' if n is None else f'{n:,}'}" for store, n in counts.items()]
    return ", ".join(words) or "how much is not known"


def status_of(job: Job) -> dict[str, object]:
    """Return a job's state as the documented JSON has it."""
    progress = job.progress
    return {
        "job": job.id,
        "target": str(job.plan.request.target),
        "state": job.state.value,
        "outcome": job.outcome.value if job.outcome else None,
        "asked_by": job.asked_by,
        "created_at": job.created_at.isoformat().replace("+00:00", "Z"),
        "problem": job.problem,
        "progress": progress.words,
        "done": progress.done,
        "whole": progress.whole,
        "steps": [
            {"name": step.name.value, "state": step.state.value, "error": str(step.error or "")}
            for step in job.steps
        ],
    }


def status_text(job: Job) -> str:
    """Say how far a job is, step by step."""
    lines = [_head(job)]
    lines += [
        f"  {step.name.value}: {step.state.value} {visible(str(step.error or ''))}".rstrip()
        for step in job.steps
    ]
    return "\n".join([*lines, *([visible(job.problem)] if job.problem else [])])


def list_text(jobs: Iterable[Job]) -> str:
    """Say one line a job, the newest first."""
    lines = [
        f"{_head(job)}: {visible(str(job.plan.request.target))}, "
        f"{job.created_at:%Y-%m-%d %H:%M} UTC, by {visible(job.asked_by)}: {visible(job.reason)}"
        for job in jobs
    ]
    return "\n".join(lines) or "no purge so far"


def _head(job: Job) -> str:
    return f"job {job.id}: {job.state.value}" + (f", {job.outcome.value}" if job.outcome else "")


def file_stem(job_id: str, tenant: str | None) -> str:
    """Return what the file of a receipt is called; of two tenants never the same."""
    if tenant is None:
        return f"purge-{job_id}"
    plain = re.sub(r"[^A-Za-z0-9-]", "_", tenant)[:60]
    return f"purge-{job_id}-{plain}-{hashlib.sha256(bytes_of(tenant)).hexdigest()[:8]}"


def receipt_text(receipt: Mapping[str, Any]) -> str:
    """Say what came of a purge: in a sentence, whose and when, then what went and what stayed."""
    summary = [visible(receipt["summary"])] if "summary" in receipt else []
    facts = {
        "purge of": receipt["target"], "ticket": receipt["reason"],
        "started": receipt["started_at"], "ended": receipt["ended_at"],
        "requested by": receipt["asked_by"], "job": receipt["job"],
    }  # fmt: skip
    lines = [f"{name}: {visible(value)}" for name, value in facts.items()]
    lines += [f"tenant: {visible(tenant)}" for tenant in receipt["tenants"]]
    lines += [_look_line(look) for look in receipt.get("later_looks", ())]
    lines += [
        f"  {store}: " + ", ".join(_figure(name, value) for name, value in figures.items())
        for store, figures in receipt["stores"].items()
    ]
    lines += [
        f"  left out: {visible(each['kb_id'])} ({_counts(each.get('counts', {}))}): "
        f"{visible(each['why'])}"
        for each in receipt["left_out"]
    ]
    lines += [f"  disclosed: {visible(text)}" for text in receipt["disclosed"]]
    lines += [f"  {visible(text)}" for text in receipt["problems"]]
    return "\n".join([*summary, f"outcome: {receipt['outcome']}", *lines])


def _look_line(look: Mapping[str, Any]) -> str:
    back = look["kb_ids_back"]
    found = "not known" if back is None else f"{back:,} names with data" if back else "nothing"
    return f"looked at again from {look['first_at']} to {look['at']}: {found}"


def _figure(name: str, value: object) -> str:
    return f"{name} {'not known' if value is None else value}"
