"""Retention, as one viewer may see, set and run it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from services.access.gate import Doing, Gate, digest_of_words
from services.access.viewer import Action, Outcome, Role, Viewer
from services.approvals.models import REASON
from services.audit_log.service import Logbook, warning
from services.cards.changing import LabelsWithin, changing, labels_for
from services.cards.scope import Scope
from services.jobs.desk_looks import DeskLooks
from services.jobs.looks import Look, LookBook
from services.jobs.models import Job, JobState
from services.retention.confined import (
    confined_job,
    confined_plan,
    confined_policies,
    confined_receipt,
)
from services.retention.models import Changes, Kept, Key, Plan, RetentionError
from services.retention.planning import ALL
from services.retention.receipt import receipt_of
from services.retention.service import RetentionService
from services.retention.simulate import Simulated
from services.retention.written import words_of
from services.tenancy.kb_ids import TenantKey


class DeskRetention:
    """Policies are seen by those whom they may hold for; set and run by who sees all tenants."""

    def __init__(
        self, gate: Gate, inner: Callable[[], RetentionService], *, labels: LabelsWithin,
        plans: Callable[[], LookBook[Plan]],
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._labels = gate, inner, labels
        self._plans = DeskLooks(gate, Action.PLAN_RETENTION, plans, confined=self._confined)

    def policies(self) -> tuple[Kept, ...]:
        """Return the policies that may hold for a tenant in scope."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return confined_policies(self._inner().policies(), viewer, labels_for(viewer, self._labels))

    def plan(
        self,
        keys: Collection[Key] | None = None,
        changes: Changes | None = None,
    ) -> Plan:
        """Return what policies would do now, of tenants in scope. Raises StoreError."""
        with self._gate.doing(Action.PLAN_RETENTION) as doing:
            viewer = self._gate.viewer()
            plan = self._inner().plan(keys, changes)
            doing.digest = plan.digest
            return self._confined(plan, viewer)

    def ask(self) -> None:
        """Have all policies planned in the background, unless that is under way. Logged.

        Raises AccessDenied, StoreError.
        """
        self._plans.ask(ALL, tenants=None)

    def planned(self) -> tuple[Look, Plan | None] | None:
        """Return the newest planning that was asked for, and of its plan what is in scope.

        None where none was. Raises AccessDenied, StoreError.
        """
        return self._plans.newest(ALL, tenants=None)

    def stop_planning(self) -> None:
        """Let the planning that is under way end as soon as it can. Raises AccessDenied."""
        self._plans.stop(ALL, tenants=None)

    def simulate(self, tenants: Sequence[TenantKey]) -> tuple[Simulated, ...]:
        """Return what policies would have come to in the last 90 days, for those in scope."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return self._inner().simulate([each for each in tenants if viewer.sees(each)])

    def change(self, changes: Changes, *, why: str = "") -> Changes:
        """Set and remove policies, all or none, and return what was a change.

        Raises AccessDenied, ApprovalNeeded, StoreUnavailable.
        """
        viewer = self._gate.allow(Action.SET_RETENTION)
        service, why = self._inner(), why.strip()
        changes = changes.but([each.policy for each in service.policies()])
        if not changes:
            return changes
        lines = [*map(words_of, changes.put), *(f"no more {_key(key)}" for key in changes.removed)]
        scopes = _scopes(changes)
        with changing(
            self._gate, Action.SET_RETENTION, lines, scopes=scopes, what="Policies", why=why
        ):  # fmt: skip
            service.change(changes, by=viewer.id, why=why)
        return changes

    def begin(self, keys: Collection[Key] | None, *, digest: str, reason: str) -> Job:
        """Begin a run of what a plan showed, by its digest.

        Raises RetentionError, also without one, JobRefused, ApprovalNeeded.
        """
        viewer = self._gate.allow(Action.RUN_RETENTION)
        if not digest:
            raise RetentionError("say the digest of the plan that is to run: plan first")
        reason = reason.strip()
        with self._gate.doing(
            Action.RUN_RETENTION, target="retention", digest=digest, reason=reason,
            details={REASON: reason} if reason else {},
        ):  # fmt: skip
            return self._inner().begin(keys, digest=digest, by=viewer.id, reason=reason)

    def run_here(self, job_id: str) -> Job:
        """Run a job in this process until it ends, stops or fails: one whose begin is logged."""
        self._gate.allow(Action.RUN_RETENTION)
        return self._inner().run_here(job_id)

    def run_soon(self) -> None:
        """Let the worker look for jobs at once."""
        self._gate.allow(Action.RUN_RETENTION)
        self._inner().run_soon()

    def jobs(self, limit: int = 100) -> tuple[Job, ...]:
        """Return the newest runs, with what they came to for tenants in scope."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return tuple(confined_job(each, viewer) for each in self._inner().jobs(limit))

    def job(self, job_id: str) -> Job:
        """Return one run. Raises RetentionError."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return confined_job(self._inner().job(job_id), viewer)

    def receipt(self, job_id: str) -> dict[str, Any]:
        """Return what a run came to, or so far, of tenants in scope. It is logged."""
        with self._gate.doing(Action.EXPORT, target=f"the receipt of {job_id}"):
            viewer, job = self._gate.viewer(), self._inner().job(job_id)
            found = (
                job.receipt or receipt_of(job, at=job.ended_at or job.created_at, versions={})[1]
            )
            return dict(confined_receipt(found, viewer))

    def stop(self, job_id: str) -> None:
        """Let a run end before its next step: that waits for nobody."""
        with self._steering("stop", job_id, Action.STOP_JOB):
            self._inner().stop(job_id)

    def resume(self, job_id: str) -> Job:
        """Let a stopped or failed run go on."""
        with self._steering("resume", job_id):
            return self._inner().resume(job_id)

    def abandon(self, job_id: str) -> Job:
        """End a stopped or failed run as it is."""
        with self._steering("end", job_id):
            return self._inner().abandon(job_id)

    def _confined(self, plan: Plan, viewer: Viewer) -> Plan:
        return confined_plan(plan, viewer, labels_for(viewer, self._labels))

    def _steering(
        self, deed: str, job_id: str, action: Action = Action.RUN_RETENTION
    ) -> AbstractContextManager[Doing]:
        return self._gate.doing(
            action, tenants=(), target=f"{deed} {job_id}",
            digest=digest_of_words("retention", deed, job_id),
        )  # fmt: skip


def _scopes(changes: Changes) -> Iterator[Scope]:
    """Yield whom changes are for."""
    yield from (each.scope for each in changes.put)
    yield from (scope for scope, _ in changes.removed)


def _key(key: Key) -> str:
    return f"{key[0]} {key[1]}"


def log_run(log: Logbook, job: Job) -> None:
    """Note what a run came to, in the name of who began it; of one by itself, that it began."""
    begun = job.state is JobState.RUNNING
    failed = job.state.halted or job.outcome not in (None, "done")
    outcome = Outcome.BEGUN if begun else Outcome.FAILED if failed else Outcome.DONE
    words = job.outcome or job.problem or job.state.value
    with warning(f"how the retention run {job.id} is could not be logged"):
        log.note(
            Viewer(job.asked_by, Role.ADMIN), Action.RUN_RETENTION.value,
            target=f"retention: run {job.id}", outcome=outcome,
            reason=job.reason if begun else words,
        )  # fmt: skip
