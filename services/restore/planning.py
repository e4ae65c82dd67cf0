"""Planning restores in the background: all of an archive is read for it, which may take minutes."""

from __future__ import annotations

from services.archive.hearing import hearing
from services.jobs.looks import About, LookBook, LookWork
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stops
from services.jobs.service import JobsService
from services.restore.formats import plan_json, plan_of
from services.restore.models import Plan
from services.restore.plan import plan
from services.restore.source import Tools
from services.tenancy.kb_ids import TenantKey

KIND = "plan restore"


def about(url: str, named: TenantKey | None) -> About:
    """Say what a plan is of: where its archive is, and as whom it is to come back."""
    return {"url": url, "named": None if named is None else str(named)}


def book(work: JobsService) -> LookBook[Plan]:
    """Return the plans that were asked for."""
    return LookBook(KIND, work, lambda found: plan_of(found["plan"]))


def work(tools: Tools, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""
    url, name = str(job.plan["url"]), job.plan["named"]
    named = None if name is None else TenantKey.written(name)

    def looks(said: Said, stops: Stops) -> Result:
        return {"plan": plan_json(plan(tools, url, named, hearing(said, stops)))}

    return LookWork(jobs, job, looks)
