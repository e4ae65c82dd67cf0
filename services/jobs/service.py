"""Begins jobs of each kind, runs them, and lets them stop and go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.errors import LeaseLost, StoreError
from services.jobs.lease import Lease, new_owner
from services.jobs.models import Job, JobRefused, JobState, Result
from services.jobs.ports import Jobs
from services.jobs.run import Run, Work
from services.jobs.worker import Worker

_POLL_SECONDS = 0.5
_REASON_LIMIT = 2_000  # characters

Kinds = Mapping[str, Callable[[Job], Work[Any] | None]]
"""What a job of each kind does, by the kind's name; None of one that cannot be done here."""


@dataclass(frozen=True, slots=True)
class Halted:
    """A job that no process runs, as it is, under a lease: whoever ran it writes nothing more."""

    jobs: Jobs
    job: Job
    lease: int

    def end(self, outcome: str, receipt: Mapping[str, Any]) -> None:
        """End it: keep its receipt, and let go of its names."""
        self.jobs.end(self.job.id, outcome, receipt, datetime.now(UTC), lease=self.lease)


class JobsService:
    """Jobs of the kinds in `kinds`; `name` is the thread's.

    `on_run` is told of each job after a run of it.
    """

    def __init__(
        self, jobs: Jobs, kinds: Kinds, *, on_run: Callable[[Job], None] = lambda _: None,
        name: str = "jobs",
    ) -> None:  # fmt: skip
        self._jobs, self._kinds, self._on_run = jobs, kinds, on_run
        self.worker = Worker(name, jobs.runnable, self.run)

    def begin(
        self, kind: str, plan: Mapping[str, Any], *, asked_by: str, reason: str,
        names: Sequence[str], steps: Sequence[str],
    ) -> Job:  # fmt: skip
        """Begin a job that alone holds `names` (tenants and kb_ids) until it ended.

        Raises JobRefused, also without a reason, and StoreUnavailable.
        """
        job = self._jobs.begin(
            kind, plan, asked_by=asked_by, reason=reasoned(reason), names=names, steps=steps,
            at=datetime.now(UTC),
        )  # fmt: skip
        self.worker.wake()
        return job

    def run(self, job_id: str) -> bool:
        """Run one job here and now, in the caller's thread. Raises StoreError.

        False when there is none that can be done here, it does not run, or another process has it.
        """
        job = self._jobs.job(job_id)
        makes = self._kinds.get(job.kind) if job is not None else None
        work = makes(job) if job is not None and makes is not None else None
        if work is None:
            return False
        if not Run(self._jobs, job_id, work, owner=new_owner()).run():
            return False
        self._on_run(self.job(job_id))
        return True

    def run_here(self, job_id: str) -> Job:
        """Run a job in this process until it ends, stops or fails.

        One that another process has is waited for until that has it no longer.
        """
        while (job := self.job(job_id)).state is JobState.RUNNING:
            if not self.run(job_id):
                time.sleep(_POLL_SECONDS)
        return job

    def job(self, job_id: str) -> Job:
        """Return one job. Raises JobRefused when there is none."""
        job = self._jobs.job(job_id)
        if job is None:
            raise JobRefused(f"there is no job {job_id}")
        return job

    def all(self, kind: str = "", limit: int = 100, *, reason: str = "") -> tuple[Job, ...]:
        """Return the newest jobs of one kind, or of each; with a reason, of those begun for it."""
        return self._jobs.all(kind, limit, reason=reason)

    def listed(self, *kinds: str, newest: int = 100) -> tuple[Job, ...]:
        """Return every job of these kinds that has not ended and the newest of the others.

        The newest first.
        """
        found = {
            job.id: job for kind in kinds
            for job in (*self._jobs.all(kind, newest), *self._jobs.unended(kind))
        }  # fmt: skip
        return tuple(
            sorted(found.values(), key=lambda job: (job.created_at, job.id), reverse=True)
        )  # fmt: skip

    def of_kind(self, job_id: str, *kinds: str) -> Job | None:
        """Return one job, None when there is none of these kinds."""
        job = self._jobs.job(job_id)
        return job if job is not None and job.kind in kinds else None

    def unended(self, kind: str) -> tuple[Job, ...]:
        """Return every job of a kind that has not ended, newest first."""
        return self._jobs.unended(kind)

    def holder(self, names: Sequence[str]) -> str | None:
        """Return the id of a job of any kind, or purge, that holds one of these names."""
        return self._jobs.holder(names)

    def stop(self, job_id: str) -> None:
        """Let a running job end before its next step."""
        self._jobs.ask_stop(job_id)

    def end(self, job_id: str, outcome: str, receipt: Mapping[str, Any]) -> None:
        """End a stopped or failed job as it is. Raises JobRefused for any other."""
        with self.halted(job_id) as held:
            held.end(outcome, receipt)

    def decide(
        self, job_id: str, step: str, result: Result, *,
        check: Callable[[Job], None] = lambda _: None,
    ) -> Job:  # fmt: skip
        """Journal a step of a stopped or failed job that people do, and let it go on.

        `check` is given the job as it is while nobody else writes it, and raises where it may not
        be. Raises JobRefused for any other.
        """
        with self.halted(job_id) as held:
            lease = held.lease
            check(held.job)
            self._jobs.start_step(job_id, step, datetime.now(UTC), lease=lease)
            self._jobs.end_step(job_id, step, datetime.now(UTC), result=dict(result), lease=lease)
            self._jobs.pause(job_id, JobState.STOPPED, "", lease=lease)
        return self.resume(job_id)

    @contextmanager
    def halted(self, job_id: str, *, unattended: bool = False) -> Iterator[Halted]:
        """Hold a job that stopped or failed, so that nobody else writes it, or lets it go on.

        With `unattended` also one that is to run, and that no process has. Where the block raises,
        or does not end it, it is as it was. Raises JobRefused for any other.
        """
        _refuse_unless_halted(self.job(job_id), unattended=unattended)
        lease = Lease(self._jobs, job_id, new_owner(), halted=True)
        with lease.held() as held:
            if not held:
                raise JobRefused("another process has this job: stop it first")
            job = self.job(job_id)
            try:
                _refuse_unless_halted(job, unattended=unattended)
                yield Halted(self._jobs, job, lease.number)
            finally:
                with suppress(LeaseLost, StoreError):  # where it ended, nothing is to let go of
                    self._jobs.pause(job_id, job.state, job.problem, lease=lease.number)

    def resume(self, job_id: str) -> Job:
        """Let a stopped or failed job run again.

        Raises JobRefused for one that ended, and while somebody ends it.
        """
        self._jobs.resume(job_id, at=datetime.now(UTC))
        self.worker.wake()
        return self.job(job_id)


def reasoned(reason: str) -> str:
    """Return a reason as it is kept. Raises JobRefused without one, or for a book."""
    if not reason.strip():
        raise JobRefused("a reason or ticket is needed")
    if len(reason) > _REASON_LIMIT:
        raise JobRefused(f"the reason is longer than {_REASON_LIMIT:,} characters")
    return reason.strip()


def _refuse_unless_halted(job: Job, *, unattended: bool) -> None:
    if not (job.state.halted or (unattended and job.state is JobState.RUNNING)):
        raise JobRefused("it has to have stopped or failed for that")
