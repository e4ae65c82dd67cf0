"""Looks that take long: jobs that hold nobody and change nothing that is anybody's.

One that fails, or is stopped, is over: nothing is left that would have to be resumed. Where its
process is killed, another looks again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from services.access.gate import digest_of_words
from services.errors import KatoTenantsError, LeaseLost
from services.jobs.models import LOOK, Job, JobState, Progress, Result
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stopped, Stops
from services.jobs.service import JobsService

logger = logging.getLogger(__name__)

PROBLEM = "problem"
"""In a result, why there is none."""

KEPT = timedelta(days=90)
"""For how long the newest look at a thing is kept after it ended."""

Looks = Callable[[Said, Stops], Result]
"""Looks, and returns what it found. Raises Stopped, or any KatoTenantsError."""

About = Mapping[str, Any]
"""What a look is at: a dict of JSON, the same each time."""

Tells = Callable[[str], None]
"""Is told in words what is done next. Raises Stopped where somebody asked for an end."""

T = TypeVar("T")


def quiet(words: str) -> None:
    """Tell nobody."""
    del words


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
            found = self.looks(self._said, self._stops)
            if not self._stops():
                return found
            self.outcome = LookState.STOPPED
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


def planning(jobs: Jobs, job: Job, plan: Callable[[Tells], Result]) -> LookWork:
    """Return the run of a look that makes a plan, and says what it does next."""

    def looks(said: Said, stops: Stops) -> Result:
        def tells(words: str) -> None:
            if stops():
                raise Stopped
            said(Progress(words))

        return plan(tells)

    return LookWork(jobs, job, looks)


class LookBook(Generic[T]):
    """The looks of one kind, each about something; `read` reads what one found, if that is kept."""

    def __init__(self, kind: str, work: JobsService, read: Callable[[Result], T | None]) -> None:
        self._kind, self._work, self._read = kind, work, read

    def ask(self, about: About, *, by: str, **how: Any) -> Look:
        """Have it looked, soon, unless that is under way. Raises StoreUnavailable.

        `how` is no part of what it is about, and is JSON too.
        """
        newest = self._newest(about)
        if newest is not None and newest.state is LookState.RUNNING:
            return newest
        return look_of(self._work.begin(
            self._kind, {**about, **how}, asked_by=by, reason=_mark(about), names=(), steps=(LOOK,)
        ))  # fmt: skip

    def newest(self, about: About) -> tuple[Look, T | None] | None:
        """Return the newest look at it with what it found; None where there was none."""
        look = self._newest(about)
        return None if look is None else (look, self._found(look))

    def every(self, about: About) -> tuple[T, ...]:
        """Return what the newest looks at it found, the newest first."""
        looks = map(look_of, self._work.all(self._kind, reason=_mark(about)))
        return tuple(found for each in looks if (found := self._found(each)) is not None)

    def stop(self, about: About) -> None:
        """Let the one that is under way end as soon as it can."""
        newest = self._newest(about)
        if newest is not None:
            self._work.stop(newest.id)

    def _newest(self, about: About) -> Look | None:
        found = self._work.all(self._kind, 1, reason=_mark(about))
        return look_of(found[0]) if found else None

    def _found(self, look: Look) -> T | None:
        return self._read(look.found) if look.found else None


def _mark(about: About) -> str:
    return digest_of_words(json.dumps(about, sort_keys=True))
