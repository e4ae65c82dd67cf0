"""Moves of tenants, and what one would do. Frozen values. Pure.

Counts are of rows, keys, points or sessions; bytes are bytes, None where they are not known; times
are aware datetimes in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import TypeAdapter

from services.archive.away import Away
from services.errors import KatoTenantsError
from services.jobs.models import Job, JobState
from services.purge.amounts import Amounts, amounts_of_plan
from services.purge.models import Plan as Purge
from services.tenancy.kb_ids import TenantKey

KIND = "move"
"""The kind of job."""


class MoveRefused(KatoTenantsError):
    """A tenant that may not be moved, or a move that may not go on as things are now."""


class StepName(StrEnum):
    """The steps, in their order; the last is for a move that is given up, instead of the rest."""

    CHECK = "check"
    COPY = "copy"
    WAIT = "wait"
    REST = "end sessions"
    CATCH_UP = "copy the rest"
    VERIFY = "verify"
    PURGE = "purge"
    REMEMBER = "remember"
    REMOVE = "remove the copy"


class Decision(StrEnum):
    """What somebody decided of a move."""

    CUT_OVER = "cut over"
    GIVE_UP = "give up"


class Outcome(StrEnum):
    """What a move came to."""

    MOVED = "moved"
    GIVEN_UP = "given up"


class Phase(StrEnum):
    """Where a move is, by its journal and its job's state."""

    COPYING = "copying"
    WAITING = "copied, not cut over"
    CUTTING_OVER = "cutting over"
    GIVING_UP = "giving up"
    MOVED = "moved"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Moved(Away):
    """A tenant that is in another deployment, called `to` here, and in no store of this one.

    The archive is the last that was taken of it; `amounts` is what the stores held when its move
    began.
    """

    to: str
    amounts: Amounts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a move would do: copy what `purge` erases to the deployment `to`, and erase it here.

    `obstacles` say what stands in its way, besides what does in the purge's; `versions` name what
    runs there.
    """

    tenant: TenantKey
    to: str
    purge: Purge
    obstacles: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_the_way(self) -> tuple[str, ...]:
        """Everything that stands in its way; nothing where it can be moved."""
        return (*self.obstacles, *self.purge.obstacles)

    @property
    def amounts(self) -> Amounts:
        """How much of it each store would no longer hold: bytes only where each is known."""
        return amounts_of_plan(self.purge)


def decided(job: Job) -> Decision | None:
    """Return what was decided of a move; None where nobody has."""
    told = job.result(StepName.WAIT).get("decision")
    return None if told is None else Decision(told)


def tenant_of(job: Job) -> TenantKey:
    """Return whom a job moves."""
    return TenantKey.written(str(job.plan["tenant"]))


def phase_of(job: Job) -> Phase:
    """Say where a move is."""
    if job.state is JobState.ENDED:
        return Phase.MOVED if job.outcome == Outcome.MOVED else Phase.GIVEN_UP
    match decided(job):
        case Decision.GIVE_UP:
            return Phase.GIVING_UP
        case Decision.CUT_OVER:
            return Phase.CUTTING_OVER
    waits = job.state is JobState.STOPPED and job.undone[:1] == (StepName.WAIT,)
    return Phase.WAITING if waits else Phase.COPYING


_MOVED = TypeAdapter(Moved)


def moved_text(moved: Moved) -> str:
    """Write what the records keep of a tenant that moved; names are JSON's escapes."""
    return json.dumps(_MOVED.dump_python(moved, mode="json"), ensure_ascii=True)


def moved_of(text: str) -> Moved:
    """Read what `moved_text` wrote."""
    return _MOVED.validate_python(json.loads(text))
