"""Planning moves in the background: two deployments are read for it."""

from __future__ import annotations

from services.jobs.looks import About, LookBook, LookWork, Tells, planning
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs
from services.jobs.service import JobsService
from services.move.formats import plan_kept, plan_of
from services.move.models import Plan, tenant_of
from services.move.service import MoveService
from services.tenancy.kb_ids import TenantKey

KIND = "plan move"


def about(tenant: TenantKey, to: str) -> About:
    """Say what a plan is of: who is to move, and to which deployment."""
    return {"tenant": str(tenant), "to": to}


def book(work: JobsService) -> LookBook[Plan]:
    """Return the plans that were asked for."""
    return LookBook(KIND, work, plan_of)


def work(service: MoveService, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""

    def plan(tells: Tells) -> Result:
        return plan_kept(service.plan(tenant_of(job), str(job.plan["to"]), tells=tells))

    return planning(jobs, job, plan)
