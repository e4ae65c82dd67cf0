"""Moves, as one viewer may plan, begin, decide and follow them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from services.access.gate import Doing, Gate, digest_of_words
from services.access.viewer import Action, Viewer
from services.approvals.models import REASON
from services.jobs.models import Job
from services.move.confined import concerned, confined_job, confined_moved, confined_plan
from services.move.errors import MoveRefused
from services.move.models import Moved, Plan, tenant_of
from services.move.service import MoveService
from services.purge.confined import holders_of_plan, whose_of_plan
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


class DeskMove:
    """Moves of tenants in scope, by whoever holds a part of what goes in scope too."""

    def __init__(
        self, gate: Gate, inner: Callable[[], MoveService], *,
        ownership: Callable[[], Ownership],
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._ownership = gate, inner, ownership

    def destinations(self) -> tuple[str, ...]:
        """Name the deployments to which tenants can move."""
        self._gate.allow(Action.PLAN_PURGE)
        return self._inner().destinations()

    def plan(self, tenant: TenantKey, to: str) -> Plan:
        """Return what a move would do. Logged.

        Raises AccessDenied, MoveRefused, PurgeRefused, StoreError.
        """
        with self._gate.doing(
            Action.PLAN_PURGE, tenants=[tenant], target=f"move {tenant} to {to}"
        ) as doing:  # fmt: skip
            plan = self._inner().plan(tenant, to)
            viewer = self._gate.allow(Action.PLAN_PURGE, tenants=self._concerned(plan))
            doing.digest = plan.purge.digest
        return confined_plan(plan, viewer, self._ownership())

    def begin(self, tenant: TenantKey, to: str, *, reason: str) -> Job:
        """Begin to move a tenant; it is planned anew.

        Raises AccessDenied, ApprovalNeeded, MoveRefused, PurgeRefused, JobRefused, StoreError.
        """
        target = f"{tenant} to {to}"
        self._gate.allow(Action.MOVE, tenants=[tenant], target=target)
        plan, reason = self._inner().plan(tenant, to), reason.strip()
        if plan.in_the_way:  # before a second person is asked for
            viewer = self._gate.allow(Action.MOVE, tenants=self._concerned(plan))
            seen = confined_plan(plan, viewer, self._ownership())
            raise MoveRefused(f"it cannot be moved: {seen.in_the_way[0]}")
        with self._gate.doing(
            Action.MOVE, tenants=self._concerned(plan), whose=whose_of_plan(plan.purge),
            target=target, reason=reason, details={REASON: reason},
            digest=digest_of_words("move", target, *sorted(plan.purge.surface.kb_ids)),
        ):  # fmt: skip
            viewer = self._gate.viewer()
            job = self._inner().begin(plan, by=viewer.id, reason=reason)
        return confined_job(job, viewer)

    def cut_over(self, job_id: str) -> Job:
        """Let one that waits go on. Logged. Raises ApprovalNeeded, MoveRefused, JobRefused."""
        with self._steering(job_id, "cut over"):
            viewer = self._gate.viewer()
            job = self._inner().cut_over(job_id, by=viewer.id)
        return confined_job(job, viewer)

    def give_up(self, job_id: str, *, leave: bool = False) -> Job:
        """Give up one of which nothing was erased here yet. Logged. Raises MoveRefused."""
        deed = "give up, and leave the copy of" if leave else "give up"
        with self._steering(job_id, deed):
            viewer = self._gate.viewer()
            job = self._inner().give_up(job_id, by=viewer.id, leave=leave)
        return confined_job(job, viewer)

    def forget(self, tenant: TenantKey) -> None:
        """Keep no more that a tenant moved. Logged. Raises MoveRefused."""
        with self._gate.doing(
            Action.MOVE, tenants=[tenant], target=f"forget {tenant}",
            digest=digest_of_words("forget", str(tenant)),
        ):  # fmt: skip
            self._inner().forget(tenant)

    def moved(self, tenant: TenantKey) -> Moved | None:
        """Return where a tenant in scope moved, None where it did not. Raises AccessDenied."""
        viewer = self._gate.allow(Action.SEE_FLEET, tenants=[tenant])
        found = self._inner().moved(tenant)
        return None if found is None else confined_moved(found, viewer)

    def every(self) -> Mapping[TenantKey, Moved]:
        """Return every tenant in scope that moved, the newest first."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        found = (each for each in self._inner().every() if viewer.sees(each.tenant))
        return {each.tenant: confined_moved(each, viewer) for each in found}

    def run_here(self, job_id: str) -> Job:
        """Run one in this process until it waits, ends, stops or fails."""
        job, viewer = self._known(job_id, Action.MOVE)
        return confined_job(self._inner().run_here(job.id), viewer)

    def jobs(self) -> tuple[Job, ...]:
        """Return the moves in scope: all that have not ended, the newest others; newest first."""
        viewer = self._gate.allow(Action.SEE_PURGES)
        found = (job for job in self._inner().jobs() if viewer.sees(tenant_of(job)))
        return tuple(confined_job(job, viewer) for job in found)

    def job(self, job_id: str) -> Job:
        """Return one. Raises MoveRefused where it is not in scope."""
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

    # --- what these share ---

    def _known(
        self, job_id: str, action: Action = Action.SEE_PURGES
    ) -> tuple[Job, Viewer]:  # fmt: skip
        viewer = self._gate.allow(action)
        job = self._inner().job(job_id)
        if not viewer.sees(tenant_of(job)):
            raise MoveRefused("there is no such move")
        return job, viewer

    def _steering(
        self, job_id: str, deed: str, action: Action = Action.MOVE
    ) -> AbstractContextManager[Doing]:  # fmt: skip
        job, _ = self._known(job_id, action)
        return self._gate.doing(
            action, tenants=[tenant_of(job)], target=f"{deed} {tenant_of(job)}",
            digest=digest_of_words(deed, job.id), reason=job.reason,
            details={"To": str(job.plan["to"]), REASON: job.reason},
        )  # fmt: skip

    def _concerned(self, plan: Plan) -> tuple[TenantKey, ...]:
        return concerned(plan, holders_of_plan(plan.purge, self._ownership()))
