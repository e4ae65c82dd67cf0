"""Parking tenants and bringing them back: plan, begin, follow. What pages and scripts call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.jobs.looks import Tells, quiet
from services.jobs.models import Job
from services.jobs.service import JobsService
from services.parking import park, unpark
from services.parking.models import Parked, ParkingRefused, Plan
from services.parking.tools import Tools
from services.purge.amounts import amounts_kept
from services.purge.models import Request, Target
from services.restore.models import Outcome
from services.tenancy.kb_ids import TenantKey, held_names

KINDS = (park.KIND, unpark.KIND)
ABANDONED = "abandoned"
"""The outcome of a job that was given up: nothing was erased, and what was taken stays."""


class ParkingService:
    """Parks tenants, and brings them back, by jobs."""

    def __init__(self, tools: Tools, jobs: JobsService) -> None:
        self._tools, self._jobs = tools, jobs

    def plan(self, tenant: TenantKey, *, tells: Tells = quiet) -> Plan:
        """Return what parking would do.

        Raises ParkingRefused for one that is parked, PurgeRefused where nothing was ever seen.
        """
        self._refuse_parked(tenant)
        purge = self._tools.purges().plan(Request(Target(tenant)), tells=tells)
        return Plan(tenant, purge, tuple(self._obstacles()))

    def park(self, plan: Plan, *, by: str, reason: str) -> Job:
        """Begin to park a tenant as planned: nothing else is done with it meanwhile.

        Raises ParkingRefused where something stands in its way, JobRefused, StoreError.
        """
        self._refuse_parked(plan.tenant)
        if plan.in_the_way:
            raise ParkingRefused(f"it cannot be parked: {plan.in_the_way[0]}")
        names = held_names([plan.tenant], plan.purge.surface.kb_ids)
        return self._jobs.begin(
            park.KIND, {"tenant": str(plan.tenant), "saved": amounts_kept(plan.saved)},
            asked_by=by, reason=reason, names=(*names, _alone(plan.tenant)), steps=park.STEPS,
        )  # fmt: skip

    def unpark(self, tenant: TenantKey, *, by: str, reason: str) -> Job:
        """Begin to bring a tenant back. Raises ParkingRefused, JobRefused, StoreError."""
        if self.parked(tenant) is None:
            raise ParkingRefused(f"{tenant} is not parked")
        return self._jobs.begin(
            unpark.KIND, {"tenant": str(tenant)}, asked_by=by, reason=reason,
            names=(_alone(tenant),), steps=unpark.STEPS,
        )  # fmt: skip

    def parked(self, tenant: TenantKey) -> Parked | None:
        """Return how a tenant is parked, None where it is not."""
        return self._tools.book.get(tenant)

    def since(self, tenant: TenantKey) -> datetime | None:
        """Return since when a tenant is parked, None where it is not."""
        found = self.parked(tenant)
        return None if found is None else found.since

    def every(self) -> tuple[Parked, ...]:
        """Return every parked tenant, the newest first."""
        return self._tools.book.all()

    def jobs(self) -> tuple[Job, ...]:
        """Return every job that has not ended and the newest of the others, newest first."""
        return self._jobs.listed(*KINDS)

    def job(self, job_id: str) -> Job:
        """Return one. Raises ParkingRefused where there is none."""
        found = self._jobs.of_kind(job_id, *KINDS)
        if found is None:
            raise ParkingRefused("there is no such job")
        return found

    def run_here(self, job_id: str) -> Job:
        """Run one in this process until it ends, stops or fails."""
        return self._jobs.run_here(self.job(job_id).id)

    def stop(self, job_id: str) -> None:
        """Let one end before its next step, and what it is doing now as soon as that can."""
        job = self.job(job_id)
        self._jobs.stop(job.id)
        for archive in self._tools.archives().begun_for(park.mark(job.id)):
            self._tools.archives().stop(archive)
        for purge in self._tools.purges().jobs(reason=park.mark(job.id)):
            self._tools.purges().stop(purge.id)
        for restore in self._tools.restores().jobs(reason=unpark.mark(job.id)):
            self._tools.restores().stop(restore.id)

    def resume(self, job_id: str) -> Job:
        """Let a stopped or failed one go on. Raises JobRefused for one that ended."""
        return self._jobs.resume(self.job(job_id).id)

    def abandon(self, job_id: str) -> Job:
        """Give up a stopped or failed one of which nothing was erased or written yet.

        Nor is one that has a restore that was given up itself: of that it is known what stays.
        Raises ParkingRefused for any other: that has to go on, or data would be in two halves;
        JobRefused where another process has it.
        """
        job = self.job(job_id)
        if not job.state.halted:
            raise ParkingRefused("only a stopped or failed job can be given up")
        with self._jobs.halted(job.id) as held:  # by now it may have gone on, and halted anew
            restores = self._tools.restores().jobs(reason=unpark.mark(job.id))
            written = [each for each in restores if each.outcome != Outcome.GIVEN_UP]
            if written or self._tools.purges().jobs(reason=park.mark(job.id)):
                raise ParkingRefused("it has begun to erase or to write: let it go on")
            held.end(ABANDONED, {})
        return self.job(job.id)

    def _refuse_parked(self, tenant: TenantKey) -> None:
        if self.parked(tenant) is not None:
            raise ParkingRefused(f"{tenant} is parked already: bring it back first")

    def _obstacles(self) -> Iterator[str]:
        why = self._tools.place()
        if why:
            yield f"an archive is to be taken first: {why}"
        elif not self._tools.opens():
            yield ("archives are encrypted, and no identity that opens them is set here: it could "
                   "not be brought back")  # fmt: skip


def _alone(tenant: TenantKey) -> str:
    """Return by which name a tenant is parked or brought back by one job at a time."""
    return f"parking {tenant}"
