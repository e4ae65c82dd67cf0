"""A purge's job, its receipt, and what is kept of it afterwards: frozen values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.figures import Measure
from services.jobs.models import JobState, Progress
from services.purge.models import LeftOut, Plan, is_counted
from services.purge.steps import Step, StepName


class Outcome(StrEnum):
    """What a purge came to."""

    ERASED = "erased"
    ERASED_EXCEPT = "erased_except"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Job:
    """A purge that was confirmed, as the state store has it.

    `owner` is the process that runs it, until `leased_until`. `stop_asked` ends it between steps.
    """

    id: str
    plan: Plan
    asked_by: str
    reason: str
    created_at: datetime
    state: JobState
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    stop_asked: bool = False
    owner: str = ""
    leased_until: datetime | None = None
    problem: str = ""
    progress: Progress = field(default_factory=lambda: Progress(""))
    steps: tuple[Step, ...] = ()

    def step(self, name: StepName) -> Step | None:
        """Return one step, or None when the job has it not."""
        return next((step for step in self.steps if step.name is name), None)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt: planned / deleted / already absent / failed / left."""

    store: Measure
    owner: str
    kind: str
    planned: int
    deleted: int
    absent: int
    failed: int
    left: int | None


class Sums(NamedTuple):
    """The sums of a store's lines.

    Planned, deleted and absent are of what the store counts (`is_counted`), failed and left of
    everything. `left` is None where it is not known.
    """

    planned: int
    deleted: int
    absent: int
    failed: int
    left: int | None


@dataclass(frozen=True, slots=True)
class Conserved:
    """How much one store holds of everyone before and after: what went is accounted for.

    `before` - `after` = `deleted` by the job + `others`, by how much the store lost of what is
    not the target's (less than 0 where it grew) + `unexplained`, of which nothing is known.
    """

    store: str
    before: int
    after: int
    deleted: int
    others: int
    unexplained: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A server of a store that is a cluster, which the last look asked; `left` counts rows."""

    store: str
    server: str
    left: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a purge. `left` None means that the store could not be asked: *unknown*.

    `conserved` is empty where no two looks at a whole store can be compared. `tenants` are those
    whose receipt it is: one of one tenant names that one alone. `servers` are those that answered
    the last look, of a store that is a cluster: those that did not are among the problems.
    """

    job_id: str
    target: str
    stores: tuple[Measure, ...]
    asked_by: str
    reason: str
    digest: str
    planned_at: datetime
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    lines: tuple[Line, ...]
    left_out: tuple[LeftOut, ...]
    disclosed: tuple[str, ...]
    problems: tuple[str, ...]
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    conserved: tuple[Conserved, ...] = ()
    tenants: tuple[str, ...] = ()
    servers: tuple[Asked, ...] = ()

    def sums(self, store: Measure) -> Sums:
        """Add up a store's lines. A store without any may be the one that could not be asked."""
        lines = [line for line in self.lines if line.store is store]
        mine = [line for line in lines if is_counted(line.kind)]
        left = [line.left for line in lines if line.left is not None]
        asked = len(left) == len(lines) and bool(lines or self.outcome is not Outcome.UNKNOWN)
        return Sums(
            sum(line.planned for line in mine), sum(line.deleted for line in mine),
            sum(line.absent for line in mine), sum(line.failed for line in lines),
            sum(left) if asked else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A kb_id that was purged: what comes back under it later is reported."""

    kb_id: str
    tenant: str
    job_id: str
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class LaterLook:
    """What a look found of what an ended job erased: so many kb_ids with data again, at a time.

    `first_at` is when this was found first, `at` when last. `asked_by` is who asked for it, empty
    for the looks that are made by themselves. `tenants` says how many of the kb_ids are whose,
    and is None where that is not known.
    """

    at: datetime
    back: int
    first_at: datetime | None = None
    asked_by: str = ""
    tenants: Mapping[str, int] | None = None

    def back_of(self, tenant: str | None) -> int | None:
        """Return how many kb_ids of one tenant have data again; None where it is not known."""
        if tenant is None or not self.back:
            return self.back
        return None if self.tenants is None else self.tenants.get(tenant, 0)
