"""Jobs, their steps and their progress: frozen values of any kind of job. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from services.errors import KatoTenantsError, Problem

Name = TypeVar("Name", bound=str)

Result = Mapping[str, Any]
"""What a step found or did, as the journal keeps it: a dict of JSON."""


LOOK = "look"
"""The one step of a job that only looks."""


class JobRefused(KatoTenantsError):
    """A job that may not be begun or resumed."""


class JobState(StrEnum):
    """Where a job is. A stopped or failed job can be resumed; an ended one cannot."""

    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    ENDED = "ended"

    @property
    def halted(self) -> bool:
        """Whether it stands still, and can go on."""
        return self in (JobState.STOPPED, JobState.FAILED)


class StepState(StrEnum):
    """How far a step is."""

    WAITING = "waiting"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)  # without slots: with them, a frozen generic cannot be made by its alias
class Step(Generic[Name]):
    """One step as the journal has it. `result` is what it found or did, `error` why it failed."""

    name: Name
    state: StepState = StepState.WAITING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: Result = field(default_factory=dict)
    error: Problem | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is: `words` for people, and `done` of `whole` where it counts."""

    words: str
    done: int | None = None
    whole: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a kind other than a purge, as the records have it.

    `plan` is what it is to do, `receipt` what came of it once it ended: each a dict of JSON that
    its kind understands. `owner` is the process that runs it, until `leased_until`. `stop_asked`
    ends it between steps. `outcome` is a word of its kind's.
    """

    id: str
    kind: str
    plan: Mapping[str, Any]
    asked_by: str
    reason: str
    created_at: datetime
    state: JobState
    outcome: str | None = None
    ended_at: datetime | None = None
    stop_asked: bool = False
    owner: str = ""
    leased_until: datetime | None = None
    problem: str = ""
    progress: Progress = field(default_factory=lambda: Progress(""))
    steps: tuple[Step[str], ...] = ()
    receipt: Mapping[str, Any] | None = None

    @property
    def undone(self) -> tuple[str, ...]:
        """The names of the steps that are not done, in their order."""
        return tuple(step.name for step in self.steps if step.state is not StepState.DONE)

    @property
    def results(self) -> dict[str, Result]:
        """What each step found or did, by its name."""
        return {step.name: step.result for step in self.steps}

    def result(self, name: str) -> Result:
        """Return what a step found or did; nothing for one that was never done."""
        return self.results.get(name, {})
