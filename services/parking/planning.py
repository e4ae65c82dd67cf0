"""Planning to park tenants in the background."""

from __future__ import annotations

from services.jobs.looks import About, LookBook, LookWork, Tells, planning
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs
from services.jobs.service import JobsService
from services.parking.formats import plan_kept, plan_of
from services.parking.models import Plan, tenant_of
from services.parking.service import ParkingService
from services.tenancy.kb_ids import TenantKey

KIND = "plan park"


def about(tenant: TenantKey) -> About:
    """Say what a plan is of: who is to be parked."""
    return {"tenant": str(tenant)}


def book(work: JobsService) -> LookBook[Plan]:
    """Return the plans that were asked for."""
    return LookBook(KIND, work, plan_of)


def work(service: ParkingService, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""

    def plan(tells: Tells) -> Result:
        return plan_kept(service.plan(tenant_of(job), tells=tells))

    return planning(jobs, job, plan)
