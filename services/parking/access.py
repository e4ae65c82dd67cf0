"""Parking, as one viewer may plan, begin and follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from services.access.gate import Gate, digest_of_words
from services.access.holders import each_of
from services.access.viewer import Action, Viewer
from services.approvals.models import REASON
from services.archive.away import confined_away
from services.jobs.access import DeskJobs
from services.jobs.confined import confined_job
from services.jobs.desk_looks import DeskLooks
from services.jobs.looks import Look, LookBook
from services.jobs.models import Job
from services.parking import park
from services.parking.models import Parked, ParkingRefused, Plan, tenant_of
from services.parking.planning import about
from services.parking.service import ParkingService
from services.purge.confined import confined_plan, holders_of_plan, whose_of_plan
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


class DeskParking(DeskJobs[ParkingService]):
    """Parking of tenants in scope, by whoever holds a part of what goes in scope too."""

    _begins = Action.PARK

    def __init__(
        self, gate: Gate, inner: Callable[[], ParkingService], *,
        ownership: Callable[[], Ownership], plans: Callable[[], LookBook[Plan]],
    ) -> None:  # fmt: skip
        super().__init__(gate, inner, ownership=ownership)
        self._plans = DeskLooks(
            gate, Action.PLAN_PURGE, plans, confined=self._confined, holders=self._holders
        )  # fmt: skip

    def plan(self, tenant: TenantKey) -> Plan:
        """Return what parking would do. Logged. Raises AccessDenied, PurgeRefused, StoreError."""
        with self._gate.doing(
            Action.PLAN_PURGE, tenants=[tenant], target=f"park {tenant}"
        ) as doing:  # fmt: skip
            plan = self._inner().plan(tenant)
            viewer = self._gate.allow(Action.PLAN_PURGE, tenants=self._holders(plan))
            doing.digest = plan.purge.digest
        return self._confined(plan, viewer)

    def ask(self, tenant: TenantKey) -> None:
        """Have it planned in the background, unless that is under way. Logged.

        Raises AccessDenied, StoreError.
        """
        self._plans.ask(about(tenant), tenants=[tenant], target=f"park {tenant}")

    def planned(self, tenant: TenantKey) -> tuple[Look, Plan | None] | None:
        """Return the newest planning that was asked for, with what it came to; None without one.

        Raises AccessDenied, StoreError.
        """
        return self._plans.newest(about(tenant), tenants=[tenant])

    def stop_planning(self, tenant: TenantKey) -> None:
        """Let the planning that is under way end as soon as it can. Raises AccessDenied."""
        self._plans.stop(about(tenant), tenants=[tenant])

    def park(self, tenant: TenantKey, *, reason: str) -> Job:
        """Begin to park a tenant; it is planned anew.

        Raises AccessDenied, ApprovalNeeded, ParkingRefused, PurgeRefused, JobRefused, StoreError.
        """
        self._gate.allow(Action.PARK, tenants=[tenant], target=str(tenant))
        plan, reason = self._inner().plan(tenant), reason.strip()
        if plan.in_the_way:  # before a second person is asked for
            viewer = self._gate.allow(Action.PARK, tenants=self._holders(plan))
            seen = self._confined(plan, viewer)
            raise ParkingRefused(f"it cannot be parked: {seen.in_the_way[0]}")
        with self._gate.doing(
            Action.PARK, tenants=self._holders(plan), whose=whose_of_plan(plan.purge),
            target=str(tenant), reason=reason, details={REASON: reason},
            digest=digest_of_words("park", str(tenant), *sorted(plan.purge.surface.kb_ids)),
        ):  # fmt: skip
            viewer = self._gate.viewer()
            job = self._inner().park(plan, by=viewer.id, reason=reason)
        return self._seen(job, viewer)

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
        return self._seen(job, viewer)

    def parked(self, tenant: TenantKey) -> Parked | None:
        """Return how a tenant in scope is parked, None where it is not. Raises AccessDenied."""
        viewer = self._gate.allow(Action.SEE_FLEET, tenants=[tenant])
        found = self._inner().parked(tenant)
        return None if found is None else confined_away(found, viewer)

    def every(self) -> Mapping[TenantKey, Parked]:
        """Return every parked tenant in scope, the newest first."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        found = (each for each in self._inner().every() if viewer.sees(each.tenant))
        return {each.tenant: confined_away(each, viewer) for each in found}

    def abandon(self, job_id: str) -> None:
        """Give up one of which nothing was erased or written yet. Logged. Raises ParkingRefused."""
        with self._steering(job_id, "give up"):
            self._inner().abandon(job_id)

    # --- what these share ---

    def _confined(self, plan: Plan, viewer: Viewer) -> Plan:
        return replace(plan, purge=confined_plan(plan.purge, viewer, self._ownership()))

    def _concerns(self, job: Job) -> tuple[TenantKey, ...]:
        return (tenant_of(job),)

    def _unknown(self) -> ParkingRefused:
        return ParkingRefused("there is no such job")

    def _seen(self, job: Job, viewer: Viewer) -> Job:
        return confined_job(job, viewer)

    def _takes(self, job: Job) -> Action:
        return Action.PARK if job.kind == park.KIND else Action.UNPARK

    def _holders(self, plan: Plan) -> tuple[TenantKey, ...]:
        return each_of([plan.tenant], holders_of_plan(plan.purge, self._ownership()))
