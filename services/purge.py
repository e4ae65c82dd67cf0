"""Purge a tenant, a node or a user: plan, confirm, run, prove. What pages and scripts call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.attribution import Ownership
from services.errors import NoSuchJob, PurgeRefused
from services.figures import Measure
from services.purging.models import (
    Job,
    JobState,
    Plan,
    Receipt,
    Request,
    StepName,
    Tombstone,
    held_names,
)
from services.purging.planning import plan_of_looks, unread
from services.purging.receipts import found_of, receipt_of, tombstones_of
from services.purging.records import receipt_json
from services.purging.running import Tools, steps_of
from services.purging.targeting import select, wants
from services.purging.worker import PurgeWorker

_REASON_LIMIT = 2_000  # characters
_POLL_SECONDS = 0.5


class PurgeService:
    """Plans purges and keeps their jobs. `plan_age` is how old a plan may be to be run."""

    def __init__(self, tools: Tools, *, worker: PurgeWorker, plan_age: timedelta) -> None:
        self._tools = tools
        self._jobs = tools.jobs
        self._worker = worker
        self._plan_age = plan_age

    def plan(self, request: Request) -> Plan:
        """Return what a purge would do, and keep it for `begin`. Nothing is written elsewhere.

        Sessions always end: a live one would write again what was erased. Raises PurgeRefused
        for a target that cannot be resolved, StoreError when this product's records fail.
        """
        request = replace(request, stores=request.stores | {Measure.SESSIONS})
        snapshot = self._tools.observe()
        ownership = self._tools.ownership()
        selection = select(request, snapshot, ownership)
        looks = self._tools.erasers.look(
            request, selection.surface, lambda node: wants(request.target, node, ownership)
        )
        unseen = unread(snapshot, request.stores)
        looks = replace(looks, problems={**unseen, **looks.problems})
        plan = plan_of_looks(request, selection, looks, datetime.now(UTC))
        self._jobs.keep_plan(plan)
        return plan

    def planned(self, digest: str) -> Plan:
        """Return a plan that was made. Raises PurgeRefused when there is none."""
        plan = self._jobs.plan(digest)
        if plan is None:
            raise PurgeRefused("there is no plan with this digest: plan again")
        return plan

    def begin(self, digest: str, *, confirm: str, reason: str, asked_by: str) -> Job:
        """Begin the purge that a plan describes, once its target's name was typed.

        From here on the target is *being purged*: it gets no new sessions from this product, and
        no other purge touches it. Raises PurgeRefused.
        """
        plan = self.planned(digest)
        self.check(plan, confirm, reason)
        ownership = self._tools.ownership()
        return self._jobs.begin(
            plan,
            asked_by=asked_by,
            reason=reason.strip(),
            names=_names(plan, ownership),
            steps=steps_of(plan.request.stores),
            at=datetime.now(UTC),
        )

    def check(self, plan: Plan, confirm: str, reason: str) -> None:
        """Raise PurgeRefused where a plan cannot begin, or is not confirmed as it has to be."""
        if datetime.now(UTC) - plan.created_at > self._plan_age:
            raise PurgeRefused(f"the plan is older than {_words(self._plan_age)}: plan again")
        if plan.obstacles:
            raise PurgeRefused(f"it cannot run: {plan.obstacles[0]}")
        if confirm != plan.request.target.name:
            raise PurgeRefused(f"to confirm, type exactly: {plan.request.target.name}")
        if not reason.strip():
            raise PurgeRefused("a reason or ticket is needed")
        if len(reason) > _REASON_LIMIT:
            raise PurgeRefused(f"the reason is longer than {_REASON_LIMIT:,} characters")

    def run_here(self, job_id: str) -> Job:
        """Run a job in this process until it ends, stops or fails.

        One that another process has is waited for until that has it no longer.
        """
        while (job := self.job(job_id)).state is JobState.RUNNING:
            if not self._worker.run(job_id):
                time.sleep(_POLL_SECONDS)
        return job

    def run_soon(self) -> None:
        """Let the worker look for jobs at once."""
        self._worker.wake()

    def job(self, job_id: str) -> Job:
        """Return one job. Raises NoSuchJob when there is none."""
        job = self._jobs.job(job_id)
        if job is None:
            raise NoSuchJob(job_id)
        return job

    def jobs(self) -> tuple[Job, ...]:
        """Return the newest jobs."""
        return self._jobs.all()

    def stop(self, job_id: str) -> None:
        """Let a running job end before its next step."""
        self._jobs.ask_stop(job_id)

    def resume(self, job_id: str) -> Job:
        """Let a stopped or failed job run again. Raises PurgeRefused for one that ended."""
        job = self.job(job_id)
        if job.state is JobState.ENDED:
            raise PurgeRefused("this purge has ended: plan another")
        if job.state is not JobState.RUNNING:
            self._jobs.resume(job_id)
        return self.job(job_id)

    def abandon(self, job_id: str) -> Job:
        """End a stopped or failed job as it is, after one more look at what is left."""
        job = self.job(job_id)
        if job.state not in (JobState.STOPPED, JobState.FAILED):
            raise PurgeRefused("only a stopped or failed purge can be ended")
        ownership, request = self._tools.ownership(), job.plan.request
        looks = self._tools.erasers.look(
            request, job.plan.surface, lambda node: wants(request.target, node, ownership)
        )
        at = datetime.now(UTC)
        last = StepName.SETTLE
        self._jobs.start_step(job_id, last, at)
        self._jobs.end_step(job_id, last, at, result={**found_of(looks), "abandoned": True})
        job = self.job(job_id)
        receipt = receipt_of(job, at=at, versions=self._tools.versions())
        stones = tombstones_of(job, receipt)
        self._jobs.end(job_id, receipt.outcome, receipt_json(receipt), at, stones)
        return self.job(job_id)

    def receipt(self, job_id: str) -> Receipt | None:
        """Return what came of a job; of one that has not ended, what is known so far."""
        job = self.job(job_id)
        ended = job.ended_at or datetime.now(UTC)
        return receipt_of(job, at=ended, versions={})

    def receipt_text(self, job_id: str) -> str:
        """Return the receipt as JSON: as it was kept, or what is known so far."""
        job = self.job(job_id)
        kept = self._jobs.receipt(job_id)
        if kept is not None:
            return kept
        return receipt_json(receipt_of(job, at=datetime.now(UTC), versions={}))

    def being_purged(self, names: Sequence[str]) -> str | None:
        """Return the id of a job that holds one of these tenants or kb_ids."""
        return self._jobs.holder(names)

    def tombstones(self) -> tuple[Tombstone, ...]:
        """Return every kb_id that was purged."""
        return self._jobs.tombstones()


def _names(plan: Plan, ownership: Ownership) -> tuple[str, ...]:
    """Return what a job holds for itself alone: its tenants and its kb_ids."""
    target, surface = plan.request.target, plan.surface
    tenants = {tenant for kb_id in surface.kb_ids for tenant in ownership.kb(kb_id).tenants}
    tenants |= {ownership.tenant_of(node) for node in surface.nodes}
    if target.tenant is not None:
        tenants.add(target.tenant)
    return held_names(tenants, surface.kb_ids)


def _words(age: timedelta) -> str:
    return f"{age.total_seconds() / 60:.0f} min"
