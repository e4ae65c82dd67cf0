"""How many purge jobs there are, and how those go that run: for the metrics."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from services.jobs.models import JobState
from services.metrics.models import Running, Tally
from services.purge.formats import plan_of
from services.purge.job import Outcome
from services.stores.records.database import reading
from services.stores.records.jobs.runs import PURGE
from services.stores.records.schema import JOBS
from services.tenancy.kb_ids import TenantKey

_PURGES = JOBS.c.kind == PURGE


class PurgeTally:
    """Counts purge jobs. Raises StoreUnavailable when their database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tally(self, since: datetime) -> Tally:
        """Return how many there are, and the tenants that were purged as a whole after a time."""
        with reading(self._engine, "counting purge jobs") as connection:
            return Tally(
                _states(connection), _ended(connection), _running(connection),
                _purged(connection, since),
            )  # fmt: skip


def _states(connection: Connection) -> dict[JobState, int]:
    rows = connection.execute(
        select(JOBS.c.state, func.count()).where(_PURGES).group_by(JOBS.c.state)
    )
    return {JobState(state): number for state, number in rows}


def _ended(connection: Connection) -> dict[Outcome, int]:
    counted = select(JOBS.c.outcome, func.count()).where(_PURGES, JOBS.c.outcome.is_not(None))
    return {
        Outcome(o): number for o, number in connection.execute(counted.group_by(JOBS.c.outcome))
    }


def _running(connection: Connection) -> tuple[Running, ...]:
    columns = select(JOBS.c.created_at, JOBS.c.leased_until)
    rows = connection.execute(columns.where(_PURGES, JOBS.c.state == JobState.RUNNING.value))
    return tuple(Running(row.created_at, row.leased_until) for row in rows)


def _purged(connection: Connection, since: datetime) -> dict[TenantKey, datetime]:
    ended = select(JOBS.c.plan, JOBS.c.ended_at).where(_PURGES, JOBS.c.ended_at > since)
    return {
        tenant: row.ended_at
        for row in connection.execute(ended.order_by(JOBS.c.ended_at))
        for tenant in plan_of(row.plan).request.target.whole
    }
