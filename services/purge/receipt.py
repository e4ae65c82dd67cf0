"""What came of a purge, told by the journal of its job. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from services.errors import Problem
from services.figures import Measure
from services.jobs.models import StepState
from services.purge.conservation import conserved_of, unexplained
from services.purge.job import Asked, Job, Line, Outcome, Receipt, Tombstone
from services.purge.journal import (
    Counts,
    attempts_of,
    counts,
    last_look,
    late_of,
    problems_of,
    result_of,
)
from services.purge.models import Item, LeftOut
from services.purge.ports import KatoState
from services.purge.steps import ERASES, StepName

_NOT_LOOKED = Problem("the job ended before it had looked again")

SEVERAL = "(of one of several tenants)"
"""For an owner of which a plan does not say whose it is, in the receipt of one tenant of many."""

Key = tuple[Measure, str, str]


def receipt_of(
    job: Job, *, at: datetime, versions: Mapping[str, str], tenant: str | None = None
) -> Receipt:
    """Return the receipt of a job whose last look is in its journal; of one tenant of many.

    What was deleted is told by looks: the first one of every run, the one before each step that
    erases, and the last one. So a process that was killed in between loses none of it. A whole
    job that has ended came to what it came to then: by what a confined viewer sees of it, without
    what was left out, it would be more.
    """
    plan, last = job.plan, last_look(job)
    unknown = _unknown(job, last)
    whole = tuple(_lines(job, last, unknown))
    lines = tuple(_lines_of(job, whole, tenant))
    left_out = tuple(_left_of(job, tenant))
    conserved = conserved_of(job, whole)
    doubts = [*_doubts(job, unknown), *unexplained(job, conserved)]
    problems = list(_problems(job, last))
    seen = _outcome(lines, doubts, problems, any(each.is_there for each in left_out))
    if seen is Outcome.ERASED:
        lines = _without_nodes(job, lines)
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
        outcome=seen if tenant is not None or job.outcome is None else job.outcome,
        lines=lines,
        left_out=left_out,
        disclosed=tuple(dict.fromkeys((*plan.disclosed, *_disclosed(job)))),
        problems=(*doubts, *problems),
        seconds={
            step.name.value: (step.ended_at - step.started_at).total_seconds()
            for step in job.steps
            if step.started_at and step.ended_at
        },
        versions=versions,
        conserved=conserved if tenant is None else (),
        tenants=tenants_of(job) if tenant is None else (tenant,),
        servers=tuple(_servers(last)) if tenant is None else (),
    )


def tenants_of(job: Job) -> tuple[str, ...]:
    """Return the tenants that a job is about, where each can have a receipt of its own."""
    named = map(str, job.plan.request.target.many)
    return tuple(dict.fromkeys((*named, *sorted(set(job.plan.whose.values())))))


def tombstones_of(job: Job, receipt: Receipt) -> tuple[Tombstone, ...]:
    """Return a stone for each kb_id of the target, whatever came of it.

    What is written to it from now on came back. None for a purge of sessions alone, nor for a
    kb_id of which nothing was erased and something is left: it never went.
    """
    if job.plan.request.stores == {Measure.SESSIONS}:
        return ()
    plan = job.plan
    gone = {line.owner for line in receipt.lines if line.deleted}
    stays = {line.owner for line in receipt.lines if line.left} - gone
    return tuple(
        Tombstone(kb_id, plan.whose.get(kb_id, str(plan.request.target)), job.id, receipt.ended_at)
        for kb_id in sorted(plan.surface.kb_ids - stays)
    )


def _servers(last: Mapping[str, Any]) -> Iterator[Asked]:
    for store, servers in last.get("servers", {}).items():
        for server, left in servers.items():
            yield Asked(store, server, left)


def _without_nodes(job: Job, lines: Iterable[Line]) -> tuple[Line, ...]:
    """Add up the lines of a tenant's node_ids, which are forgotten once it is erased."""
    plan, found = job.plan, dict[Key, Line]()
    names = plan.surface.kb_ids | plan.surface.tenant_ids
    for line in lines:
        tenant = None if line.owner in names else plan.whose.get(line.owner)
        owner = line.owner if tenant is None else f"node_ids of {tenant}"
        key = line.store, owner, line.kind
        found[key] = _sum(found[key], line) if key in found else replace(line, owner=owner)
    return tuple(found.values())


def _sum(one: Line, other: Line) -> Line:
    return replace(
        one,
        planned=one.planned + other.planned,
        deleted=one.deleted + other.deleted,
        absent=one.absent + other.absent,
        failed=one.failed + other.failed,
    )


def _lines_of(job: Job, lines: Iterable[Line], tenant: str | None) -> Iterator[Line]:
    """Yield a tenant's lines; what may be another's is there, without a name, if any is left."""
    for line in lines:
        owner = _named_for(job, line.owner, tenant)
        if owner is not None and (owner != SEVERAL or line.left != 0):
            yield replace(line, owner=owner)


def _left_of(job: Job, tenant: str | None) -> Iterator[LeftOut]:
    for each in job.plan.left_out:
        owner = _named_for(job, each.kb_id, tenant)
        if owner is not None:
            yield replace(each, kb_id=owner)


def _named_for(job: Job, owner: str, tenant: str | None) -> str | None:
    """Return the name of an owner as a tenant's receipt has it; None where it is another's."""
    whose = job.plan.whose.get(owner)
    if tenant is None or whose == tenant:
        return owner
    if whose is not None:
        return None
    return owner if len(tenants_of(job)) == 1 else SEVERAL


