"""Planning retention in the background: every store that a policy is about is read."""

from __future__ import annotations

from services.jobs.looks import About, LookBook, LookWork, Tells, planning
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs
from services.jobs.service import JobsService
from services.retention.formats import plan_kept, plan_of
from services.retention.models import Plan
from services.retention.service import RetentionService

KIND = "plan retention"

ALL: About = {}
"""What a plan is of: all policies."""


def book(work: JobsService) -> LookBook[Plan]:
    """Return the plans that were asked for."""
    return LookBook(KIND, work, plan_of)


def work(service: RetentionService, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""

    def plan(tells: Tells) -> Result:
        return plan_kept(service.plan(tells=tells))

    return planning(jobs, job, plan)
