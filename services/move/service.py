"""Moving tenants elsewhere: plan, begin, decide, follow. What pages and scripts call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

from services.errors import KatoTenantsError, PurgeRefused
from services.jobs.looks import Tells, quiet
from services.jobs.models import Job
from services.jobs.service import JobsService
from services.move.arriving import Arriving
from services.move.models import (
    KIND,
    Decision,
    Moved,
    MoveRefused,
    Phase,
    Plan,
    StepName,
    phase_of,
    tenant_of,
)
from services.move.run import STEPS, first_mark, later_mark
from services.move.tools import Tools
from services.purge.amounts import amounts_kept
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey, held_names


class MoveService:
    """Moves tenants by jobs; each waits for a word before it cuts over."""

    def __init__(self, tools: Tools, jobs: JobsService) -> None:
        self._tools, self._jobs = tools, jobs

    def destinations(self) -> tuple[str, ...]:
        """Name the deployments to which tenants can move."""
        return self._tools.destinations()

    def plan(self, tenant: TenantKey, to: str, *, tells: Tells = quiet) -> Plan:
        """Return what a move would do; both deployments are read, and nothing is changed.

        What is wrong with the other one stands in its way. Raises MoveRefused for a name that is
        not set, and for a tenant of which nothing is here, PurgeRefused, StoreError.
        """
        if to not in self.destinations():
            raise MoveRefused(nowhere(to))
        moved = self.moved(tenant)
        try:
            purge = self._tools.purges().plan(Request(Target(tenant)), tells=tells)
        except PurgeRefused:
            if moved is None:
                raise
            raise MoveRefused(_gone(moved)) from None
        if not (purge.items or purge.problems):
            raise MoveRefused(f"nothing of {tenant} is here" if moved is None else _gone(moved))
        why, versions = tuple(self._place()), {}
        tells(f"reading {to}")
        try:
            there = self._tools.there(to)
            why += tuple(there.obstacles(tenant, purge.surface))
            versions = dict(there.versions())
        except KatoTenantsError as exc:
            why += (f"{to}: {exc}",)
        return Plan(tenant, to, purge, why, versions)

    def begin(self, plan: Plan, *, by: str, reason: str) -> Job:
        """Begin to move a tenant as planned: no other job touches it meanwhile.

        Raises MoveRefused where something stands in its way, JobRefused, StoreError.
        """
        if plan.in_the_way:
            raise MoveRefused(f"it cannot be moved: {plan.in_the_way[0]}")
        return self._jobs.begin(
            KIND,
            {"tenant": str(plan.tenant), "to": plan.to, "amounts": amounts_kept(plan.amounts)},
            asked_by=by, reason=reason, steps=STEPS,
            names=held_names([plan.tenant], plan.purge.surface.kb_ids),
        )  # fmt: skip

    def cut_over(self, job_id: str, *, by: str) -> Job:
        """Let one that waits go on: its sessions end, the rest is copied, and all of it goes here.

        Raises MoveRefused for one that does not wait for that, JobRefused, StoreError.
        """
        job = self.job(job_id)
        _refuse_unless_waiting(job)
        return self._decide(job, Decision.CUT_OVER, by, _refuse_unless_waiting)

    def give_up(self, job_id: str, *, by: str, leave: bool = False) -> Job:
        """Give up one of which nothing was erased here yet: the copy is removed there.

        With `leave` nothing there is touched. Raises MoveRefused for any other, JobRefused.
        """
        job = self.job(job_id)
        if not job.state.halted:
            raise MoveRefused("only one that stopped, failed or waits can be given up")
        return self._decide(job, Decision.GIVE_UP, by, self._refuse_erasing, leave=leave)

    def _refuse_erasing(self, job: Job) -> None:
        if self._tools.purges().jobs(reason=later_mark(job.id)):
            raise MoveRefused("it has begun to erase here: let it go on")

    def moved(self, tenant: TenantKey) -> Moved | None:
        """Return where a tenant moved, None where it did not."""
        return self._tools.book.get(tenant)

    def gone_to(self, tenant: TenantKey) -> tuple[str, datetime] | None:
        """Return to which deployment a tenant moved, and when; None where it did not."""
        found = self.moved(tenant)
        return None if found is None else (found.to, found.since)

    def every(self) -> tuple[Moved, ...]:
        """Return every tenant that moved, the newest first."""
        return self._tools.book.all()

    def forget(self, tenant: TenantKey) -> None:
        """Keep no more that a tenant moved: it may be here again. Raises MoveRefused."""
        found = self.moved(tenant)
        if found is None:
            raise MoveRefused(f"{tenant} did not move")
        self._tools.unbury(found.purge)
        self._tools.book.drop(tenant)

    def jobs(self) -> tuple[Job, ...]:
        """Return every move that has not ended and the newest of the others, newest first."""
        return self._jobs.listed(KIND)

    def job(self, job_id: str) -> Job:
        """Return one. Raises MoveRefused where there is none."""
        found = self._jobs.of_kind(job_id, KIND)
        if found is None:
            raise MoveRefused("there is no such move")
        return found

    def run_here(self, job_id: str) -> Job:
        """Run one in this process until it waits, ends, stops or fails."""
        return self._jobs.run_here(self.job(job_id).id)

    def stop(self, job_id: str) -> None:
        """Let one end before its next step, and what it is doing now as soon as that can."""
        job = self.job(job_id)
        self._jobs.stop(job.id)
        marks = first_mark(job.id), later_mark(job.id)
        for mark in marks:
            for archive in self._tools.archives().begun_for(mark):
                self._tools.archives().stop(archive)
        for purge in self._tools.purges().jobs(reason=later_mark(job.id)):
            self._tools.purges().stop(purge.id)
        with suppress(KatoTenantsError):  # the move stops all the same, a little later
            there = self._tools.there(str(job.plan["to"]))
            Arriving(there, job, tenant_of(job), *marks, made=False).stop()

    def resume(self, job_id: str) -> Job:
        """Let a stopped or failed one go on; one that waits goes on waiting. Raises JobRefused."""
        return self._jobs.resume(self.job(job_id).id)

    def _decide(
        self, job: Job, what: Decision, by: str, check: Callable[[Job], None], *,
        leave: bool = False,
    ) -> Job:  # fmt: skip
        result = {"decision": what, "by": by, "at": self._tools.now().isoformat(), "leave": leave}
        return self._jobs.decide(job.id, StepName.WAIT, result, check=check)

    def _place(self) -> Iterator[str]:
        why = self._tools.place()
        if why:
            yield f"archives are to be taken for it: {why}"
        elif not self._tools.opens():
            yield "archives are encrypted, and no identity that opens them is set here"


def _refuse_unless_waiting(job: Job) -> None:
    if phase_of(job) is not Phase.WAITING:
        raise MoveRefused("it is not copied, or somebody has decided already")


def nowhere(to: str) -> str:
    """Say that tenants cannot move to what is called so."""
    return f"no deployment is called {to} here: set KATO_TENANTS_MOVE_TO"


def _gone(moved: Moved) -> str:
    return f"nothing of {moved.tenant} is here: it moved to {moved.to} on {moved.since:%Y-%m-%d}"
