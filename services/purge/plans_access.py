"""Plans of purges, as one viewer may make and see them."""

from __future__ import annotations

from collections.abc import Callable

from services.access.gate import Gate
from services.access.holders import holders_of_node
from services.access.viewer import Action, Viewer
from services.errors import AccessDenied, NoSuchPlan
from services.jobs.desk_looks import DeskLooks
from services.jobs.looks import Look, LookBook
from services.purge.confined import confined_plan, holders_of_plan
from services.purge.models import Plan, Request
from services.purge.planning import about
from services.purge.service import PurgeService
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


class PurgePlans:
    """A plan concerns every tenant that holds what it names."""

    def __init__(
        self, gate: Gate, inner: PurgeService, *, ownership: Callable[[], Ownership],
        plans: Callable[[], LookBook[Plan]],
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._ownership = gate, inner, ownership
        self._plans = DeskLooks(
            gate, Action.PLAN_PURGE, plans, confined=self._confined, holders=self._holders
        )  # fmt: skip

    def plan(self, request: Request) -> Plan:
        """Return what a purge would do. Raises AccessDenied, PurgeRefused, StoreError."""
        target = request.target
        with self._gate.doing(
            Action.PLAN_PURGE, tenants=self._asked(request), target=str(target)
        ) as doing:
            plan = self._inner.plan(request)
            viewer = self._gate.allow(Action.PLAN_PURGE, tenants=self._holders(plan))
            doing.digest = plan.digest
            return self._confined(plan, viewer)

    def ask(self, request: Request) -> None:
        """Have it planned in the background, unless that is under way. Logged.

        Raises AccessDenied, StoreError.
        """
        self._plans.ask(
            about(request), tenants=self._asked(request), target=str(request.target)
        )  # fmt: skip

    def newest(self, request: Request) -> tuple[Look, Plan | None] | None:
        """Return the newest planning of just this, with what it came to, as long as that is kept.

        None where there was none, or not all whom it names are in scope. Raises AccessDenied,
        StoreError.
        """
        self._gate.allow(Action.PLAN_PURGE)
        tenants = self._asked(request)
        if self._gate.why_not(Action.PLAN_PURGE, tenants=tenants):
            return None
        return self._plans.newest(about(request), tenants=tenants)

    def stop_planning(self, request: Request) -> None:
        """Let the planning that is under way end as soon as it can. Raises AccessDenied."""
        self._plans.stop(about(request), tenants=self._asked(request))

    def planned(self, digest: str) -> Plan:
        """Return a plan that was made. Raises AccessDenied, NoSuchPlan."""
        plan, viewer, _ = self._kept(Action.PLAN_PURGE, digest)
        return self._confined(plan, viewer)

    def concerned(self, plan: Plan) -> tuple[TenantKey, ...]:
        """Return everyone whose data a plan is about. Raises AccessDenied."""
        holders = self._holders(plan)
        self._gate.allow(Action.SEE_PURGES, tenants=holders)
        return holders

    def _kept(self, action: Action, digest: str) -> tuple[Plan, Viewer, tuple[TenantKey, ...]]:
        """Return a plan as it is, who asks for it, and whom it concerns.

        One that is not in scope is as one that is not there: it is refused in the log alone.
        """
        self._gate.allow(action)
        plan = self._inner.planned(digest)
        holders = self._holders(plan)
        try:
            viewer = self._gate.allow(action, tenants=holders, target=str(plan.request.target))
        except AccessDenied:
            raise NoSuchPlan from None
        return plan, viewer, holders

    def _asked(self, request: Request) -> tuple[TenantKey, ...]:
        """Return whom a request names; nobody, and so only for who sees all, for everyone."""
        target = request.target
        if not target.tenants or request.trim_streams:
            return ()
        named = (
            holders_of_node(target.node_id, self._ownership()) if target.node_id is not None else ()
        )
        return tuple(dict.fromkeys((*target.tenants, *named)))

    def _holders(self, plan: Plan) -> tuple[TenantKey, ...]:
        return holders_of_plan(plan, self._ownership())

    def _confined(self, plan: Plan, viewer: Viewer) -> Plan:
        return confined_plan(plan, viewer, self._ownership())
