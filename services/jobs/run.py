"""Runs one job of any kind, step by step, each journaled before and after.

Every step has to be idempotent: after a crash the one that was under way is done again. What a
process writes carries the number of its lease: one that was paused, and whose job another has
taken over, writes nothing any more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from services.errors import KatoTenantsError, LeaseLost, Problem
from services.jobs.lease import Lease
from services.jobs.models import JobState, Progress, Result
from services.jobs.ports import RunJobs, Said

_SAY_SECONDS = 0.2

logger = logging.getLogger(__name__)

StepT = TypeVar("StepT", bound=str)

Stops = Callable[[], bool]
"""Whether somebody asked for an end. Raises LeaseLost where the job is another's by now."""


class Stopped(KatoTenantsError):
    """Somebody asked for an end, and the step under way ended early for it."""


class Work(Protocol[StepT]):
    """What one run of one job does."""

    def begin(self, said: Said, stops: Stops) -> str:
        """Make ready, and say why it may not go on now; empty where it may."""

    def left(self) -> Iterable[StepT]:
        """Return the steps that are to be done in this run, in order."""

    def do(self, step: StepT) -> Result:
        """Do one step. Raises Stopped, or any KatoTenantsError where it failed."""

    def end(self, lease: int) -> None:
        """End the job: every step is done."""


class Run(Generic[StepT]):
    """One process' run of one job. `owner` names this process in the lease."""

    def __init__(self, jobs: RunJobs, job_id: str, work: Work[StepT], *, owner: str) -> None:
        self._jobs, self._id, self._work = jobs, job_id, work
        self._lease = Lease(jobs, job_id, owner)
        self._said_at = 0.0
        self._whole: int | None = None

    def run(self) -> bool:
        """Run every step that is left. Ends the job, or leaves it stopped or failed.

        False when another process has the job, or it does not run.
        """
        with self._lease.held() as leased, suppress(LeaseLost):
            if not leased:
                return False
            why = self._work.begin(self._said, self._stops)
            if why:
                self._pause(JobState.FAILED, why)
            elif all(self._take(step) for step in self._work.left()):
                self._work.end(self._lease.number)
        return True

    def _take(self, step: StepT) -> bool:
        """Do one step; False when the job goes no further now."""
        if self._stops():
            return self._pause(JobState.STOPPED, "")
        self._jobs.start_step(self._id, step, _now(), lease=self._lease.number)
        try:
            self._lease.check()
            result = self._work.do(step)
            self._lease.check()
        except LeaseLost:
            raise
        except Stopped:
            return self._pause(JobState.STOPPED, "")
        except KatoTenantsError as exc:
            return self._failed(step, exc.problem)
        except Exception as exc:  # a fault of ours must not leave a job that looks alive
            logger.exception("a step of a job failed")
            return self._failed(step, Problem(f"this product failed ({type(exc).__name__})"))
        self._jobs.end_step(
            self._id, step, _now(), result=dict(result), lease=self._lease.number
        )  # fmt: skip
        return True

    def _failed(self, step: StepT, why: Problem) -> bool:
        self._lease.check()  # what was closed under it has not failed: it is let go
        self._jobs.end_step(self._id, step, _now(), error=why, lease=self._lease.number)
        return self._pause(JobState.FAILED, f"{step!s}: {why}")

    def _pause(self, state: JobState, problem: str) -> bool:
        self._jobs.pause(self._id, state, problem, lease=self._lease.number)
        return False

    def _said(self, progress: Progress) -> None:
        """Note progress now and then, and find out so that the job is another's.

        At once where something else is counted: whoever ends the job by hand goes by what is noted.
        """
        now = time.monotonic()
        if now - self._said_at >= _SAY_SECONDS or progress.whole != self._whole:
            self._said_at, self._whole = now, progress.whole
            self._jobs.say(self._id, progress, lease=self._lease.number)

    def _stops(self) -> bool:
        is_to_stop = self._jobs.is_to_stop(self._id)
        self._lease.check()
        return is_to_stop


def _now() -> datetime:
    return datetime.now(UTC)
