"""Records that the version before wrote (schema 6), opened by this one, on both databases.

`tests/data/records` has what that version wrote: its rows, and a plan and a receipt as text.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, text

from services.errors import Problem
from services.figures import Measure
from services.jobs.models import JobState, Progress, StepState
from services.purge.formats import plan_json, plan_of, plan_record
from services.purge.job import LaterLook, Outcome, Tombstone
from services.purge.models import LeftKind, LeftOut
from services.purge.steps import StepName
from services.stores.records import migrations
from services.stores.records.migrations import MIGRATIONS, migrate
from services.stores.records.purges.jobs import PurgeJobs
from services.tenancy.kb_ids import TenantKey
from tests.servers.records import Records

DATA = Path(__file__).parents[2] / "data" / "records"
ROWS = json.loads((DATA / "version_6.json").read_text("utf-8"))
PLAN, RECEIPT = (
    (DATA / f"{name}_6.json").read_text("utf-8").strip() for name in ("plan", "receipt")
)
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ENDED, PARTIAL, FAILED, RUNNING = (row["id"] for row in ROWS["purge_job"])
KB, NODE = "tenant_acme_user_ann_kato", "tenant:acme:user:ann"
LONG_AGO = NOW + timedelta(days=900)


def value_of(found: Any) -> Any:
    """Read a value of a row: bytes and times are marked as such."""
    if not isinstance(found, dict):
        return found
    if "bytes" in found:
        return bytes.fromhex(found["bytes"])
    return datetime.fromisoformat(found["moment"])


@pytest.fixture
def old(bare_records: Records, monkeypatch: pytest.MonkeyPatch) -> Records:
    """The records as the version before left them."""
    records = bare_records
    records.data.mkdir(parents=True, exist_ok=True)
    engine = create_engine(records.url or f"sqlite:///{records.data / 'state.sqlite'}")
    with monkeypatch.context() as patch, engine.begin() as connection:
        patch.setattr(migrations, "MIGRATIONS", MIGRATIONS[:6])
        migrate(connection)
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in ROWS.get(table.name, ()):
                values = {name: value_of(found) for name, found in row.items()}
                connection.execute(table.insert().values(**values))
    engine.dispose()
    return records


@pytest.fixture
def jobs(old: Records) -> PurgeJobs:
    return old.jobs()


def test_every_job_is_as_it_was(jobs: PurgeJobs) -> None:
    """With its plan, its journal and its receipt; nothing that it says of progress counts."""
    running, failed, partial, ended = jobs.all()
    assert [job.id for job in (running, failed, partial, ended)] == [
        RUNNING, FAILED, PARTIAL, ENDED
    ]  # fmt: skip
    assert [job.state for job in (running, failed, partial, ended)] == [
        JobState.RUNNING, JobState.FAILED, JobState.ENDED, JobState.ENDED
    ]  # fmt: skip
    assert (ended.outcome, ended.reason, ended.asked_by) == (Outcome.ERASED, "R-1 ☺ \0", "ann")
    assert failed.progress == Progress("ended 3 of 5 sessions")
    assert (failed.problem, failed.owner) == ("end sessions: kato did not answer", "")
    assert [step.state for step in failed.steps][:3] == [
        StepState.DONE, StepState.FAILED, StepState.WAITING
    ]  # fmt: skip
    check = failed.step(StepName.CHECK)
    assert check is not None
    assert check.result["sessions"] == {"session-ann-1": NODE}
    assert jobs.receipt(ENDED) == RECEIPT
    assert (jobs.receipt(PARTIAL), jobs.receipt(FAILED)) == ("{}", None)


def test_a_plan_reads_with_what_it_did_not_say(jobs: PurgeJobs) -> None:
    """What it kept of names of keys is gone."""
    plan = jobs.plan("d" * 64)
    assert plan is not None
    assert plan.request.target.tenant == TenantKey("tenant", "acme")
    assert (plan.request.include_inferred, plan.request.passed_over) == (False, frozenset())
    assert (plan.request.target.many, plan.surface.sessions) == ((), ())
    assert plan.surface.nodes == {NODE}
    assert plan.left_out == (
        LeftOut("other_kato", "its owner is only inferred"),
        LeftOut("shared_kato", "shared", (TenantKey("tenant", "b"), TenantKey("kb", ""))),
    )
    assert {left.kind for left in plan.left_out} == {LeftKind.SHARED}
    assert [item.samples for item in plan.items] == [(), (), ()]
    assert plan.items[1].owner == KB


def test_what_was_erased_is_forgotten_and_the_rest_is_not(old: Records, jobs: PurgeJobs) -> None:
    """Of the ended job no node_id and no session stays, and of no job a sample."""
    ended, failed = jobs.job(ENDED), jobs.job(FAILED)
    assert ended is not None
    assert failed is not None
    assert (ended.plan.surface.nodes, failed.plan.surface.nodes) == (
        frozenset(), {"tenant:initech:user:ann"}
    )  # fmt: skip
    assert ended.plan.surface.kb_ids == {KB, "bad\udcff\0"}
    owner = ended.plan.items[2].owner
    assert owner.startswith("node:")
    check = ended.step(StepName.CHECK)
    assert check is not None
    assert check.result["items"][1] == ["sessions", owner, "session", 1]
    assert "sessions" not in check.result
    left = old.dump(), old.everything()
    assert "ann@example.org" not in left[0]
    assert b"ann@example.org" not in left[1]


def test_tombstones_are_found_by_their_kb_ids(old: Records, jobs: PurgeJobs) -> None:
    """And do not tell them any more. The receipt does, as it always did."""
    at = NOW + timedelta(minutes=1)
    assert jobs.tombstones([KB, "bad\udcff\0", "x"]) == (
        Tombstone("bad\udcff\0", "tenant/acme", ENDED, at), Tombstone(KB, "tenant/acme", ENDED, at)
    )  # fmt: skip
    assert jobs.tombstones() == (Tombstone("", "tenant/acme", ENDED, at),) * 2
    with old.engine().connect() as connection:
        columns = set(connection.execute(text("SELECT * FROM tombstone")).keys())
    assert columns == {"digest", "tenant", "job", "erased_at"}


def test_jobs_go_on_and_ends_of_before_count_as_logged(jobs: PurgeJobs) -> None:
    """A lease of before is over when it is over; the next has a number."""
    assert jobs.unlogged(LONG_AGO) == ()
    assert jobs.runnable(NOW) == ()
    assert jobs.lease(RUNNING, "me", at=NOW, until=LONG_AGO) is None
    assert jobs.runnable(LONG_AGO) == (RUNNING,)
    lease = jobs.lease(RUNNING, "me", at=LONG_AGO, until=LONG_AGO)
    assert lease == 1
    jobs.end(RUNNING, Outcome.PARTIAL, "{}", NOW, (), lease=lease)
    assert [job.id for job in jobs.unlogged(LONG_AGO)] == [RUNNING]
    assert jobs.holder(["tenant/initech"]) == FAILED
    jobs.resume(FAILED)
    jobs.note_look(ENDED, LaterLook(LONG_AGO, 1))
    assert jobs.drop_plans(NOW) == 1  # it has expired: it says not when


def test_a_plan_as_text_reads_and_is_written_again() -> None:
    """As the version before wrote it, samples and all; what is new has its default."""
    plan = plan_of(PLAN)
    assert plan.request.stores == set(Measure)
    assert plan.request.trim_streams
    assert plan.items[1].samples == (f"{KB}:symbol:ann@example.org", "nul\0")
    assert plan.problems == {Measure.VECTORS: Problem("no answer")}
    assert plan_of(plan_record(plan)) == plan
    written = json.loads(plan_json(plan))
    of_before = json.loads(PLAN)
    assert {
        name: written[name] for name in of_before if name not in {"target", "surface", "left_out"}
    } == {
        name: of_before[name] for name in of_before if name not in {"target", "surface", "left_out"}
    }
    for name in ("target", "surface"):
        assert written[name].items() >= of_before[name].items()
