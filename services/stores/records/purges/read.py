"""Purge jobs as the state store has them: reading them, with their plans and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from services.audit_log.chain import LogKeys
from services.jobs.models import JobState
from services.purge.formats import plan_of
from services.purge.job import Job
from services.purge.models import Plan
from services.stores.records.database import batches, reading
from services.stores.records.jobs.rows import steps_of
from services.stores.records.jobs.runs import PURGE, JobRuns, newest_first
from services.stores.records.name_hashes import Marks
from services.stores.records.purges.rows import JOB_COLUMNS, job_of, purge_steps
from services.stores.records.schema import JOBS, OWN_KEY

_PLANS_KEPT = 200  # in memory, since a job's plan seldom changes and may be long

Kept = tuple[str, int]
"""A job's id, and which plan of its it is."""


class JobReading(JobRuns):
    """Reads purge jobs. Raises StoreUnavailable when their database does not answer.

    `keys` are those of the audit log: names that are kept as a hash are hashed with the newest,
    and without any with the records' own.
    """

    of_kind = JOBS.c.kind == PURGE

    def __init__(self, engine: Engine, keys: LogKeys = LogKeys()) -> None:  # noqa: B008  frozen
        super().__init__(engine)
        self._keys = keys
        self._known_marks: Marks | None = None
        self._unscrubbed = False
        self._plans: Mapping[Kept, Plan] = {}

    def job(self, job_id: str) -> Job | None:
        """Return one job with its steps."""
        with reading(self._engine, "reading a purge job") as connection:
            rows = connection.execute(
                select(*JOB_COLUMNS).where(self.of_kind, JOBS.c.id == job_id)
            ).all()
            return next(iter(self._jobs_of(connection, rows)), None)

    def all(self, limit: int = 100, *, reason: str = "") -> tuple[Job, ...]:
        """Return the newest jobs with their steps, the newest first.

        With a reason, of those that were begun for just that.
        """
        newest = newest_first(select(*JOB_COLUMNS).where(self.of_kind), reason).limit(limit)
        with reading(self._engine, "reading purge jobs") as connection:
            return self._jobs_of(connection, connection.execute(newest).all())

    def unended(self) -> tuple[Job, ...]:
        """Return every job that has not ended, with its steps, oldest first."""
        unended = self.of_kind, JOBS.c.state != JobState.ENDED.value
        under_way = select(*JOB_COLUMNS).where(*unended)
        with reading(self._engine, "looking for purges under way") as connection:
            rows = connection.execute(under_way.order_by(JOBS.c.created_at, JOBS.c.id)).all()
            return self._jobs_of(connection, rows)

    def unlogged(self, before: datetime) -> tuple[Job, ...]:
        """Return the jobs that ended before a time, and whose end no log has, oldest first."""
        unlogged = JOBS.c.logged_at.is_(None) & (JOBS.c.ended_at < before)
        ended = select(*JOB_COLUMNS).where(
            self.of_kind, unlogged, JOBS.c.state == JobState.ENDED.value
        )
        with reading(self._engine, "looking for purges that no log has") as connection:
            rows = connection.execute(ended.order_by(JOBS.c.ended_at, JOBS.c.id)).all()
            return self._jobs_of(connection, rows)

    def receipt(self, job_id: str) -> str | None:
        """Return the receipt of an ended job, as JSON."""
        with reading(self._engine, "reading a receipt") as connection:
            return connection.scalar(select(JOBS.c.receipt).where(JOBS.c.id == job_id))

    def _marks(self, connection: Connection) -> Marks:
        """Return what hashes names. Before the log had a key the own one did, so it counts too."""
        if self._known_marks is None:
            own = connection.execute(select(OWN_KEY.c.secret)).scalar_one()
            self._known_marks = Marks((*self._keys.keys, own))
        return self._known_marks

    def _jobs_of(self, connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Job, ...]:
        plans = self._plans_of(connection, {row.id: row.plan_number for row in rows})
        steps = steps_of(connection, [row.id for row in rows])
        return tuple(job_of(row, plans[row.id], purge_steps(steps[row.id])) for row in rows)

    def _plans_of(self, connection: Connection, wanted: Mapping[str, int]) -> Mapping[str, Plan]:
        known, new = self._plans, {}
        found = {kept[0]: known[kept] for kept in wanted.items() if kept in known}
        for some in batches([job_id for job_id in wanted if job_id not in found]):
            columns = (JOBS.c.id, JOBS.c.plan_number, JOBS.c.plan)
            for row in connection.execute(select(*columns).where(JOBS.c.id.in_(some))):
                new[row.id, row.plan_number] = found[row.id] = plan_of(row.plan)
        if new:
            plans = {**known, **new}
            self._plans = plans if len(plans) <= _PLANS_KEPT else new
        return found
