"""A job's steps as a table, how far it is, and what becomes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from dashboard.draw.formatting import visible
from services.jobs.models import Job, Step, StepState

STATES = {
    StepState.WAITING: "", StepState.STARTED: "now", StepState.DONE: "done",
    StepState.FAILED: "failed",
}  # fmt: skip


def steps_frame(steps: Sequence[Step[str]], words: Mapping[str, str]) -> pd.DataFrame:
    """Return one row a step, called as `words` say, with the problem of the one that failed."""
    rows = [
        (words.get(step.name, step.name), STATES[step.state],
         visible(str(step.error)) if step.error else "") for step in steps
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Step", "State", "Why"])


def share_done(steps: Sequence[Step[str]]) -> float:
    """Return how many of these steps are done, of 1."""
    return sum(step.state is StepState.DONE for step in steps) / max(len(steps), 1)


def step_of(job: Job) -> str:
    """Say what a job does now."""
    return job.progress.words or "Waits for its turn"


def halted(job: Job | None) -> bool:
    """Whether a job stands still, and can go on."""
    return job is not None and job.state.halted
