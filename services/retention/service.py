"""Policies, what they would do, and runs of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta

from services.history.models import Cell, Grain, Holder, OwnerKind
from services.history.read import HistoryService
from services.jobs.looks import Tells, quiet
from services.jobs.models import Job
from services.jobs.ports import Jobs
from services.jobs.service import JobsService
from services.retention.formats import job_plan
from services.retention.judge import Policies
from services.retention.look import digest_of, planned
from services.retention.models import Changes, Kept, Key, Plan, Policy, RetentionError
from services.retention.receipt import receipt_of
from services.retention.simulate import Simulated, simulate
from services.retention.steps import KIND, steps_of
from services.retention.tools import Tools
from services.tenancy.kb_ids import TenantKey


class RetentionService:
    """Every method raises StoreUnavailable where this product's own records do not answer."""

    def __init__(
        self, tools: Tools, *, jobs: Jobs, work: Callable[[], JobsService],
        history: Callable[[], HistoryService],
    ) -> None:  # fmt: skip
        self._tools, self._jobs, self._work = tools, jobs, work
        self._history = history

    # --- policies -----------------------------------------------------------------------------

    def policies(self) -> tuple[Kept, ...]:
        """Return every policy."""
        return self._tools.records.every()

    def change(self, changes: Changes, *, by: str, why: str) -> None:
        """Make changes, all or none."""
        at = self._tools.now()
        put = [Kept(each, by, at, why) for each in changes.put]
        self._tools.records.change(put, changes.removed)

    # --- plans and jobs -----------------------------------------------------------------------

    def plan(
        self,
        keys: Collection[Key] | None = None,
        changes: Changes | None = None,
        *,
        tells: Tells = quiet,
    ) -> Plan:
        """Return what policies would do now: all, or those of these keys; after changes, if any.

        Raises StoreError where nobody's names are known.
        """
        every = (changes or Changes()).after(self._tools.policies())
        return planned(self._tools, _chosen(every, keys), every, at=self._tools.now(), tells=tells)

    def begin(self, keys: Collection[Key] | None, *, digest: str, by: str, reason: str) -> Job:
        """Begin a run of policies, all or those of these keys.

        `digest` is that of the plan that was seen, empty for a run by itself. Raises
        RetentionError where the policies are others by now or there is none, JobRefused without a
        reason, and while another run has not ended.
        """
        every = self._tools.policies()
        only = tuple(each for each in _chosen(every, keys) if each.most is not None)
        if not only:
            raise RetentionError("no policy would have anything go")
        if digest and digest != digest_of(_chosen(every, keys), every):
            raise RetentionError("the policies are others than those of this plan: plan again")
        return self._work().begin(
            KIND, job_plan(self._tools.now(), digest_of(only, every), only), asked_by=by,
            reason=reason, names=[KIND], steps=steps_of(only),
        )  # fmt: skip

    def run_here(self, job_id: str) -> Job:
        """Run a job in this process until it ends, stops or fails. Raises RetentionError."""
        return self._work().run_here(self.job(job_id).id)

    def run_soon(self) -> None:
        """Let the worker look for jobs at once."""
        self._work().worker.wake()

    def jobs(self, limit: int = 100) -> tuple[Job, ...]:
        """Return the newest runs, the newest first."""
        return self._jobs.all(KIND, limit)

    def job(self, job_id: str) -> Job:
        """Return one run. Raises RetentionError."""
        job = self._jobs.job(job_id)
        if job is None or job.kind != KIND:
            raise RetentionError(f"there is no run {job_id}")
        return job

    def stop(self, job_id: str) -> None:
        """Let a run end before its next step, or between two keys."""
        self._work().stop(self.job(job_id).id)

    def resume(self, job_id: str) -> Job:
        """Let a stopped or failed run go on. Raises JobRefused for one that ended."""
        return self._work().resume(self.job(job_id).id)

    def abandon(self, job_id: str) -> Job:
        """End a stopped or failed run as it is; what it did not do is due the next time.

        Raises JobRefused for any other, and where another process has it.
        """
        tools = self._tools
        versions = tools.versions()
        with self._work().halted(self.job(job_id).id) as held:
            outcome, receipt = receipt_of(held.job, at=tools.now(), versions=versions)
            held.end(outcome.value, receipt)
        return self.job(job_id)

    # --- the past -----------------------------------------------------------------------------

    def simulate(self, tenants: Iterable[TenantKey]) -> tuple[Simulated, ...]:
        """Return what policies would have come to in the last 90 days, for these tenants."""
        tools = self._tools
        policies = Policies(tools.policies(), tools.labels())
        ownership = tools.ownership()
        kb_ids: dict[TenantKey, int] = {}
        for kb_id in ownership.nodes_by_kb:
            for tenant in ownership.kb(kb_id).tenants:
                kb_ids[tenant] = kb_ids.get(tenant, 0) + 1
        return tuple(simulate(tenants, policies, kb_ids, self._series))

    def _series(self, tenant: TenantKey, quantity: str, days: int) -> Sequence[Cell]:
        now = self._tools.now()
        return self._history().series(
            Holder(OwnerKind.TENANT, str(tenant)), quantity, now - timedelta(days=days),
            now + timedelta(seconds=1), Grain.DAY.seconds,
        )  # fmt: skip


def _chosen(every: Iterable[Policy], keys: Collection[Key] | None) -> tuple[Policy, ...]:
    return tuple(each for each in every if keys is None or each.key in keys)
