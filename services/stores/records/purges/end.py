"""How the records end a purge: receipt, tombstones, and what is forgotten with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from services.jobs.models import JobState
from services.purge.job import Outcome, Tombstone
from services.stores.records.dashboard_tables import PUBLISHED
from services.stores.records.database import scrub, writing
from services.stores.records.findings import forget_in_findings
from services.stores.records.jobs.looks import drop_looks_that_name
from services.stores.records.jobs.runs import LET_GO, fenced
from services.stores.records.name_hashes import Marks
from services.stores.records.names import drop_names
from services.stores.records.purges.forget import (
    forgotten_plan,
    forgotten_result,
    text_of,
    words_for,
)
from services.stores.records.purges.read import JobReading
from services.stores.records.purges.tombstones import bury
from services.stores.records.schema import HOLDS, JOBS, PLANS, STEPS


class PurgeEnds(JobReading):
    """Ends purge jobs. Raises StoreUnavailable."""

    def end(
        self, job_id: str, outcome: Outcome, receipt: str, at: datetime,
        tombstones: Sequence[Tombstone], *, lease: int, forget: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """End a job: keep its receipt (JSON) and tombstones, and let go of its names.

        With `forget`, these node_ids are forgotten in the same transaction, and plan and journal
        keep nothing that only these could have told: nodes, sessions, samples. Raises LeaseLost,
        also for a job that has ended.
        """
        values = {"outcome": outcome.value, "receipt": receipt, "ended_at": at}
        with writing(self._engine, "ending a purge job") as connection:
            fenced(connection, job_id, lease, state=JobState.ENDED.value, **values, **LET_GO)
            connection.execute(delete(HOLDS).where(HOLDS.c.job == job_id))
            marks = self._marks(connection)
            bury(connection, tombstones, marks)
            drop_names(connection, nodes=forget, kb_ids=(stone.kb_id for stone in tombstones))
            connection.execute(delete(PUBLISHED))  # the next round tells of what is left
            if forget:
                _forget_in(connection, job_id, forget, marks)
        self._scrub(when=bool(forget))

    def _scrub(self, *, when: bool) -> None:
        """Have what was removed overwritten; where that has to wait, the next time does it."""
        if when or self._unscrubbed:
            self._unscrubbed = not scrub(self._engine)


def _forget_in(connection: Connection, job_id: str, nodes: Sequence[str], marks: Marks) -> None:
    """Take names out of a job's plan and journal and of findings, and drop plans that have them."""
    plan = json.loads(
        connection.execute(select(JOBS.c.plan).where(JOBS.c.id == job_id)).scalar_one()
    )
    kept = select(STEPS.c.ordinal, STEPS.c.result).where(STEPS.c.job == job_id)
    results = {row.ordinal: json.loads(row.result) for row in connection.execute(kept)}
    words = words_for(plan, results.values(), nodes, marks)
    for ordinal, result in results.items():
        step = update(STEPS).where(STEPS.c.job == job_id, STEPS.c.ordinal == ordinal)
        text = text_of(forgotten_result(result, words, marks))
        connection.execute(step.values(result=text, error=""))
    job = update(JOBS).where(JOBS.c.id == job_id)
    connection.execute(job.values(
        plan=text_of(forgotten_plan(plan, words, marks)), plan_number=JOBS.c.plan_number + 1,
        problem="", progress="", done=None, whole=None,
    ))  # fmt: skip
    forget_in_findings(connection, words)
    gone = {*nodes, *plan["surface"]["nodes"]}
    _drop_plans(connection, gone)
    drop_looks_that_name(connection, gone)


def _drop_plans(connection: Connection, nodes: set[str]) -> None:
    """Remove the plans that would purge one of these nodes: what they planned is gone."""
    for row in connection.execute(select(PLANS.c.digest, PLANS.c.text)).all():
        if nodes.intersection(json.loads(row.text)["surface"]["nodes"]):
            connection.execute(delete(PLANS).where(PLANS.c.digest == row.digest))
