"""What came of a purge, told by the journal of its job. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.figures import Measure
from services.purging.models import (
    Item,
    Job,
    Line,
    Outcome,
    Receipt,
    StepName,
    StepState,
    Tombstone,
)
from services.purging.planning import Looks

Counts = dict[tuple[Measure, str, str], int]

ERASERS = {
    Measure.PATTERNS: StepName.PATTERNS,
    Measure.KEYS: StepName.KEYS,
    Measure.VECTORS: StepName.VECTORS,
    Measure.SESSIONS: StepName.SESSIONS,
}
"""The step that erases from each store."""


def found_of(looks: Looks) -> dict[str, object]:
    """Return what a look found, as the journal keeps it."""
    return {
        "items": [[i.store.value, i.owner, i.kind, i.count] for i in looks.items],
        "problems": {store.value: why for store, why in looks.problems.items()},
        "blockers": list(looks.blockers),
    }


def receipt_of(job: Job, *, at: datetime, versions: Mapping[str, str]) -> Receipt:
    """Return the receipt of a job whose last look is in its journal.

    What was deleted is told by two looks: the one before the first step that erases, and the
    last one. So a process that was killed in between loses none of it.
    """
    plan, last = job.plan, _last_look(job)
    unknown = _unknown(job, last)
    lines = tuple(_lines(job, last, unknown))
    problems = [f"{store.value} could not be asked at the end: {why}"
                for store, why in unknown.items()]  # fmt: skip
    problems += [text for text in _texts(last, "blockers") if text not in plan.blockers]
    problems += [f"{step.name.value}: {step.error}" for step in job.steps if step.error]
    started = job.step(StepName.CHECK)
    return Receipt(
        job_id=job.id,
        target=str(plan.request.target),
        stores=tuple(sorted(plan.request.stores, key=list(Measure).index)),
        asked_by=job.asked_by,
        reason=job.reason,
        digest=plan.digest,
        planned_at=plan.created_at,
        started_at=(started and started.started_at) or job.created_at,
        ended_at=at,
        outcome=_outcome(lines, unknown, problems),
        lines=lines,
        left_out=plan.left_out,
        disclosed=plan.disclosed,
        problems=tuple(problems),
        seconds={
            step.name.value: (step.ended_at - step.started_at).total_seconds()
            for step in job.steps
            if step.started_at and step.ended_at
        },
        versions=versions,
    )


def tombstones_of(job: Job, receipt: Receipt) -> tuple[Tombstone, ...]:
    """Return a stone for each kb_id of which nothing is left in any of the stores."""
    if job.plan.request.stores == {Measure.SESSIONS}:
        return ()
    left = {line.owner for line in receipt.lines if line.left != 0}
    tenant = job.plan.request.target
    return tuple(
        Tombstone(kb_id, str(tenant), job.id, receipt.ended_at)
        for kb_id in sorted(job.plan.surface.kb_ids - left)
    )


def _outcome(
    lines: Iterable[Line], unknown: Mapping[Measure, str], problems: Iterable[str]
) -> Outcome:
    if unknown:
        return Outcome.UNKNOWN
    if any(line.left for line in lines) or list(problems):
        return Outcome.PARTIAL
    return Outcome.ERASED


def _last_look(job: Job) -> Mapping[str, Any]:
    for name in (StepName.SETTLE, StepName.VERIFY):
        step = job.step(name)
        if step is not None and step.state is StepState.DONE:
            return step.result
    return {}


def _unknown(job: Job, last: Mapping[str, Any]) -> dict[Measure, str]:
    """The chosen stores of which the last look says nothing, with the reason."""
    chosen = job.plan.request.stores - frozenset(job.plan.absent)
    if not last:
        return dict.fromkeys(sorted(chosen), "the job ended before it had looked again")
    problems = last.get("problems")
    found = problems if isinstance(problems, Mapping) else {}
    return {store: str(found[store.value]) for store in sorted(chosen) if store.value in found}


def _lines(job: Job, last: Mapping[str, Any], unknown: Mapping[Measure, str]) -> Iterable[Line]:
    planned = _counts_of(job.plan.items)
    check = job.step(StepName.CHECK)
    checked = check is not None and check.state is StepState.DONE
    found = _counts(check.result) if check is not None and checked else planned
    left = _counts(last)
    order = list(Measure).index
    for key in sorted({*planned, *found, *left}, key=lambda k: (order(k[0]), k[1], k[2])):
        store, owner, kind = key
        before, after = found.get(key, 0), left.get(key, 0)
        step = job.step(ERASERS[store])
        done = step is not None and step.state is StepState.DONE
        yield Line(
            store, owner, kind,
            planned=planned.get(key, 0),
            deleted=0 if store in unknown else max(before - after, 0),
            absent=max(planned.get(key, 0) - before, 0),
            failed=0 if done or store in unknown else after,
            left=None if store in unknown else after,
        )  # fmt: skip


def _counts_of(items: Iterable[Item]) -> Counts:
    return {item.key: item.count for item in items}


def _counts(look: Mapping[str, Any]) -> Counts:
    items = look.get("items", ())
    return {(Measure(store), owner, kind): count for store, owner, kind, count in items}


def _texts(look: Mapping[str, Any], name: str) -> list[str]:
    return list(look.get(name, ()))
