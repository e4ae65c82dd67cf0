"""What `kato-tenants purge` prints for people. No name can break a line or a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.purge.job import Job
from services.purge.models import LeftOut, Plan
from services.visible import visible


def plan_text(plan: Plan) -> str:
    """Say what a plan would do, line by line."""
    lines = [f"purge of {visible(str(plan.request.target))}", f"digest {plan.digest}"]
    lines += [f"to confirm: {visible(plan.request.target.name)}"]
    lines += [f"  {visible(str(tenant))}" for tenant in plan.request.target.many]
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


def _left_text(left: LeftOut) -> str:
    counts = {store.value: number for store, number in left.counts.items()}
    place = f" in {visible(left.place)}" if left.place else ""
    words = f"left out: {visible(left.kb_id)}{place} ({_counts(counts)}): {visible(left.why)}"
    return words + (" [--include-inferred takes it in]" if left.alone else "")


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


def receipt_text(receipt: Mapping[str, Any]) -> str:
    """Say what came of a purge: what went, what stayed, and what nothing is known of."""
    lines = [
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
    return "\n".join([f"outcome: {receipt['outcome']}", *lines])


def _figure(name: str, value: object) -> str:
    return f"{name} {'not known' if value is None else value}"
