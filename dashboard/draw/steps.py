"""The steps of a job, as a table and as a share. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from dashboard.draw.formatting import visible
from services.jobs.models import Job, StepState

_STATES = {
    StepState.WAITING: "", StepState.STARTED: "now", StepState.DONE: "done",
    StepState.FAILED: "failed",
}  # fmt: skip


def steps_frame(job: Job, words: Mapping[str, str]) -> pd.DataFrame:
    """Return one row a step, by its `words`, with the problem of the one that failed."""
    rows = [
        (words.get(step.name, step.name), _STATES[step.state],
         visible(str(step.error)) if step.error else "") for step in job.steps
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Step", "State", "Why"])


def share_done(job: Job) -> float:
    """Return how many of a job's steps are done, of 1."""
    return sum(step.state is StepState.DONE for step in job.steps) / max(len(job.steps), 1)
