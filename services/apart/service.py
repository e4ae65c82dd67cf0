"""Taking shared kb_ids apart: plan, begin, follow. What pages and scripts call."""

from __future__ import annotations

from contextlib import suppress

from services.apart.formats import plan_json, plan_of, receipt_json
from services.apart.models import KIND, Apart, ApartRefused, Outcome, Plan, Words
from services.apart.plan import plan
from services.apart.sessions import receipt_of_sessions
from services.apart.tools import Tools
from services.apart.work import STEPS, StepName
from services.errors import StoreNotConfigured
from services.jobs.looks import Tells, quiet
from services.jobs.models import Job
from services.jobs.service import JobsService
from services.tenancy.kb_ids import held_names


class ApartService:
    """Plans, and has it done as jobs."""

    def __init__(self, tools: Tools, jobs: JobsService) -> None:
        self._tools, self._jobs = tools, jobs

    def plan(self, kb_id: str, words: Words, *, tells: Tells = quiet) -> Plan:
        """Return what would be done. Raises ApartRefused where nothing is shared, StoreError."""
        return plan(self._tools, kb_id, words, tells)

    def begin(self, plan: Plan, *, by: str, reason: str) -> Job:
        """Begin it: nothing else is done with these tenants meanwhile.

        Raises ApartRefused where something stands in its way, JobRefused, StoreError.
        """
        if plan.obstacles:
            raise ApartRefused(f"it cannot be taken apart: {plan.obstacles[0]}")
        return self._jobs.begin(
            KIND, plan_json(plan), asked_by=by, reason=reason,
            names=held_names(plan.tenants, plan.kb_ids), steps=STEPS,
        )  # fmt: skip

    def known(self, kb_id: str) -> Apart | None:
        """Return how a kb_id was taken apart last, None where it never was."""
        return self._tools.book.get(kb_id)

    def every(self) -> tuple[Apart, ...]:
        """Return every kb_id that was taken apart, the newest first."""
        return self._tools.book.all()

    def jobs(self) -> tuple[Job, ...]:
        """Return every job that has not ended and the newest of the others, newest first."""
        return self._jobs.listed(KIND)

    def job(self, job_id: str) -> Job:
        """Return one. Raises ApartRefused where there is none."""
        found = self._jobs.of_kind(job_id, KIND)
        if found is None:
            raise ApartRefused("there is no such job")
        return found

    def run_here(self, job_id: str) -> Job:
        """Run one in this process until it ends, stops or fails."""
        return self._jobs.run_here(self.job(job_id).id)

    def stop(self, job_id: str) -> None:
        """Let one end before its next step, or sooner where that can be."""
        self._jobs.stop(self.job(job_id).id)

    def resume(self, job_id: str) -> None:
        """Let a stopped or failed one go on. Raises JobRefused for one that ended."""
        self._jobs.resume(self.job(job_id).id)

    def abandon(self, job_id: str) -> None:
        """Give up a stopped or failed one that has not taken everything out of the shared kb_id.

        Copies stay under the new name, and sessions that were moved stay moved: the receipt has
        these. Raises ApartRefused for any other.
        """
        job = self.job(job_id)
        if not job.state.halted:
            raise ApartRefused("only a stopped or failed job can be given up")
        with self._jobs.halted(job_id) as held:  # by now it may have gone on, and halted anew
            job = held.job
            if StepName.CUT not in job.undone:
                raise ApartRefused("everything was taken out of the shared kb_id: let it go on")
            moved = job.result(StepName.SESSIONS) or job.result(StepName.VERIFY)
            receipt = receipt_of_sessions(self._tools, plan_of(job.plan), moved.get("sessions", {}))
            with suppress(StoreNotConfigured):
                self._tools.rows.drop(job=job.id)
            held.end(Outcome.ABANDONED, receipt_json(receipt) if receipt.goes else {})

    def planned(self, job: Job) -> Plan:
        """Return the plan of a job."""
        return plan_of(job.plan)