def _outcome(
    lines: Iterable[Line], doubts: Iterable[str], problems: Iterable[str], except_some: bool
) -> Outcome:
    if list(doubts):
        return Outcome.UNKNOWN
    if any(line.left for line in lines) or list(problems):
        return Outcome.PARTIAL
    return Outcome.ERASED_EXCEPT if except_some else Outcome.ERASED


def _unknown(job: Job, last: Mapping[str, Any]) -> dict[Measure, Problem]:
    """The chosen stores of which the last look says nothing, with the reason."""
    chosen = job.plan.request.stores - frozenset(job.plan.absent)
    if not last:
        return dict.fromkeys(sorted(chosen), _NOT_LOOKED)
    found = problems_of(last)
    return {store: found[store] for store in sorted(chosen) if store in found}


def _doubts(job: Job, unknown: Mapping[Measure, Problem]) -> Iterator[str]:
    """Say why it is not known whether everything is gone."""
    for store, why in unknown.items():
        yield f"{store.value} could not be asked at the end: {why}"
    if result_of(job, StepName.SETTLE).get("kato") == KatoState.UNSTEADY.value:
        yield (
            "KATO answers sometimes, or not in time: what it has in memory it may still write; "
            "verify again once it answers"
        )


def _problems(job: Job, last: Mapping[str, Any]) -> Iterator[str]:
    yield from (text for text in last.get("blockers", ()) if text not in job.plan.blockers)
    yield from (f"{step.name.value}: {step.error}" for step in job.steps if step.error)


def _disclosed(job: Job) -> Iterator[str]:
    """Say what stays for a while, or happened on the way, that the plan could not know."""
    ended = result_of(job, StepName.SESSIONS)
    if ended.get("live"):
        yield (
            f"{ended['live']:,} sessions were live at the start: what they were writing when they "
            "ended was looked for again at the end"
        )
    if ended.get("kato") == KatoState.STOPPED.value:
        yield "KATO was not running: sessions were ended in Redis, where alone they live"
    for name in (StepName.VERIFY, StepName.SETTLE):
        yield from result_of(job, name).get("disclosed", ())
    yield from result_of(job, StepName.VERIFY).get("on_disk", ())


def _lines(job: Job, last: Mapping[str, Any], unknown: Mapping[Measure, Problem]) -> Iterator[Line]:
    planned, left = _counts_of(job.plan.items), counts(last.get("items", ()))
    gone = _met(job)
    order = list(Measure).index
    for key in sorted({*planned, *gone, *left}, key=lambda k: (order(k[0]), k[1], k[2])):
        store, owner, kind = key
        met, after = gone.get(key, 0), left.get(key, 0)
        done = _done(job, store) is not None
        yield Line(
            store, owner, kind,
            planned=planned.get(key, 0),
            deleted=0 if store in unknown else max(met - after, 0),
            absent=max(planned.get(key, 0) - met, 0),
            failed=0 if done or store in unknown else after,
            left=None if store in unknown else after,
        )  # fmt: skip


def _counts_of(items: Iterable[Item]) -> Counts:
    return {item.key: item.count for item in items}


def _done(job: Job, store: Measure) -> Mapping[str, Any] | None:
    step = job.step(ERASES[store])
    return step.result if step is not None and step.state is StepState.DONE else None


def _met(job: Job) -> Counts:
    """Return how much of each thing this job had before it, growth included.

    What the runs that did not get through a store's step took of it is by how much the first
    look of the next one found less; then what stood there right before the step, and what came
    after it and was erased by a proof. Where no check was done, what was planned was there.
    """
    attempts, met = attempts_of(job), Counts()
    for store in Measure:
        done = _done(job, store)
        upto = _attempt_of(attempts, ERASES[store]) if done is not None else len(attempts)
        _add(met, _taken(attempts[: upto + 1], store))
        before = _before(done, attempts, upto, store)
        _add(met, _last(job, attempts, store) if before is None else before)
    for late in late_of(job):
        _add(met, late)
    return met


def _attempt_of(attempts: list[tuple[Counts, frozenset[str]]], step: StepName) -> int:
    """Return which run did a step: the last one that began without it."""
    without = [at for at, (_, done) in enumerate(attempts) if step.value not in done]
    return max(without, default=0)


def _taken(attempts: list[tuple[Counts, frozenset[str]]], store: Measure) -> Counts:
    """Return by how much each run found less than the one before it."""
    taken = Counts()
    for (before, _), (after, _) in pairwise(attempts):
        for key, number in before.items():
            if key[0] is store:
                taken[key] = taken.get(key, 0) + max(number - after.get(key, 0), 0)
    return taken


def _before(
    done: Mapping[str, Any] | None, attempts: list[tuple[Counts, frozenset[str]]], at: int,
    store: Measure,
) -> Counts | None:  # fmt: skip
    """Return what stood there right before a step that was done."""
    if done is None:
        return None
    if "before" in done:
        return counts(done["before"])
    return _only(attempts[at][0], store) if at < len(attempts) else {}


def _last(
    job: Job, attempts: list[tuple[Counts, frozenset[str]]], store: Measure
) -> Counts:  # fmt: skip
    """Return what the newest run found; before any, what was planned."""
    found = attempts[-1][0] if attempts else _counts_of(job.plan.items)
    return _only(found, store)


def _only(found: Counts, store: Measure) -> Counts:
    return {key: number for key, number in found.items() if key[0] is store}


def _add(to: Counts, found: Counts) -> None:
    for key, number in found.items():
        to[key] = to.get(key, 0) + number
