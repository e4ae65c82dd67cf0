"""Looks that take long: jobs that hold nobody and change nothing that is anybody's.

One that fails, or is stopped, is over: nothing is left that would have to be resumed. Where its
process is killed, another looks again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from services.errors import KatoTenantsError, LeaseLost
from services.jobs.models import Job, JobState, Progress, Result
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stopped, Stops
from services.jobs.service import JobsService

logger = logging.getLogger(__name__)

LOOK = "look"
"""The one step."""

PROBLEM = "problem"
"""In a result, why there is none."""

Looks = Callable[[Said, Stops], Result]
"""Looks, and returns what it found. Raises Stopped, or any KatoTenantsError."""


def is_look(job: Job) -> bool:
    """Whether a job is one: it ends by itself, however it goes."""
    return [step.name for step in job.steps] == [LOOK]


class LookState(StrEnum):
    """How a look is: under way, or what it came to."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Look:
    """A look as the records have it: by whom and since when, how far it is, what it came to.

    `found` is a dict of JSON that its kind understands, empty unless it is done; `problem` says why
    it failed.
    """

    id: str
    state: LookState
    by: str
    since: datetime
    ended_at: datetime | None
    stop_asked: bool
    progress: Progress
    problem: str
    found: Result


@dataclass
class LookWork:
    """One process' run of one look."""

    jobs: Jobs
    job: Job
    looks: Looks
    outcome: LookState = LookState.DONE

    def begin(self, said: Said, stops: Stops) -> str:
        """Make ready; one that was done, and did not come to its end, is done again."""
        self._said, self._stops = said, stops
        return ""

    def left(self) -> Iterable[str]:
        """Return the one step; none where somebody asked for an end while it waited."""
        if self._stops():
            self.outcome = LookState.STOPPED
            return ()
        return (LOOK,)

    def do(self, step: str) -> Result:
        """Look."""
        del step
        try:
            return self.looks(self._said, self._stops)
        except LeaseLost:
            raise
        except Stopped:
            self.outcome = LookState.STOPPED
        except KatoTenantsError as exc:
            return self._failed(str(exc))
        except Exception as exc:  # a fault of ours: nobody would ever let it go on
            logger.exception("a look failed")
            return self._failed(f"this product failed ({type(exc).__name__})")
        return {}

    def _failed(self, why: str) -> Result:
        self.outcome = LookState.FAILED
        return {PROBLEM: why}

    def end(self, lease: int) -> None:
        """End it."""
        self.jobs.end(self.job.id, self.outcome.value, {}, datetime.now(UTC), lease=lease)


def look_of(job: Job) -> Look:
    """Return a look of its job. One that halted, since it was stopped as it began, is over."""
    found, state = job.result(LOOK), LookState.RUNNING
    problem = str(found.get(PROBLEM, ""))
    if job.state.halted:
        state, problem = LookState(job.state.value), job.problem
    elif job.state is JobState.ENDED:
        state = LookState(str(job.outcome))
    return Look(
        job.id, state, job.asked_by, job.created_at, job.ended_at, job.stop_asked, job.progress,
        problem, found if state is LookState.DONE else {},
    )  # fmt: skip


class LookBook:
    """The looks of one kind; `about` tells what each is at, in the same text each time."""

    def __init__(self, kind: str, work: JobsService) -> None:
        self._kind, self._work = kind, work

    def ask(self, about: str, plan: Mapping[str, Any], *, by: str) -> Look:
        """Have it looked, soon, unless that is under way. Raises StoreUnavailable."""
        newest = self.newest(about)
        if newest is not None and newest.state is LookState.RUNNING:
            return newest
        return look_of(self._work.begin(
            self._kind, plan, asked_by=by, reason=about, names=(), steps=(LOOK,)
        ))  # fmt: skip

    def every(self, about: str) -> tuple[Look, ...]:
        """Return the newest looks at it, the newest first."""
        return tuple(map(look_of, self._work.all(self._kind, reason=about)))

    def newest(self, about: str) -> Look | None:
        """Return the newest look at it, None where there was none."""
        found = self._work.all(self._kind, 1, reason=about)
        return look_of(found[0]) if found else None

    def stop(self, about: str) -> None:
        """Let the one that is under way end as soon as it can."""
        newest = self.newest(about)
        if newest is not None:
            self._work.stop(newest.id)
