"""Purge plans, jobs, receipts and tombstones, as `services.purge.ports.Jobs` asks for them.

What keeps two jobs off one tenant or kb_id is a primary key, so it holds between processes too.
What each of the records keeps of names, and how long, docs/records.md says.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select, update

from services.errors import PurgeRefused
from services.jobs.models import JobState
from services.purge.formats import plan_of, plan_record, sampleless
from services.purge.job import Job, LaterLook, Tombstone
from services.purge.models import Plan
from services.purge.steps import Step, StepName
from services.stores.records.database import reading, writing
from services.stores.records.jobs.rows import hold, step_rows
from services.stores.records.jobs.runs import LET_GO, PAUSED
from services.stores.records.purges.end import PurgeEnds
from services.stores.records.purges.rows import job_row
from services.stores.records.purges.tombstones import add_look, looks_of, nameless, stones_of
from services.stores.records.putting import put_rows
from services.stores.records.schema import JOBS, PLANS, STEPS, TOMBSTONES


class PurgeJobs(PurgeEnds):
    """The purge jobs in the state store. Raises StoreUnavailable when it does not answer."""

    def keep_plan(self, plan: Plan, *, expires_at: datetime) -> None:
        """Keep a plan by its digest, without its samples, and remove those that expired.

        Of two with one digest the newer stays.
        """
        row = {
            "digest": plan.digest, "created_at": plan.created_at, "expires_at": expires_at,
            "text": plan_record(sampleless(plan)),
        }  # fmt: skip
        with writing(self._engine, "keeping a plan") as connection:
            connection.execute(delete(PLANS).where(PLANS.c.expires_at <= plan.created_at))
            put_rows(connection, PLANS, [row], newer="created_at")

    def drop_plans(self, at: datetime) -> int:
        """Remove the plans that have expired by a time, and return how many these were."""
        with writing(self._engine, "removing plans") as connection:
            removed = connection.execute(delete(PLANS).where(PLANS.c.expires_at <= at)).rowcount
        self._scrub(when=removed > 0)
        return removed

    def plan(self, digest: str) -> Plan | None:
        """Return the newest plan with this digest."""
        with reading(self._engine, "reading a plan") as connection:
            text = connection.scalar(select(PLANS.c.text).where(PLANS.c.digest == digest))
        return None if text is None else plan_of(text)

    def begin(
        self, plan: Plan, *, asked_by: str, reason: str, names: Sequence[str],
        steps: Sequence[StepName], at: datetime, part_of: str = "",
    ) -> Job:  # fmt: skip
        """Create a running job that holds every one of `names`.

        The job of which it is a part hands over what it holds of them. Raises PurgeRefused, which
        names the job, when another one that has not ended holds one.
        """
        job = Job(
            secrets.token_hex(8), sampleless(plan), asked_by, reason, at, JobState.RUNNING,
            steps=tuple(Step(name) for name in steps),
        )  # fmt: skip
        with writing(self._engine, "beginning a purge") as connection:
            connection.execute(insert(JOBS), job_row(job))
            if steps:
                connection.execute(insert(STEPS), step_rows(job.id, steps))
            hold(connection, job.id, names, PurgeRefused, part_of=part_of)
        return job

    def resume(self, job_id: str, *, plan: Plan | None = None, names: Sequence[str] = ()) -> None:
        """Let a stopped or failed job run again; with a plan, by that one, and with its journal.

        `names` are held besides. One that runs goes on. Raises PurgeRefused as `begin` does, for
        a job that ended, and for one that runs by another plan.
        """
        values = {"state": JobState.RUNNING.value, "stop_asked": False, "problem": "", **LET_GO}
        if plan is not None:
            new = {"plan": plan_record(sampleless(plan)), "plan_number": JOBS.c.plan_number + 1}
            values.update(new)
        paused = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state.in_(PAUSED))
        # whoever has a lease of it, to end it by hand, has none any more
        paused = paused.values(lease=JOBS.c.lease + 1, **values)
        with writing(self._engine, "resuming a purge job") as connection:
            if connection.execute(paused).rowcount == 1:
                hold(connection, job_id, names, PurgeRefused)
                return
            state = connection.scalar(select(JOBS.c.state).where(JOBS.c.id == job_id))
        if state != JobState.RUNNING.value:
            raise PurgeRefused(f"the purge job {job_id} has ended, or never was")
        if plan is not None:
            raise PurgeRefused(f"the purge job {job_id} runs already, by the plan of before")

    def logged(self, job_id: str) -> None:
        """Note that the audit log has the end of a job."""
        unlogged = (JOBS.c.id == job_id, JOBS.c.logged_at.is_(None))
        with writing(self._engine, "noting that an end was logged") as connection:
            connection.execute(update(JOBS).where(*unlogged).values(logged_at=datetime.now(UTC)))

    def tombstones(self, kb_ids: Iterable[str] | None = None) -> tuple[Tombstone, ...]:
        """Return the newest tombstone of each of these kb_ids that has one.

        They are kept by a keyed hash: without kb_ids to ask for, each comes with an empty one.
        """
        with reading(self._engine, "reading tombstones", long=True) as connection:
            if kb_ids is None:
                return nameless(connection)
            return stones_of(connection, kb_ids, self._marks(connection))

    def unbury(self, job_id: str) -> None:
        """Drop the tombstones of a job: what it erased is to be there again."""
        with writing(self._engine, "dropping tombstones") as connection:
            connection.execute(delete(TOMBSTONES).where(TOMBSTONES.c.job == job_id))

    def note_look(self, job_id: str, look: LaterLook) -> None:
        """Add a later look to a job that ended; one that found what the last found moves that."""
        with writing(self._engine, "noting a later look") as connection:
            add_look(connection, job_id, look)

    def later_looks(self, job_id: str) -> tuple[LaterLook, ...]:
        """Return the later looks at what an ended job erased, oldest first."""
        with reading(self._engine, "reading later looks") as connection:
            return looks_of(connection, job_id)
