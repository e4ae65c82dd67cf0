"""A purge whose plan asks for an archive erases nothing before that is proven."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from services.archive.errors import ArchiveError
from services.archive.models import Archive, State
from services.archive.run import DOES as ARCHIVE_DOES, StepName as ArchiveStep
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.jobs.models import JobState
from services.purge.job import Outcome
from services.purge.models import Request
from services.stores.records.archives import ArchiveBook
from tests.features.archive.test_take import ACME, folder, services
from tests.features.purge.fingerprint import Fingerprint
from tests.features.purge.test_purge import prints
from tests.servers.deployment import Deployment

__all__ = ["folder", "prints", "services"]  # fixtures


def test_nothing_goes_before_its_archive_is_proven(
    services: Services, folder: Path, kato: Deployment, prints: Callable[[], Fingerprint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    plain = services.purge.plan(Request(ACME))
    plan = services.purge.plan(Request(ACME, archive_first=True))
    assert plan.digest != plain.digest
    assert services.purge.planned(plan.digest).request.archive_first
    before = prints()
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason="x", asked_by="ada")

    def lies(_: object) -> None:
        raise ArchiveError("what was read back is not what was written")

    with monkeypatch.context() as patched:
        patched.setitem(ARCHIVE_DOES, ArchiveStep.PROVE, lies)
        halted = services.purge.run_here(job.id)
    assert halted.state is JobState.FAILED
    assert "read back" in halted.problem
    assert prints() == before
    services.purge.resume(job.id)
    ended = services.purge.run_here(job.id)
    assert ended.outcome is Outcome.ERASED
    (archive,) = services.archive.archives()
    assert archive.state is State.PROVEN
    assert archive.digest == plan.digest
    assert archive.counts["clickhouse/patterns_data"] > 0
    assert [each.name for each in folder.iterdir()] == [archive.name]


def test_without_a_place_such_a_plan_cannot_run(services: Services) -> None:
    services.settings = services.settings.model_copy(update={"archives": None})
    plan = services.purge.plan(Request(ACME, archive_first=True))
    assert any("KATO_TENANTS_ARCHIVES" in each for each in plan.obstacles)


def test_one_whose_begin_was_cut_off_goes_on_by_its_reason(
    services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job was there already, and the records did not say yet which one that is."""

    def cut_off(self: ArchiveBook, archive: Archive) -> None:
        raise StoreUnavailable("records", "keeping an archive", "the process was killed")

    plan = services.archive.plan(Request(ACME))
    with monkeypatch.context() as patched:
        patched.setattr(ArchiveBook, "add", cut_off)
        with pytest.raises(StoreUnavailable):
            services.archive.begin(plan, by="ada", reason="a move")
    (found,) = services.archive.begun_for("a move")
    assert services.archive.run_here(found).state is State.PROVEN
    assert len(list(folder.iterdir())) == 1
