"""What running jobs asks of this product's own records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from services.errors import Problem
from services.jobs.models import Job, JobState, Progress

Said = Callable[[Progress], None]
"""Takes note of progress."""


class RunJobs(Protocol):
    """What a run of a job writes. Every method raises StoreUnavailable.

    What a run writes carries the number of its lease, a fencing token: a write whose number is
    not the newest is refused in the same statement, with LeaseLost.
    """

    def lease(
        self, job_id: str, owner: str, *, at: datetime, until: datetime, halted: bool = False
    ) -> int | None:
        """Take the lease of a job that runs, and return its number, the newest.

        With `halted` also of one that stands still. None when there is none such, or another
        process has it.
        """

    def prolong(self, job_id: str, lease: int, *, until: datetime) -> bool:
        """Prolong the newest lease of a job. False where this is not it, or it was given up."""

    def leased(self, job_id: str, lease: int) -> bool:
        """Whether this is still the newest lease of a job that runs."""

    def is_to_stop(self, job_id: str) -> bool:
        """Whether somebody asked for an end between steps, or the job is gone."""

    def start_step(self, job_id: str, step: str, at: datetime, *, lease: int) -> None:
        """Journal that a step begins (or begins again); the result of before stays."""

    def end_step(
        self, job_id: str, step: str, at: datetime, *, lease: int, result: object = None,
        error: Problem | None = None,
    ) -> None:  # fmt: skip
        """Journal how a step ended: with a result (a dict of JSON), or with an error.

        With an error and no result, the result of before stays.
        """

    def say(self, job_id: str, progress: Progress, *, lease: int) -> None:
        """Keep what the running step says of its progress."""

    def pause(self, job_id: str, state: JobState, problem: str, *, lease: int) -> None:
        """Stop or fail a job, which still holds its names, and give up its lease."""


class Jobs(RunJobs, Protocol):
    """The jobs of every kind but purges. Every method raises StoreUnavailable."""

    def begin(
        self, kind: str, plan: Mapping[str, Any], *, asked_by: str, reason: str,
        names: Sequence[str], steps: Sequence[str], at: datetime,
    ) -> Job:  # fmt: skip
        """Create a running job that holds every one of `names`: tenants and kb_ids.

        Raises JobRefused, which names the job, when another one that has not ended, a purge too,
        holds one.
        """

    def job(self, job_id: str) -> Job | None:
        """Return one job with its steps."""

    def all(self, kind: str = "", limit: int = 100, *, reason: str = "") -> tuple[Job, ...]:
        """Return the newest jobs, of one kind or of each, with their steps, the newest first.

        With a reason, of those that were begun for just that.
        """

    def unended(self, kind: str = "") -> tuple[Job, ...]:
        """Return every job that has not ended, with its steps, the newest first.

        Of one kind, or of each.
        """

    def holder(self, names: Sequence[str]) -> str | None:
        """Return the id of a job of any kind, or purge, that holds one of these names."""

    def runnable(self, at: datetime) -> tuple[str, ...]:
        """Return the ids of running jobs that no process has leased, oldest first."""

    def ask_stop(self, job_id: str) -> None:
        """Ask for an end between steps."""

    def resume(self, job_id: str, *, at: datetime) -> None:
        """Let a stopped or failed job run again.

        Raises JobRefused for one that ended, and while a process holds it to end it.
        """

    def drop_looks(self, *, before: datetime, newest_before: datetime) -> int:
        """Remove looks that ended before a time; the newest at each thing go by their own.

        Returns how many these were.
        """

    def end(
        self, job_id: str, outcome: str, receipt: Mapping[str, Any], at: datetime, *, lease: int
    ) -> None:
        """End a job: keep its receipt, and let go of its names."""
