"""The steps of a retention job: one table of their order, and what each is about. Pure.

What each does stands apart, in `work`: pages read this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from services.retention.models import Matter, Policy, matter_of

KIND = "retention"
"""What its jobs are called among those of other kinds."""


class StepName(StrEnum):
    """The steps of a job, in their order."""

    CHECK = "check"
    PREDICTIONS = "bound predictions"
    SESSIONS = "end sessions"
    PATTERNS = "erase old patterns"
    STREAMS = "trim streams"
    CACHES = "expire caches"
    VERIFY = "verify"


STEPS: Mapping[StepName, Matter | None] = {
    StepName.CHECK: None,
    StepName.PREDICTIONS: Matter.PREDICTIONS,
    StepName.SESSIONS: Matter.SESSIONS,
    StepName.PATTERNS: Matter.PATTERNS,
    StepName.STREAMS: Matter.STREAMS,
    StepName.CACHES: Matter.CACHES,
    StepName.VERIFY: None,
}
"""Every step in the order in which they are done, with what it is about."""


def steps_of(policies: Iterable[Policy]) -> tuple[StepName, ...]:
    """Return the steps of a run of these policies."""
    matters = {matter_of(each.quantity) for each in policies if each.most is not None}
    return tuple(name for name, about in STEPS.items() if about is None or about in matters)
