"""Planning purges in the background: every store is looked at."""

from __future__ import annotations

from collections.abc import Callable

from services.errors import NoSuchPlan
from services.jobs.looks import About, LookBook, LookWork, Tells, planning
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs
from services.jobs.service import JobsService
from services.purge.formats import request_kept, request_of
from services.purge.models import Plan, Request
from services.purge.service import PurgeService

KIND = "plan purge"


def about(request: Request) -> About:
    """Say what a plan is of: just what was asked for."""
    return request_kept(request)


def book(work: JobsService, planned: Callable[[str], Plan]) -> LookBook[Plan]:
    """Return the plans that were asked for, as long as they are kept: each by its digest."""

    def read(found: Result) -> Plan | None:
        try:
            return planned(str(found["digest"]))
        except NoSuchPlan:
            return None

    return LookBook(KIND, work, read)


def work(service: PurgeService, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""

    def plan(tells: Tells) -> Result:
        return {"digest": service.plan(request_of(job.plan), tells=tells).digest}

    return planning(jobs, job, plan)
