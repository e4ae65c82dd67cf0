"""Purge a tenant, a node or a user: plan, confirm, run, prove. What pages and scripts call."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.errors import NoSuchJob, NoSuchPlan, PurgeRefused
from services.figures import Measure
from services.jobs.lease import LEASE, new_owner
from services.jobs.looks import Tells, quiet
from services.jobs.models import JobState
from services.purge.context import presence_of
from services.purge.emptied import drop_emptied
from services.purge.formats import receipt_json, versions_of, with_later_looks
from services.purge.held import refuse_held, with_held
from services.purge.job import Job, LaterLook, Tombstone
from services.purge.journal import found_of
from services.purge.models import Names, Plan, Request
from services.purge.plan import Looks, names_alone, plan_of_looks
from services.purge.ports import KatoState
from services.purge.receipt import receipt_of
from services.purge.run import end_job
from services.purge.steps import StepName
from services.purge.target import Selection, may_be, select, wanting
from services.purge.tools import Tools, steps_for
from services.purge.unknown_target import refuse_unseen
from services.purge.worker import PurgeWorker
from services.tenancy.ownership import Ownership
from services.visible import visible

MOST_TENANTS = 1_000
_REASON_LIMIT = 2_000  # characters
_POLL_SECONDS = 0.5


class PurgeService:
    """Plans purges and keeps their jobs."""

    def __init__(self, tools: Tools, *, worker: PurgeWorker) -> None:
        self._tools = tools
        self._jobs = tools.jobs
        self._worker = worker
        self._plan_age = timedelta(seconds=tools.plan_seconds)

    def plan(self, request: Request, *, tells: Tells = quiet) -> Plan:
        """Return what a purge would do, and keep it for `begin`. Nothing is written elsewhere.

        Sessions always end: a live one would write again what was erased. Raises PurgeRefused
        for a target that cannot be resolved or of which nothing was ever seen, StoreError when
        this product's records fail.
        """
        if len(request.target.many) > MOST_TENANTS:
            raise PurgeRefused(f"at most {MOST_TENANTS:,} tenants go in one job")
        request = replace(request, stores=request.stores | {Measure.SESSIONS})
        tells("reading every name there is")
        names, ownership = self._names(request)
        tells("looking at every store")
        selection = select(request, names, ownership)
        looks = self._look(request, selection, names, ownership)
        if not looks.problems:
            found = {item.owner for item in looks.items}
            refuse_unseen(request.target, names, ownership, found)
        plan = plan_of_looks(request, selection, looks, datetime.now(UTC))
        plan = with_held(plan, ownership, self._tools.holds)
        self._jobs.keep_plan(plan, expires_at=plan.created_at + self._plan_age)
        self._tools.plans.keep(plan.digest, plan, seconds=self._tools.plan_seconds)
        if names.survey is not None:
            seconds = self._tools.plan_seconds
            self._tools.surveys.keep(plan.digest, names.survey, seconds=seconds)
        return plan

    def planned(self, digest: str) -> Plan:
        """Return a plan that was made. Raises NoSuchPlan."""
        plan = self._jobs.plan(digest)
        if plan is None:
            raise NoSuchPlan
        return plan

    def whole(self, digest: str) -> Plan:
        """Return a plan that was made, with its samples where that was here. Raises NoSuchPlan."""
        kept, here = self.planned(digest), self._tools.plans.get(digest)
        return here if here is not None and here.created_at == kept.created_at else kept

    def begin(
        self, digest: str, *, confirm: str, reason: str, asked_by: str, part_of: str = ""
    ) -> Job:  # fmt: skip
        """Begin the purge that a plan describes, once its target's name was typed.

        From here on the target is *being purged*: it gets no new sessions from this product, and
        no other purge touches it. `part_of` is a job that holds it until now, and hands it over.
        Raises PurgeRefused.
        """
        plan = self.planned(digest)
        self.check(plan, confirm, reason)
        ownership = self._tools.ownership()
        refuse_held(plan, ownership, self._tools.holds)
        return self._jobs.begin(
            plan, asked_by=asked_by, reason=reason.strip(), names=names_alone(plan, ownership),
            steps=steps_for(plan.request), at=datetime.now(UTC), part_of=part_of,
        )  # fmt: skip

    def check(self, plan: Plan, confirm: str, reason: str) -> None:
        """Raise PurgeRefused where a plan cannot begin, or is not confirmed as it has to be."""
        if datetime.now(UTC) - plan.created_at > self._plan_age:
            raise PurgeRefused(f"the plan is older than {_words(self._plan_age)}: plan again")
        if plan.obstacles:
            raise PurgeRefused(f"it cannot run: {plan.obstacles[0]}")
        wanted = plan.confirmation
        if confirm not in (wanted, visible(wanted)):
            raise PurgeRefused(f"to confirm, type exactly: {wanted}")
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

    def jobs(self, *, reason: str = "") -> tuple[Job, ...]:
        """Return the newest jobs; with a reason, of those that were begun for just that."""
        return self._jobs.all(reason=reason)

    def stop(self, job_id: str) -> None:
        """Let a running job end before its next step."""
        self._jobs.ask_stop(job_id)

    def resume(self, job_id: str, *, digest: str = "", confirm: str = "") -> Job:
        """Let a stopped or failed job run again, by its own plan or by a new one.

        A new plan, for the same target and confirmed as the first was, is needed once the job's
        own is too old; the journal stays. Raises PurgeRefused, also for a job that ended.
        """
        job = self.job(job_id)
        if job.state is JobState.ENDED:
            raise PurgeRefused("this purge has ended: plan another")
        refuse_held(job.plan, self._tools.ownership(), self._tools.holds)
        if digest:
            self._replan(job, digest, confirm)
        elif job.state is not JobState.RUNNING:
            if datetime.now(UTC) - job.plan.created_at > self._plan_age:
                age = _words(self._plan_age)
                raise PurgeRefused(f"its plan is older than {age}: look anew, and resume with that")
            self._jobs.resume(job_id)
        return self.job(job_id)

    def abandon(self, job_id: str) -> Job:
        """End a stopped or failed job as it is, after one more look at what is left."""
        job = self.job(job_id)
        if not job.state.halted:
            raise PurgeRefused("only a stopped or failed purge can be ended")
        now = datetime.now(UTC)
        lease = self._jobs.lease(job_id, new_owner(), at=now, until=now + LEASE, halted=True)
        if lease is None:
            raise PurgeRefused("another process has this purge now")
        looks = self._look_at(job)
        last, at = StepName.SETTLE, datetime.now(UTC)
        self._jobs.start_step(job_id, last, at, lease=lease)
        result = {**found_of(looks.as_proof), "abandoned": True}
        self._jobs.end_step(job_id, last, at, result=result, lease=lease)
        end_job(self._tools, self.job(job_id), lease=lease)
        ended = self.job(job_id)
        self._worker.on_end(ended)
        return ended

    def look_again(self, job_id: str, *, asked_by: str = "") -> LaterLook:
        """Look at what an ended job erased, and keep with its receipt what is back.

        Raises PurgeRefused for one that has not ended, or where a store cannot be asked.
        """
        job = self._ended(job_id)
        looks = self._look_at(job).as_proof
        if looks.problems:
            store, why = next(iter(looks.problems.items()))
            raise PurgeRefused(f"{store.value} could not be asked: {why}")
        back = {item.owner for item in looks.items if item.count}
        whose = Counter(job.plan.whose.get(owner, "") for owner in back)
        look = LaterLook(datetime.now(UTC), len(back), asked_by=asked_by, tenants=whose)
        self._jobs.note_look(job_id, look)
        return look

    def drop_emptied(self, job_id: str) -> tuple[str, ...]:
        """Drop the collections that an ended job emptied and kept, and return their names.

        Never one that holds a point. Raises PurgeRefused for a job that has not ended, or where
        a KATO may be there that has used them.
        """
        job = self._ended(job_id)
        if Measure.VECTORS not in job.plan.request.stores:
            return ()
        refuse_held(job.plan, self._tools.ownership(), self._tools.holds)
        return drop_emptied(self._tools, job)

    def later_looks(self, job_id: str) -> tuple[LaterLook, ...]:
        """Return the later looks at what an ended job erased, oldest first."""
        return self._jobs.later_looks(job_id)

    def receipt_text(self, job_id: str) -> str:
        """Return the receipt as JSON: as it was kept, or what is known so far, and later looks."""
        job = self.job(job_id)
        kept = self._jobs.receipt(job_id)
        if kept is None:
            return receipt_json(receipt_of(job, at=datetime.now(UTC), versions={}))
        ended = receipt_of(job, at=job.ended_at or datetime.now(UTC), versions={})
        return with_later_looks(kept, ended, self._jobs.later_looks(job_id))

    def versions(self, job_id: str) -> Mapping[str, str]:
        """Return the stores' versions when a job ended, as its receipt has them."""
        kept = self._jobs.receipt(job_id)
        return {} if kept is None else versions_of(kept)

    def being_purged(self, names: Sequence[str]) -> str | None:
        """Return the id of a job that holds one of these tenants or kb_ids."""
        return self._jobs.holder(names)

    def tombstones(self, kb_ids: Iterable[str] | None = None) -> tuple[Tombstone, ...]:
        """Return the tombstones of these kb_ids; without them, all, without their kb_ids."""
        return self._jobs.tombstones(kb_ids)

    def _ended(self, job_id: str) -> Job:
        job = self.job(job_id)
        if job.state is not JobState.ENDED:
            raise PurgeRefused("this purge has not ended")
        return job

    # --- looking ---

    def _names(self, request: Request) -> tuple[Names, Ownership]:
        """Read every name there is, take in the node_ids, and say who owns what by now."""
        before = self._tools.ownership()
        names = self._tools.erasers.names(may_be(request.target, before))
        self._tools.saw(names.nodes)
        return names, self._tools.ownership()

    def _look(
        self, request: Request, selection: Selection, names: Names, ownership: Ownership
    ) -> Looks:
        looks = self._tools.erasers.look(
            request, selection.surface, wanting(request, ownership), survey=names.survey,
            keep=self._keeps(request), weigh=True,
        )  # fmt: skip
        unread = {m: why for m, why in names.problems.items() if m in request.stores}
        lacking = () if looks.problems else self._tools.erasers.lacking(request)
        return replace(
            looks,
            problems={**unread, **looks.problems},
            blockers=(*looks.blockers, *lacking, *self._tools.unarchived(request)),
        )

    def _look_at(self, job: Job) -> Looks:
        request, plan = job.plan.request, job.plan
        wants = wanting(request, self._tools.ownership())
        keep = self._keeps(request)
        return self._tools.erasers.look(request, plan.surface, wants, keep=keep)

    def _keeps(self, request: Request) -> bool:
        if request.drop_collections or not self._tools.learns:
            return False
        presence = presence_of(self._tools)
        stopped = presence is not None and presence.state is KatoState.STOPPED
        return not stopped

    def _replan(self, job: Job, digest: str, confirm: str) -> None:
        plan = self.planned(digest)
        if plan.request.target != job.plan.request.target:
            raise PurgeRefused("the plan with this digest is for another target")
        if steps_for(plan.request) != tuple(step.name for step in job.steps):
            raise PurgeRefused("the plan with this digest is for other stores or other steps")
        self.check(plan, confirm, job.reason)
        names = names_alone(plan, self._tools.ownership())
        self._jobs.resume(job.id, plan=plan, names=names)


def _words(age: timedelta) -> str:
    return f"{age.total_seconds() / 60:.0f} min"
