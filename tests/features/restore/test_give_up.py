"""A restore that cannot end is given up: its tenant is free, and what stays is counted."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest.mock import patch

import pytest

from services.archive.formats import TypedKey
from services.bootstrap import Services
from services.errors import LeaseLost, StoreUnavailable
from services.figures import Measure
from services.jobs import run
from services.jobs.models import Job, JobRefused, JobState, Progress
from services.purge.models import Request, Target
from services.restore.formats import job_json, receipt_of
from services.restore.models import GivenUp, KeysWritten, Outcome
from services.restore.run import StepName
from services.stores.qdrant.restore import VectorWriting
from services.stores.redis.typed_write import KeyWriting
from services.tenancy.kb_ids import held_names
from tests.features.purge.fingerprint import Fingerprint
from tests.features.restore.test_restore import (
    ACME,
    GLOBEX,
    WHY,
    archived,
    erased,
    prints,
    services,
)
from tests.servers.deployment import Deployment
from tests.servers.restore_process import go_on

__all__ = ["prints", "services"]  # fixtures

GONE = "its archive was deleted"


def begun(services: Services) -> Job:
    """A restore of what was erased, of which nothing was done yet."""
    archive = archived(services)
    erased(services)
    plan = services.restore.plan(archive.name)
    return services.restore.begin(plan, by="ada", reason=WHY)


def delete_archives(tmp_path: Path) -> None:
    for file in (tmp_path / "archives").iterdir():
        file.unlink()


def told(job: Job) -> GivenUp:
    assert (job.state, job.outcome) == (JobState.ENDED, Outcome.GIVEN_UP), job
    assert job.receipt is not None
    receipt = receipt_of(job.receipt)
    assert (receipt.outcome, receipt.parts) == (Outcome.GIVEN_UP, ())
    assert receipt.given_up is not None
    return receipt.given_up


def staged(kato: Deployment) -> list[str]:
    assert kato.targets.clickhouse is not None
    found = kato.targets.clickhouse.query("SHOW TABLES LIKE 'kato_tenants_%'")
    return [name for (name,) in found.result_rows]


def test_killed_half_way_and_its_archive_gone_it_is_given_up(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint], tmp_path: Path
) -> None:
    """What it put aside is removed, nothing else, and whoever ran it writes nothing any more."""
    job = begun(services)
    without = prints()
    environment = {
        **kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"],
        "KATO_TENANTS_ARCHIVES": str(tmp_path / "archives"),
    }  # fmt: skip
    assert go_on(environment, job.id, StepName.ROWS, "half") == -signal.SIGKILL
    assert staged(kato)
    delete_archives(tmp_path)
    with pytest.raises(JobRefused):  # that process has it still, for all that anybody knows
        services.restore.give_up(job.id, by="bob", reason=GONE)
    with services.database.begin() as later:
        later.exec_driver_sql("UPDATE job SET leased_until = NULL, owner = ''")
    assert services.restore.run_here(job.id).state is JobState.FAILED
    now = services.now()
    zombie = services.job_book.lease(job.id, "late", at=now, until=now, halted=True)
    assert zombie is not None
    there = prints()
    found = told(services.restore.give_up(job.id, by="bob", reason=f" {GONE} "))
    assert (found.by, found.reason, found.begun) == ("bob", GONE, ("patterns",))
    assert found.dropped == 1
    assert staged(kato) == []
    assert prints() == there
    plan = services.archive.plan(Request(Target(ACME)))
    rows = sum(item.count for item in plan.items if item.store is Measure.PATTERNS)
    assert found.there == {Measure.PATTERNS: rows, Measure.KEYS: 0, Measure.SESSIONS: 0,
                           Measure.VECTORS: 0}  # fmt: skip
    assert rows
    with pytest.raises(LeaseLost):
        services.job_book.say(job.id, Progress("on"), lease=zombie)
    assert services.work.holder(held_names([ACME], job.plan["kb_ids"])) is None
    erased(services)  # whatever is to be done with that tenant can be done again
    assert prints() == without
    assert job_json(services.restore.job(job.id))["outcome"] == "given up"


def test_what_a_store_that_is_down_has_is_unknown_and_its_tables_are_said_to_be_there(
    services: Services, kato: Deployment
) -> None:
    job = begun(services)
    lost = StoreUnavailable("qdrant", "writing", "down for good")
    with patch.object(VectorWriting, "write", side_effect=lost):
        assert services.restore.run_here(job.id).state is JobState.FAILED
    kato.fail("clickhouse", "down")
    kato.fail("qdrant", "down")
    found = told(services.restore.give_up(job.id, by="bob", reason=GONE))
    assert found.begun == ("patterns", "vectors")
    assert found.dropped is None
    assert found.there == {
        Measure.PATTERNS: None, Measure.VECTORS: None, Measure.KEYS: 0, Measure.SESSIONS: 0
    }  # fmt: skip
    assert services.work.holder(held_names([ACME], job.plan["kb_ids"])) is None


def test_one_that_wrote_nothing_says_so_and_one_that_runs_or_ended_is_not_given_up(
    services: Services, tmp_path: Path
) -> None:
    """A reason is needed, and what ended stays what it came to."""
    job = begun(services)
    delete_archives(tmp_path)
    for reason in ("", " "):
        with pytest.raises(JobRefused):
            services.restore.give_up(job.id, by="bob", reason=reason)
    assert services.restore.run_here(job.id).state is JobState.FAILED
    found = told(services.restore.give_up(job.id, by="bob", reason=GONE))
    assert (found.begun, found.there, found.dropped) == ((), {}, 0)
    with pytest.raises(JobRefused):
        services.restore.give_up(job.id, by="bob", reason=GONE)
    with pytest.raises(JobRefused):
        services.restore.resume(job.id)


def test_a_process_that_wakes_up_after_it_was_given_up_writes_nothing(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had the job, was away until its lease was over, and goes on where it was."""
    job, real = begun(services), KeyWriting.write
    monkeypatch.setattr(run, "_SAY_SECONDS", 0.0)  # it was away for longer

    def awake(self: KeyWriting, keys: Iterable[TypedKey]) -> KeysWritten:
        with services.database.begin() as later:
            later.exec_driver_sql("UPDATE job SET leased_until = NULL, owner = ''")
        told(services.restore.give_up(job.id, by="bob", reason=GONE))
        return real(self, keys)

    monkeypatch.setattr(KeyWriting, "write", awake)
    ended = services.restore.run_here(job.id)
    assert told(ended).begun == ("patterns", "vectors", "keys")
    assert kato.targets.redis is not None
    assert not list(kato.targets.redis.scan_iter(match="tenant_acme_user_*", count=1000))


