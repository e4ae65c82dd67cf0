"""How many purge jobs there are, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

from services.jobs.models import JobState
from services.metrics.models import Running, Tally
from services.purge.job import Outcome
from services.stores.records.purges.tally import PurgeTally
from services.tenancy.kb_ids import TenantKey
from tests.servers.purger import HOUR, LATER, NOW, STEPS, begun, leased, plan_for
from tests.servers.records import Records


def test_none_are_none(records: Records) -> None:
    assert PurgeTally(records.engine()).tally(NOW) == Tally()


def test_jobs_are_counted_with_who_was_purged_since(records: Records) -> None:
    """One that waits, one that runs, one that failed, and one that ended."""
    jobs, tally = records.jobs(), PurgeTally(records.engine())
    begun(jobs, "waits")
    leased(jobs, begun(jobs, "runs", minute=1))
    failed = begun(jobs, "failed")
    jobs.pause(failed.id, JobState.FAILED, "", lease=leased(jobs, failed))
    other = jobs.begin(
        plan_for("zed"), asked_by="ann", reason="", names=["zed"], steps=STEPS, at=NOW
    )
    jobs.end(
        other.id, Outcome.ERASED_EXCEPT, "{}", at=LATER, tombstones=(), lease=leased(jobs, other)
    )
    found = tally.tally(NOW)
    assert found.states == {JobState.RUNNING: 2, JobState.FAILED: 1, JobState.ENDED: 1}
    assert found.ended == {Outcome.ERASED_EXCEPT: 1}
    minute, until = NOW + timedelta(minutes=1), LATER + timedelta(seconds=30)
    assert set(found.running) == {Running(NOW, None), Running(minute, until)}
    assert found.purged == {TenantKey("tenant", "zed"): LATER}
    assert tally.tally(LATER).purged == tally.tally(HOUR).purged == {}
