"""How many jobs there are of each kind but purges, and how those go that run: for the metrics."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Engine, func, select

from services.jobs.models import JobState
from services.metrics.models import JobTally, Running
from services.stores.records.database import reading
from services.stores.records.jobs.runs import PURGE
from services.stores.records.schema import JOBS

_OTHERS = JOBS.c.kind != PURGE
_COUNTED = select(JOBS.c.kind, JOBS.c.state, func.count()).where(_OTHERS)
_RUNNING = select(JOBS.c.kind, JOBS.c.created_at, JOBS.c.leased_until).where(
    _OTHERS, JOBS.c.state == JobState.RUNNING.value
)


def job_tally(engine: Engine) -> JobTally:
    """Count them. Raises StoreUnavailable when their database does not answer."""
    states = defaultdict[str, dict[JobState, int]](dict)
    running = defaultdict[str, list[Running]](list)
    with reading(engine, "counting jobs") as connection:
        for kind, state, count in connection.execute(_COUNTED.group_by(JOBS.c.kind, JOBS.c.state)):
            states[kind][JobState(state)] = count
        for kind, created_at, leased_until in connection.execute(_RUNNING):
            running[kind].append(Running(created_at, leased_until))
    return JobTally(states, running)
