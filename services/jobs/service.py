"""Begins jobs of each kind, runs them, and lets them stop and go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from services.jobs.lease import Lease, new_owner
from services.jobs.models import Job, JobRefused, JobState, Result
from services.jobs.ports import Jobs
from services.jobs.run import Run, Work
from services.jobs.worker import Worker

_POLL_SECONDS = 0.5
_REASON_LIMIT = 2_000  # characters

Kinds = Mapping[str, Callable[[Job], Work[Any] | None]]
"""What a job of each kind does, by the kind's name; None of one that cannot be done here."""


class JobsService:
    """Jobs of the kinds in `kinds`. `on_run` is told of each job after a run of it."""

    def __init__(
        self, jobs: Jobs, kinds: Kinds, *, on_run: Callable[[Job], None] = lambda _: None
    ) -> None:
        self._jobs, self._kinds, self._on_run = jobs, kinds, on_run
        self.worker = Worker("jobs", jobs.runnable, self.run)

    def begin(
        self, kind: str, plan: Mapping[str, Any], *, asked_by: str, reason: str,
        names: Sequence[str], steps: Sequence[str],
    ) -> Job:  # fmt: skip
        """Begin a job that alone holds `names` (tenants and kb_ids) until it ended.

        Raises JobRefused, also without a reason, and StoreUnavailable.
        """
        if not reason.strip():
            raise JobRefused("a reason or ticket is needed")
        if len(reason) > _REASON_LIMIT:
            raise JobRefused(f"the reason is longer than {_REASON_LIMIT:,} characters")
        job = self._jobs.begin(
            kind, plan, asked_by=asked_by, reason=reason.strip(), names=names, steps=steps,
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

    def holder(self, names: Sequence[str]) -> str | None:
        """Return the id of a job of any kind, or purge, that holds one of these names."""
        return self._jobs.holder(names)

    def stop(self, job_id: str) -> None:
        """Let a running job end before its next step."""
        self._jobs.ask_stop(job_id)

    def end(self, job_id: str, outcome: str, receipt: Mapping[str, Any]) -> None:
        """End a stopped or failed job as it is. Raises JobRefused for any other."""
        with self._halted(job_id) as lease:
            self._jobs.end(job_id, outcome, receipt, datetime.now(UTC), lease=lease)

    def decide(self, job_id: str, step: str, result: Result) -> Job:
        """Journal a step of a stopped or failed job that people do, and let it go on.

        Raises JobRefused for any other.
        """
        with self._halted(job_id) as lease:
            self._jobs.start_step(job_id, step, datetime.now(UTC), lease=lease)
            self._jobs.end_step(job_id, step, datetime.now(UTC), result=dict(result), lease=lease)
            self._jobs.pause(job_id, JobState.STOPPED, "", lease=lease)
        return self.resume(job_id)

    @contextmanager
    def _halted(self, job_id: str) -> Iterator[int]:
        """Give the lease of a job that stopped or failed."""
        if not self.job(job_id).state.halted:
            raise JobRefused("it has to have stopped or failed for that")
        lease = Lease(self._jobs, job_id, new_owner())
        with lease.held() as held:
            if not held:
                raise JobRefused("another process has this job")
            yield lease.number

    def resume(self, job_id: str) -> Job:
        """Let a stopped or failed job run again. Raises JobRefused for one that ended."""
        self._jobs.resume(job_id)
        self.worker.wake()
        return self.job(job_id)
