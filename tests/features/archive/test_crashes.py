"""An archive whose process is killed, again and again, comes to the same end."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from services.archive.formats import key_of, lines_of
from services.archive.models import State
from services.bootstrap import Services
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
