"""Taking shared kb_ids apart, as one viewer may plan, begin and follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from services.access.gate import Gate
from services.access.holders import each_of, holders_of_kb
from services.access.viewer import Action, Viewer
from services.apart.confined import confined_apart, sees, tenants_of
from services.apart.models import Apart, ApartRefused, Plan, Words
from services.apart.planning import Planned, about, said
from services.apart.service import ApartService
from services.approvals.models import REASON
from services.jobs.access import DeskJobs
from services.jobs.confined import confined_job
from services.jobs.desk_looks import DeskLooks
from services.jobs.looks import Look, LookBook
from services.jobs.models import Job
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership
from services.usage.formats import stamp


class DeskApart(DeskJobs[ApartService]):
    """Of kb_ids of which everyone who shares them, or may, is in scope."""

    _begins = Action.APART

    def __init__(
        self, gate: Gate, inner: Callable[[], ApartService], *,
        ownership: Callable[[], Ownership], plans: Callable[[], LookBook[Planned]],
    ) -> None:  # fmt: skip
        super().__init__(gate, inner, ownership=ownership)
        self._plans = DeskLooks(
            gate, Action.PLAN_APART, plans, confined=lambda planned, _: planned,
            holders=self._named_in,
        )  # fmt: skip

    def plan(self, kb_id: str, words: Words) -> Plan:
        """Return what would be done. Logged. Raises AccessDenied, ApartRefused, StoreError."""
        self._check_names(words)
        with self._gate.doing(
            Action.PLAN_APART, tenants=self._holders(kb_id), target=kb_id
        ) as doing:  # fmt: skip
            plan = self._inner().plan(kb_id, words)
            doing.digest = plan.digest
        return plan

    def ask(self, kb_id: str, words: Words) -> None:
        """Have it planned in the background, unless that is under way. Logged.

        Raises AccessDenied, StoreError.
        """
        self._check_names(words)
        self._plans.ask(about(kb_id), tenants=self._holders(kb_id), target=kb_id, **said(words))

    def planned(self, kb_id: str) -> tuple[Look, Planned | None] | None:
        """Return the newest planning that was asked for, with what it came to, and what was said.

        None where there was none. Raises AccessDenied, StoreError.
        """
        return self._plans.newest(about(kb_id), tenants=self._holders(kb_id), target=kb_id)

    def stop_planning(self, kb_id: str) -> None:
        """Let the planning that is under way end as soon as it can. Raises AccessDenied."""
        self._plans.stop(about(kb_id), tenants=self._holders(kb_id), target=kb_id)

    def begin(self, kb_id: str, words: Words, *, reason: str, seen: str) -> Job:
        """Begin one that was shown as a plan with this digest; it is planned anew for that.

        Raises AccessDenied, ApprovalNeeded, ApartRefused, JobRefused, StoreError.
        """
        self._check_names(words)
        holders, reason = self._holders(kb_id), reason.strip()
        viewer = self._gate.allow(Action.APART, tenants=holders, target=kb_id)
        plan = self._inner().plan(kb_id, words)
        if plan.digest != seen:
            raise ApartRefused("it is not as it was planned any more: look at the plan again")
        if plan.obstacles:  # before a second person is asked for
            raise ApartRefused(f"it cannot be taken apart: {plan.obstacles[0]}")
        with self._gate.doing(
            Action.APART, tenants=holders, target=kb_id, reason=reason, digest=plan.digest,
            details={REASON: reason, **_told(plan)},
        ):  # fmt: skip
            job = self._inner().begin(plan, by=viewer.id, reason=reason)
        return self._seen(job, viewer)

    def known(self, kb_id: str) -> Apart | None:
        """Return how a kb_id was taken apart, None where it was not or not all are in scope."""
        viewer = self._gate.allow(Action.SEE_FINDINGS)
        found = self._inner().known(kb_id)
        return confined_apart(found, viewer) if found and sees(viewer, found) else None

    def every(self) -> tuple[Apart, ...]:
        """Return every kb_id in scope that was taken apart, the newest first."""
        viewer = self._gate.allow(Action.SEE_FINDINGS)
        found = (each for each in self._inner().every() if sees(viewer, each))
        return tuple(confined_apart(each, viewer) for each in found)

    def abandon(self, job_id: str) -> None:
        """Give up one that has not taken out everything yet. Logged. Raises ApartRefused."""
        with self._steering(job_id, "give up"):
            self._inner().abandon(job_id)

    # --- what these share ---

    def _concerns(self, job: Job) -> tuple[TenantKey, ...]:
        return tenants_of(job)

    def _unknown(self) -> ApartRefused:
        return ApartRefused("there is no such job")

    def _seen(self, job: Job, viewer: Viewer) -> Job:
        return replace(confined_job(job, viewer), receipt=job.receipt)

    def _name(self, job: Job) -> str:
        return str(job.plan["kb_id"])

    def _holders(self, kb_id: str) -> tuple[TenantKey, ...]:
        return holders_of_kb(kb_id, self._ownership())

    def _check_names(self, words: Words) -> None:
        """Refuse new names that are others' already: a plan would say whose.

        Raises AccessDenied.
        """
        for node, taken in self._taken(words):
            self._gate.allow(Action.PLAN_APART, tenants=taken, target=node)

    def _taken(self, words: Words) -> Iterator[tuple[str, list[TenantKey]]]:
        """Yield the new names that are somebody's already, and whose."""
        ownership = self._ownership()
        for node in words.names.values():
            kb_id = ownership.kb_id_of(node)
            word = ownership.confirmed.get(kb_id)
            taken = {*map(ownership.tenant_of, ownership.nodes_by_kb.get(kb_id, ()))}
            taken |= {word.tenant} if word else set()
            if taken:
                yield node, sorted(taken, key=str)

    def _named_in(self, planned: Planned) -> tuple[TenantKey, ...]:
        """Return everyone whom a plan names, and who else has what it gives a name to."""
        plan, words = planned
        taken = (whose for _, whose in self._taken(words))
        return each_of(plan.tenants, self._holders(plan.kb_id), *taken)


def _told(plan: Plan) -> dict[str, str]:
    """Say in words what is trusted and how each is called from then on."""
    began = [f"{each.tenant}: {stamp(each.began)}" for each in plan.shares if each.began]
    names = [f"{each.tenant}: {each.node_id}" for each in plan.shares if each.node_id]
    return {"Began": ", ".join(began) or "nobody said", "Names": ", ".join(names)}
