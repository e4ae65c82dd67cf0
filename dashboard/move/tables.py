"""Moves as tables and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from dashboard.draw.amounts import amounts_words
from dashboard.draw.formatting import visible
from services.jobs.models import Job, Step
from services.move.models import Moved, Phase, StepName, phase_of
from services.tenancy.kb_ids import TenantKey

STEPS: Mapping[str, str] = {
    StepName.CHECK: "Look whether it may be done, here and there",
    StepName.COPY: "Copy all of it while its clients go on, and prove the copy",
    StepName.WAIT: "Wait until its clients are stopped",
    StepName.REST: "End its sessions, and take the rest",
    StepName.CATCH_UP: "Copy the rest",
    StepName.VERIFY: "Compare both deployments with what was taken",
    StepName.PURGE: "Erase it here, and prove that; its clients can start there",
    StepName.REMEMBER: "Note where it is",
    StepName.REMOVE: "Remove the copy there",
}
TITLES: Mapping[Phase, str] = {
    Phase.COPYING: "Moving to", Phase.WAITING: "Copied to", Phase.CUTTING_OVER: "Cutting over to",
    Phase.GIVING_UP: "Giving up the move to",
}  # fmt: skip


def steps_of(job: Job) -> tuple[Step[str], ...]:
    """Return the steps that a move takes: the rest of it, or the removal of the copy."""
    if phase_of(job) is Phase.GIVING_UP:
        return tuple(step for step in job.steps if step.name == StepName.REMOVE)
    return tuple(step for step in job.steps if step.name != StepName.REMOVE)


def moved_frame(moved: Iterable[Moved], names: Mapping[TenantKey, str]) -> pd.DataFrame:
    """Return one row a tenant that moved; `names` are what people call them."""
    rows = [
        (visible(str(each.tenant)), visible(names.get(each.tenant, "")), visible(each.to),
         each.since, visible(each.reason), visible(each.by), amounts_words(each.amounts))
        for each in moved
    ]  # fmt: skip
    columns = ["Tenant", "Name", "To", "Moved", "Why", "By", "What it was"]
    return pd.DataFrame(rows, columns=columns)
