"""An archive whose process is killed, again and again, comes to the same end."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from services.archive import run
from services.archive.errors import ArchiveError
from services.archive.formats import key_of, lines_of
from services.archive.models import State
from services.bootstrap import Services
from services.errors import KatoTenantsError, LeaseLost, StoreUnavailable
from services.jobs.models import JobState
from services.purge.models import Request
from tests.features.archive.test_take import ACME, SESSION, content, folder, services
from tests.servers import archive_process
from tests.servers.deployment import Deployment

__all__ = ["folder", "services"]  # fixtures


def test_killed_after_the_deeds_of_every_step_it_comes_to_the_same(
    services: Services, folder: Path, kato: Deployment
) -> None:
    """The sessions that were ended before the first death are in it all the same."""
    plan = services.archive.plan(Request(ACME))
    there = sum(item.count for item in plan.items if item.kind == "session")
    archive = services.archive.begin(plan, by="ann", reason="leaves", quiesce=True)
    job = services.archive.job(archive)
    assert job is not None
    environment = {
        **kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"],
        "KATO_TENANTS_ARCHIVES": str(folder),
    }  # fmt: skip
    for step in job.steps:
        died = archive_process.go_on(environment, job.id, step.name)
        assert died == -signal.SIGKILL, step.name
        assert services.work.job(job.id).state is JobState.RUNNING
    assert archive_process.go_on(environment, job.id) == 0
    ended = services.archive.archive(archive.id)
    assert ended.state is State.PROVEN
    assert [each.name for each in folder.iterdir()] == [archive.name]
    manifest, parts = content(folder, ended)
    assert manifest.quiesced
    found = [key_of(line) for line in lines_of(parts["redis/sessions"])]
    records = [each for each in found if each.key.startswith(SESSION)]
    assert len(records) == there > 0
    assert all(json.loads(each.value)["node_id"] in manifest.node_ids for each in records)
    rows = sum(item.count for item in plan.items if item.kind == "patterns_data")
    assert ended.counts["clickhouse/patterns_data"] == rows
    assert services.archive.verify(archive.id).sha256 == ended.sha256


def test_a_worker_that_is_faster_than_who_begins_is_not_overwritten(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is there, and over, before whoever began it comes to keep anything else."""
    monkeypatch.setattr(
        services.work.worker, "wake",
        lambda: [services.work.run(each) for each in services.job_book.runnable(services.now())],
    )  # fmt: skip
    begun = services.archive.begin(services.archive.plan(Request(ACME)), by="ann", reason="leaves")
    kept = services.archive.archive(begun.id)
    assert (kept.state, kept.job) == (State.PROVEN, begun.job)
    assert kept.sha256


def test_where_no_job_can_be_begun_nothing_is_said_to_be_taken_for_ever(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = services.archive.plan(Request(ACME))
    down = Mock(side_effect=StoreUnavailable("records", "beginning a job", "down"))
    monkeypatch.setattr(services.work, "begin", down)
    with pytest.raises(StoreUnavailable):
        services.archive.begin(plan, by="ann", reason="leaves")
    assert services.archive.archives() == ()


@pytest.mark.parametrize("why", [LeaseLost("j"), ArchiveError("the other discarded it")])
def test_a_process_that_lost_its_job_keeps_nothing_of_it(
    services: Services, monkeypatch: pytest.MonkeyPatch, why: KatoTenantsError
) -> None:
    """What the other one came to meanwhile stays: before, it was said to have failed."""
    begun = services.archive.begin(services.archive.plan(Request(ACME)), by="ann", reason="leaves")
    real = run.DOES[run.StepName.PROVE]

    def overtaken(_: run.ArchiveWork) -> run.Result:
        monkeypatch.setitem(run.DOES, run.StepName.PROVE, real)
        with services.database.begin() as other:
            other.exec_driver_sql("UPDATE job SET owner = '', lease = lease + 1")
        assert services.archive.run_here(begun).state is State.PROVEN
        raise why

    monkeypatch.setitem(run.DOES, run.StepName.PROVE, overtaken)
    assert services.archive.run_here(begun).state is State.PROVEN


def test_one_that_is_given_up_while_its_place_cannot_be_opened_is_not_said_to_be_taken_for_ever(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job has ended: nobody could give it up, or remove it, any more."""
    begun = services.archive.begin(services.archive.plan(Request(ACME)), by="ann", reason="leaves")
    services.archive.stop(begun)
    stopped = services.archive.run_here(begun)
    assert stopped.state is State.TAKING
    gone = replace(services.archive_tools, place=Mock(side_effect=ArchiveError("no place is set")))
    monkeypatch.setattr(services.archive, "_tools", gone)
    assert services.archive.give_up(stopped)
    given = services.archive.archive(begun.id)
    assert (given.state, given.problem) == (State.FAILED, "stopped")
