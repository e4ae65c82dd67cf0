"""Parking, as one viewer may plan, begin and follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from services.access.gate import Doing, Gate, digest_of_words
from services.access.viewer import Action, Viewer
from services.approvals.models import REASON
from services.jobs.models import Job
from services.parking import park
from services.parking.confined import (
    concerned,
    confined_job,
    confined_parked,
    confined_plan,
    tenant_of,
)
from services.parking.errors import ParkingRefused
from services.parking.models import Parked, Plan
from services.parking.service import ParkingService
from services.purge.confined import holders_of_plan, whose_of_plan
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


class DeskParking:
    """Parking of tenants in scope, by whoever holds a part of what goes in scope too."""

    def __init__(
        self, gate: Gate, inner: Callable[[], ParkingService], *,
        ownership: Callable[[], Ownership],
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._ownership = gate, inner, ownership

    def plan(self, tenant: TenantKey) -> Plan:
        """Return what parking would do. Logged. Raises AccessDenied, PurgeRefused, StoreError."""
        with self._gate.doing(
            Action.PLAN_PURGE, tenants=[tenant], target=f"park {tenant}"
        ) as doing:  # fmt: skip
            plan = self._inner().plan(tenant)
            viewer = self._gate.allow(Action.PLAN_PURGE, tenants=self._concerned(plan))
            doing.digest = plan.purge.digest
        return confined_plan(plan, viewer, self._ownership())

    def park(self, tenant: TenantKey, *, reason: str) -> Job:
        """Begin to park a tenant; it is planned anew.

        Raises AccessDenied, ApprovalNeeded, ParkingRefused, PurgeRefused, JobRefused, StoreError.
        """
        self._gate.allow(Action.PARK, tenants=[tenant], target=str(tenant))
        plan, reason = self._inner().plan(tenant), reason.strip()
        if plan.in_the_way:  # before a second person is asked for
            viewer = self._gate.allow(Action.PARK, tenants=self._concerned(plan))
            seen = confined_plan(plan, viewer, self._ownership())
            raise ParkingRefused(f"it cannot be parked: {seen.in_the_way[0]}")
        with self._gate.doing(
            Action.PARK, tenants=self._concerned(plan), whose=whose_of_plan(plan.purge),
            target=str(tenant), reason=reason, details={REASON: reason},
            digest=digest_of_words("park", str(tenant), *sorted(plan.purge.surface.kb_ids)),
        ):  # fmt: skip
            viewer = self._gate.viewer()
            job = self._inner().park(plan, by=viewer.id, reason=reason)
        return confined_job(job, viewer)

    def unpark(self, tenant: TenantKey, *, reason: str) -> Job:
        """Begin to bring a tenant back.

        Raises AccessDenied, ApprovalNeeded, ParkingRefused, JobRefused, StoreError.
        """
        viewer = self._gate.allow(Action.UNPARK, tenants=[tenant], target=str(tenant))
        parked, reason = self._inner().parked(tenant), reason.strip()
        archive = "" if parked is None else parked.archive
        with self._gate.doing(
            Action.UNPARK, tenants=[tenant], target=str(tenant), reason=reason,
            details={REASON: reason}, digest=digest_of_words("unpark", str(tenant), archive),
        ):  # fmt: skip
            job = self._inner().unpark(tenant, by=viewer.id, reason=reason)
        return confined_job(job, viewer)

    def parked(self, tenant: TenantKey) -> Parked | None:
        """Return how a tenant in scope is parked, None where it is not. Raises AccessDenied."""
        viewer = self._gate.allow(Action.SEE_FLEET, tenants=[tenant])
        found = self._inner().parked(tenant)
        return None if found is None else confined_parked(found, viewer)

    def every(self) -> Mapping[TenantKey, Parked]:
        """Return every parked tenant in scope, the newest first."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        found = (each for each in self._inner().every() if viewer.sees(each.tenant))
        return {each.tenant: confined_parked(each, viewer) for each in found}

    def run_here(self, job_id: str) -> Job:
        """Run one in this process until it ends, stops or fails."""
        job, viewer = self._known(job_id, Action.PARK)
        return confined_job(self._inner().run_here(job.id), viewer)

    def jobs(self) -> tuple[Job, ...]:
        """Return the newest jobs in scope, newest first."""
        viewer = self._gate.allow(Action.SEE_PURGES)
        found = (job for job in self._inner().jobs() if viewer.sees(tenant_of(job)))
        return tuple(confined_job(job, viewer) for job in found)

    def job(self, job_id: str) -> Job:
        """Return one. Raises ParkingRefused where it is not in scope."""
        job, viewer = self._known(job_id)
        return confined_job(job, viewer)

    def stop(self, job_id: str) -> None:
        """Let one end as soon as it can: that waits for nobody. Logged."""
        with self._steering(job_id, "stop", Action.STOP_JOB):
            self._inner().stop(job_id)

    def resume(self, job_id: str) -> None:
        """Let a stopped or failed one go on. Logged. Raises JobRefused."""
        with self._steering(job_id, "resume"):
            self._inner().resume(job_id)

    def abandon(self, job_id: str) -> None:
        """Give up one of which nothing was erased or written yet. Logged. Raises ParkingRefused."""
        with self._steering(job_id, "give up"):
            self._inner().abandon(job_id)

    # --- what these share ---

    def _known(
        self, job_id: str, action: Action = Action.SEE_PURGES
    ) -> tuple[Job, Viewer]:  # fmt: skip
        """Return a job and who asks; parking and bringing back take the same."""
        viewer = self._gate.allow(action)
        job = self._inner().job(job_id)
        if not viewer.sees(tenant_of(job)):
            raise ParkingRefused("there is no such job")
        return job, viewer

    def _steering(
        self, job_id: str, deed: str, action: Action | None = None
    ) -> AbstractContextManager[Doing]:  # fmt: skip
        job, _ = self._known(job_id, Action.PARK)
        return self._gate.doing(
            action or _action(job), tenants=[tenant_of(job)], target=f"{deed} {tenant_of(job)}",
            digest=digest_of_words(deed, job.id), reason=job.reason,
        )  # fmt: skip

    def _concerned(self, plan: Plan) -> tuple[TenantKey, ...]:
        return concerned(plan, holders_of_plan(plan.purge, self._ownership()))


def _action(job: Job) -> Action:
    return Action.PARK if job.kind == park.KIND else Action.UNPARK
