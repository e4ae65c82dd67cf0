"""Restoring archives: plan, begin, follow. What pages and scripts call."""

from __future__ import annotations

from dataclasses import replace

from services.archive.hearing import Hears, unheard
from services.jobs.models import Job
from services.jobs.service import JobsService, reasoned
from services.restore.formats import SEEN, plan_json, receipt_json
from services.restore.give_up import given_up
from services.restore.held import held
from services.restore.models import Plan, RestoreRefused
from services.restore.plan import plan
from services.restore.run import KIND, STEPS
from services.restore.source import Tools
from services.tenancy.kb_ids import TenantKey, held_names


class RestoreService:
    """Plans restores, and has them done as jobs; those of another `kind` are not those of all."""

    def __init__(self, tools: Tools, jobs: JobsService, *, kind: str = KIND) -> None:
        self._tools, self._jobs, self._kind = tools, jobs, kind

    def plan(
        self, url: str, named: TenantKey | None = None, *, hears: Hears = unheard
    ) -> Plan:  # fmt: skip
        """Return what a restore would do. Raises RestoreRefused, ArchiveError, StoreError."""
        return plan(self._tools, url, named, hears)

    def held_now(self, plan: Plan) -> Plan:
        """Return a plan with whoever else has its names by now. Nothing is read of its archive."""
        others = held(plan.kb_ids, plan.tenants, self._tools.ownership())
        return replace(plan, held=tuple(others))

    def begin(self, plan: Plan, *, by: str, reason: str, as_seen: bool = False) -> Job:
        """Begin it: nothing else is done with these tenants meanwhile.

        With `as_seen` nothing is written where it is otherwise by then than planned. Raises
        RestoreRefused where something stands in its way, JobRefused, StoreError.
        """
        if not plan.can_run:
            raise RestoreRefused("it does not fit: see what stands in its way")
        return self._jobs.begin(
            self._kind, {**plan_json(plan), SEEN: plan.digest if as_seen else ""},
            asked_by=by, reason=reason,
            names=held_names(plan.tenants, plan.kb_ids), steps=STEPS,
        )  # fmt: skip

    def run_here(self, job_id: str) -> Job:
        """Run its job in this process until it ends, stops or fails."""
        return self._jobs.run_here(self.job(job_id).id)

    def jobs(self, *, reason: str = "") -> tuple[Job, ...]:
        """Return the newest restores, newest first; with a reason, of those begun for just that."""
        return self._jobs.all(self._kind, reason=reason)

    def job(self, job_id: str) -> Job:
        """Return one. Raises RestoreRefused where there is none."""
        found = self._jobs.of_kind(job_id, self._kind)
        if found is None:
            raise RestoreRefused("there is no such restore")
        return found

    def stop(self, job_id: str) -> None:
        """Let it end as soon as it can."""
        self._jobs.stop(self.job(job_id).id)

    def give_up(self, job_id: str, *, by: str, reason: str) -> Job:
        """End one for good that stopped, failed, or that no process runs, and free its tenant.

        What it wrote stays, and is counted in its receipt. Raises JobRefused without a reason, and
        for one that ended or that another process has.
        """
        reason = reasoned(reason)
        with self._jobs.halted(self.job(job_id).id, unattended=True) as held:
            receipt = given_up(self._tools, held.job, by=by, reason=reason)
            held.end(receipt.outcome, receipt_json(receipt))
        return self.job(job_id)

    def resume(self, job_id: str) -> None:
        """Let a stopped or failed one go on. Raises JobRefused."""
        self._jobs.resume(self.job(job_id).id)
