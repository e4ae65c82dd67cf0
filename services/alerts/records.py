"""Conditions of what this product keeps: findings, purges, the audit log. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from services.access.holders import Holders, each_of, holders_of_kb
from services.alerts.look import Look
from services.alerts.models import Sighting, Value, Verdict
from services.audit_log.models import State
from services.errors import NamingError, Problem
from services.isolation.confined import scope_of_finding
from services.isolation.models import Report
from services.isolation.severity import Severity
from services.jobs.looks import is_look
from services.jobs.models import Job as OtherJob, JobState, StepState
from services.purge.confined import holders_of_plan
from services.purge.job import Job, Outcome
from services.retention.steps import KIND as RETENTION
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership

ENDED_FOR = timedelta(days=7)
"""So long a purge that was not whole asks for somebody, unless one of the same erased it since."""

UNCLAIMED_FOR = timedelta(minutes=10)
STOPPED_FOR = timedelta(hours=24)
STEP_FOR = timedelta(hours=6)
"""After which a job is stuck: that no process runs, that somebody stopped, of which a step runs."""


def finding(look: Look) -> Verdict:
    """See each critical or high finding that nobody accepted."""
    if isinstance(look.report, Problem):
        return Verdict(unknown=look.report)
    return Verdict(tuple(_findings(look.report, look)))


def _findings(report: Report, look: Look) -> Iterator[Sighting]:
    for record in report.standing(look.now):
        found = record.finding
        if found.severity.at_least(Severity.HIGH):
            facts: dict[str, Value] = {"finding": found.id, "rule": found.code}
            concerns = scope_of_finding(found, look.ownership)
            yield Sighting(found.id, found.severity, found.tenants, concerns, facts)


def purge_back(look: Look) -> Verdict:
    """See whose purged data is there again, by purge."""
    if isinstance(look.back, Problem):
        return Verdict(unknown=look.back)
    holders: dict[tuple[str, str], list[Holders]] = {}
    for stone in look.back:
        found = holders.setdefault((stone.job_id, stone.tenant), [])
        found.append(holders_of_kb(stone.kb_id, look.ownership))
    seen = tuple(
        _back(*purged, len(found), each_of(*found)) for purged, found in sorted(holders.items())
    )
    return Verdict(seen, look.unread)


def _back(job_id: str, tenant: str, count: int, holders: Holders) -> Sighting:
    try:
        named: tuple[TenantKey, ...] = (TenantKey.parse(tenant),)
    except NamingError:  # a version before wrote down a purge's target in words
        named = ()
    facts: dict[str, Value] = {"purge": job_id, "kb_ids": count}
    concerns = each_of(named, holders) if named else None
    return Sighting(f"{job_id} {tenant}", Severity.HIGH, named, concerns, facts)


def purge_outcome(look: Look) -> Verdict:
    """See each purge of the last days that ended other than erased."""
    if isinstance(look.jobs, Problem):
        return Verdict(unknown=look.jobs)
    whole: dict[str, datetime] = {}
    for job in look.jobs:
        if job.outcome is Outcome.ERASED and job.ended_at is not None:
            target = str(job.plan.request.target)
            whole[target] = max(job.ended_at, whole.get(target, job.ended_at))
    return Verdict(tuple(_partial(look.jobs, whole, look)))


def _partial(jobs: Iterable[Job], whole: Mapping[str, datetime], look: Look) -> Iterator[Sighting]:
    for job in jobs:
        if job.outcome in (None, Outcome.ERASED) or job.ended_at is None:
            continue
        erased = whole.get(str(job.plan.request.target), job.ended_at)
        if look.now - job.ended_at < ENDED_FOR and erased <= job.ended_at:
            yield _ended(job, job.outcome or Outcome.UNKNOWN, look.ownership)


def _ended(job: Job, outcome: Outcome, ownership: Ownership) -> Sighting:
    grave = Severity.LOW if outcome is Outcome.ERASED_EXCEPT else Severity.HIGH
    return _of_job(job, grave, ownership, {"outcome": outcome.value})


def job_stuck(look: Look) -> Verdict:
    """See each job that has not ended and does not go on by itself, a purge or another."""
    if isinstance(look.jobs, Problem):
        return Verdict(unknown=look.jobs)
    if isinstance(look.others, Problem):
        return Verdict(unknown=look.others)
    purges = ((job, why_stuck(job, look.now)) for job in look.jobs)
    others = ((job, _why_other(job, look.now)) for job in look.others)
    return Verdict((
        *(_of_job(job, Severity.HIGH, look.ownership, {"why": why}) for job, why in purges if why),
        *(_of_other(job, why) for job, why in others if why),
    ))  # fmt: skip


def _why_other(job: OtherJob, now: datetime) -> str:
    """Return as `why_stuck` does; looks end by themselves, and failed retention is told apart."""
    why = "" if is_look(job) else why_stuck(job, now)
    return "" if (job.kind, job.state) == (RETENTION, JobState.FAILED) else why


def _of_other(job: OtherJob, why: str) -> Sighting:
    """Return what is told of a job that is no purge: whom it concerns its kind alone knows."""
    return Sighting(job.id, Severity.HIGH, facts={"job": job.id, "kind": job.kind, "why": why})


def why_stuck(job: Job | OtherJob, now: datetime) -> str:
    """Return in one word why a job does not go on by itself; empty where it does, or has ended."""
    times = [at for step in job.steps for at in (step.started_at, step.ended_at) if at]
    last = max((job.created_at, *times))
    match job.state:
        case JobState.FAILED:
            return "failed"
        case JobState.STOPPED:
            return "stopped" if now - last >= STOPPED_FOR else ""
        case JobState.RUNNING:
            heard = job.leased_until if job.owner and job.leased_until else last
            silent = now - heard >= UNCLAIMED_FOR
            return "unclaimed" if silent else "slow" if _slow(job, now) else ""
        case _:
            return ""


def _slow(job: Job | OtherJob, now: datetime) -> bool:
    return any(
        step.state is StepState.STARTED and step.started_at and now - step.started_at >= STEP_FOR
        for step in job.steps
    )


def _of_job(
    job: Job, severity: Severity, ownership: Ownership, facts: dict[str, Value]
) -> Sighting:
    concerns = holders_of_plan(job.plan, ownership) or None
    tenants = job.plan.request.target.tenants
    return Sighting(job.id, severity, tenants, concerns, {"purge": job.id, **facts})


def log_broken(look: Look) -> Verdict:
    """See that the audit log is not as it was written."""
    chain = look.chain
    if isinstance(chain, Problem):
        return Verdict(unknown=chain)
    bad = chain.changed
    if chain.verified is not None and chain.verified.state is State.BROKEN:
        bad = bad if bad is not None else chain.verified.bad or 0
    if bad is not None:
        return Verdict((Sighting("", Severity.CRITICAL, facts={"entry": bad}),))
    unknown = chain.verified is None or chain.verified.state is State.UNCHECKED
    return Verdict(unknown=Problem("it was not verified") if unknown else None)
