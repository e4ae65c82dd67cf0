"""A process that opens the product's own records and begins a purge, as soon as it is told to."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.errors import PurgeRefused
from services.purge.job import Job
from services.purge.models import Plan, Request, Surface, Target
from services.purge.ports import Jobs
from services.purge.steps import Step, StepName
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
STEPS = (StepName.CHECK, StepName.KEYS, StepName.VERIFY)


def plan_for(tenant: str = "acme", *, at: datetime = NOW, digest: str = "d" * 64) -> Plan:
    """Return a small plan."""
    request = Request(Target(TenantKey("tenant", tenant)))
    surface = Surface(frozenset({f"{tenant}_kato"}))
    return Plan(request, surface, (), (), (), (), {}, (), at, digest)


SOON = NOW + timedelta(seconds=30)
LATER = NOW + timedelta(minutes=5)
HOUR = NOW + timedelta(hours=1)


def begun(jobs: Jobs, *names: str, minute: int = 0) -> Job:
    """Begin a purge that holds these names."""
    at = NOW + timedelta(minutes=minute)
    return jobs.begin(plan_for(), asked_by="ann", reason="R-1", names=names, steps=STEPS, at=at)


def leased(jobs: Jobs, job: Job, owner: str = "me") -> int:
    """Take the lease of a job, also of one that stands still, unless another has it."""
    until = LATER + timedelta(seconds=30)
    number = jobs.lease(job.id, owner, at=LATER, until=until, halted=True)
    assert number is not None
    return number


def found_of(jobs: Jobs, job_id: str) -> Job:
    """Return a job that is there."""
    job = jobs.job(job_id)
    assert job is not None
    return job


def check_of(jobs: Jobs, job_id: str) -> Step:
    """Return the first step of a job."""
    step = found_of(jobs, job_id).step(StepName.CHECK)
    assert step is not None
    return step


def main(data: str, url: str, *names: str) -> None:
    """Print `ready`, wait for a line, begin; print the job's id, or `refused`.

    With the line `stay` it stays until it is killed.
    """
    from services.stores.records.database import open_database
    from services.stores.records.purges.jobs import PurgeJobs

    print("ready", flush=True)
    word = sys.stdin.readline().strip()
    jobs = PurgeJobs(open_database(Path(data), url or None, seconds=20))
    try:
        job = jobs.begin(plan_for(), asked_by="ann", reason="R-1", names=names, steps=STEPS, at=NOW)
        print(job.id, flush=True)
    except PurgeRefused:
        print("refused", flush=True)
    if word == "stay":
        time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
