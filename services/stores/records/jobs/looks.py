"""Looks that ended: they go after a while, and with what they name."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, and_, delete, exists, func, or_, select

from services.jobs.models import LOOK, JobState
from services.stores.records.database import batches, scrub, writing
from services.stores.records.schema import HOLDS, JOBS, STEPS

_OF_LOOKS = JOBS.c.id.in_(select(STEPS.c.job).where(STEPS.c.name == LOOK))
_OVER = JOBS.c.state != JobState.RUNNING.value


def drop_looks(engine: Engine, *, before: datetime, newest_before: datetime) -> int:
    """Remove looks that ended before a time, and return how many these were.

    The newest at each thing goes by a time of its own.
    """
    newer, since = JOBS.alias(), func.coalesce(JOBS.c.ended_at, JOBS.c.created_at)
    is_newer = or_(
        newer.c.created_at > JOBS.c.created_at,
        and_(newer.c.created_at == JOBS.c.created_at, newer.c.id > JOBS.c.id),
    )
    has_newer = exists().where(
        newer.c.kind == JOBS.c.kind, newer.c.reason == JOBS.c.reason, is_newer
    )
    gone = or_(since <= newest_before, and_(since <= before, has_newer))
    with writing(engine, "removing looks") as connection:
        ids = connection.scalars(select(JOBS.c.id).where(_OF_LOOKS, _OVER, gone)).all()
        _drop(connection, ids)
    if ids:
        scrub(engine)
    return len(ids)


def drop_looks_that_name(connection: Connection, nodes: Collection[str]) -> None:
    """Remove the looks that ended and name one of these nodes: what they found is gone."""
    names = [json.dumps(node) for node in nodes]
    told = select(JOBS.c.id, JOBS.c.plan, STEPS.c.result).join(STEPS, STEPS.c.job == JOBS.c.id)
    _drop(connection, [
        row.id for row in connection.execute(told.where(STEPS.c.name == LOOK, _OVER))
        if any(name in text for name in names for text in (row.plan, row.result))
    ])  # fmt: skip


def _drop(connection: Connection, ids: Sequence[str]) -> None:
    for some in batches(ids):
        for table, column in ((STEPS, STEPS.c.job), (HOLDS, HOLDS.c.job), (JOBS, JOBS.c.id)):
            connection.execute(delete(table).where(column.in_(some)))