def test_parking_whose_restore_was_given_up_can_be_given_up_or_begins_another(
    services: Services, tmp_path: Path
) -> None:
    """A tenant that is parked stays so: what was given up is never taken for brought back."""
    services.parking.run_here(
        services.parking.park(services.parking.plan(GLOBEX), by="ada", reason=WHY).id
    )
    job = services.parking.unpark(GLOBEX, by="ada", reason=WHY)
    lost = StoreUnavailable("qdrant", "writing", "down for good")
    with patch.object(VectorWriting, "make", side_effect=lost):
        assert services.parking.run_here(job.id).state is JobState.FAILED
    (restore,) = services.restore.jobs()
    told(services.restore.give_up(restore.id, by="bob", reason=GONE))
    services.parking.resume(job.id)
    with patch.object(VectorWriting, "make", side_effect=lost):
        assert services.parking.run_here(job.id).state is JobState.FAILED
    assert services.parking.parked(GLOBEX) is not None
    newest, _ = services.restore.jobs()
    told(services.restore.give_up(newest.id, by="bob", reason=GONE))
    assert services.parking.abandon(job.id).outcome == "abandoned"
    assert services.parking.parked(GLOBEX) is not None
    again = services.parking.unpark(GLOBEX, by="ada", reason=WHY)
    assert services.parking.run_here(again.id).outcome == "restored"
