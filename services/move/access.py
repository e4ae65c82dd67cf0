"""Moves, as one viewer may plan, begin, decide and follow them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.access.gate import Gate, digest_of_words
from services.access.holders import each_of
from services.access.viewer import Action, Role, Viewer
from services.approvals.models import REASON
from services.archive.away import confined_away
from services.jobs.access import DeskJobs
from services.jobs.desk_looks import DeskLooks
from services.jobs.looks import Look, LookBook
from services.jobs.models import Job
from services.move.confined import confined_job, confined_plan
from services.move.models import Moved, MoveRefused, Plan, tenant_of
from services.move.planning import about
from services.move.service import MoveService, nowhere
from services.purge.confined import holders_of_plan, whose_of_plan
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership

Elsewhere = Callable[[str], Viewer | None]
"""Says who somebody is in another deployment of this dashboard by its name, None for nobody.

Raises KeyError for what is no deployment of it.
"""


class DeskMove(DeskJobs[MoveService]):
    """Moves of tenants in scope, by whoever holds a part of what goes in scope too."""

    _begins = Action.MOVE

    def __init__(
        self, gate: Gate, inner: Callable[[], MoveService], *, ownership: Callable[[], Ownership],
        plans: Callable[[], LookBook[Plan]],
        elsewhere: Elsewhere | None = None,
    ) -> None:  # fmt: skip
        super().__init__(gate, inner, ownership=ownership)
        self._elsewhere = elsewhere
        self._plans = DeskLooks(
            gate, Action.PLAN_PURGE, plans, confined=self._confined, holders=self._holders
        )  # fmt: skip

    def destinations(self) -> tuple[str, ...]:
        """Name the deployments to which tenants can move, and the viewer may write."""
        self._gate.allow(Action.PLAN_PURGE)
        return tuple(filter(self._reaches, self._inner().destinations()))

    def plan(self, tenant: TenantKey, to: str) -> Plan:
        """Return what a move would do. Logged.

        Raises AccessDenied, MoveRefused, PurgeRefused, StoreError.
        """
        with self._gate.doing(
            Action.PLAN_PURGE, tenants=[tenant], target=f"move {tenant} to {to}"
        ) as doing:  # fmt: skip
            self._check_reach(to, tenant)
            plan = self._inner().plan(tenant, to)
            viewer = self._gate.allow(Action.PLAN_PURGE, tenants=self._holders(plan))
            doing.digest = plan.purge.digest
        return self._confined(plan, viewer)

    def ask(self, tenant: TenantKey, to: str) -> None:
        """Have it planned in the background, unless that is under way. Logged.

        Raises AccessDenied, StoreError.
        """
        self._check_reach(to, tenant)
        self._plans.ask(about(tenant, to), tenants=[tenant], target=f"move {tenant} to {to}")

    def planned(self, tenant: TenantKey, to: str) -> tuple[Look, Plan | None] | None:
        """Return the newest planning that was asked for, with what it came to; None without one.

        Raises AccessDenied, StoreError.
        """
        return self._plans.newest(about(tenant, to), tenants=[tenant])

    def stop_planning(self, tenant: TenantKey, to: str) -> None:
        """Let the planning that is under way end as soon as it can. Raises AccessDenied."""
        self._plans.stop(about(tenant, to), tenants=[tenant])

    def begin(self, tenant: TenantKey, to: str, *, reason: str) -> Job:
        """Begin to move a tenant; it is planned anew.

        Raises AccessDenied, ApprovalNeeded, MoveRefused, PurgeRefused, JobRefused, StoreError.
        """
        target = f"{tenant} to {to}"
        self._gate.allow(Action.MOVE, tenants=[tenant], target=target)
        self._check_reach(to, tenant)
        plan, reason = self._inner().plan(tenant, to), reason.strip()
        if plan.in_the_way:  # before a second person is asked for
            viewer = self._gate.allow(Action.MOVE, tenants=self._holders(plan))
            seen = self._confined(plan, viewer)
            raise MoveRefused(f"it cannot be moved: {seen.in_the_way[0]}")
        with self._gate.doing(
            Action.MOVE, tenants=self._holders(plan), whose=whose_of_plan(plan.purge),
            target=target, reason=reason, details={REASON: reason},
            digest=digest_of_words("move", target, *sorted(plan.purge.surface.kb_ids)),
        ):  # fmt: skip
            viewer = self._gate.viewer()
            job = self._inner().begin(plan, by=viewer.id, reason=reason)
        return self._seen(job, viewer)

    def cut_over(self, job_id: str) -> Job:
        """Let one that waits go on. Logged. Raises ApprovalNeeded, MoveRefused, JobRefused."""
        with self._steering(job_id, "cut over"):
            viewer = self._gate.viewer()
            job = self._inner().cut_over(job_id, by=viewer.id)
        return self._seen(job, viewer)

    def give_up(self, job_id: str, *, leave: bool = False) -> Job:
        """Give up one of which nothing was erased here yet. Logged. Raises MoveRefused."""
        deed = "give up, and leave the copy of" if leave else "give up"
        with self._steering(job_id, deed):
            viewer = self._gate.viewer()
            job = self._inner().give_up(job_id, by=viewer.id, leave=leave)
        return self._seen(job, viewer)

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
        return None if found is None else confined_away(found, viewer)

    def every(self) -> Mapping[TenantKey, Moved]:
        """Return every tenant in scope that moved, the newest first."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        found = (each for each in self._inner().every() if viewer.sees(each.tenant))
        return {each.tenant: confined_away(each, viewer) for each in found}

    # --- what these share ---

    def _reaches(self, to: str, tenant: TenantKey | None = None) -> bool:
        """Whether the viewer is an admin there too, with the tenant in scope.

        What is no deployment of this dashboard is reached by whoever may move: nobody signs in
        there.
        """
        if self._elsewhere is None:
            return True
        try:
            there = self._elsewhere(to)
        except KeyError:
            return True
        return there is not None and there.role is Role.ADMIN and (not tenant or there.sees(tenant))

    def _check_reach(self, to: str, tenant: TenantKey) -> None:
        if not self._reaches(to, tenant):
            raise MoveRefused(nowhere(to))

    def _concerns(self, job: Job) -> tuple[TenantKey, ...]:
        return (tenant_of(job),)

    def _unknown(self) -> MoveRefused:
        return MoveRefused("there is no such move")

    def _seen(self, job: Job, viewer: Viewer) -> Job:
        return confined_job(job, viewer)

    def _details(self, job: Job) -> Mapping[str, str]:
        return {"To": str(job.plan["to"]), REASON: job.reason}

    def _confined(self, plan: Plan, viewer: Viewer) -> Plan:
        return confined_plan(plan, viewer, self._ownership())

    def _holders(self, plan: Plan) -> tuple[TenantKey, ...]:
        return each_of([plan.tenant], holders_of_plan(plan.purge, self._ownership()))
