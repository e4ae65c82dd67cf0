"""An archive is removed by hand, and each thing that may need it stops that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.main import app
from services import bootstrap
from services.archive.errors import ArchiveError
from services.archive.models import Archive, State
from services.bootstrap import Services
from services.cards.models import Held, Hold, OnHold
from services.parking.models import Parked
from services.purge.models import Request, Target
from services.settings.environment import Settings, load_settings
from services.tenancy.kb_ids import TenantKey, held_names

ACME = TenantKey("tenant", "acme")


@pytest.fixture
def services(kato_settings: Settings, tmp_path: Path) -> Iterator[Services]:
    settings = kato_settings.model_copy(update={"archives": SecretStr(str(tmp_path / "archives"))})
    with closing(bootstrap.build(settings)) as found:
        yield found


def taken(services: Services) -> Archive:
    plan = services.archive.plan(Request(Target(tenant=ACME)))
    return services.archive.run_here(services.archive.begin(plan, by="ann", reason="leaves"))


def test_its_file_goes_and_who_removed_it_stays_until_nothing_needs_it(
    services: Services, tmp_path: Path
) -> None:
    archive, inner = taken(services), services.archive
    file = tmp_path / "archives" / archive.name
    parked = Parked(
        ACME, services.now(), "ann", "x", archive.id, archive.name, 1, "p", "erased", "j"
    )
    services.parking_book.put(parked)
    with pytest.raises(ArchiveError, match="is parked in it"):
        inner.removal(archive)
    services.parking_book.put(replace(parked, archive="another"))
    for key in ("archive", "archive_id"):  # a proof, and a restore under another name
        job = services.job_book.begin(
            "other", {key: archive.id}, asked_by="ann", reason="x", names=(), steps=("do",),
            at=services.now(),
        )  # fmt: skip
        with pytest.raises(ArchiveError, match=job.id):
            inner.removal(archive)
        _ended(services, job.id)
    job = services.job_book.begin(
        "other",
        {},
        asked_by="ann",
        reason="x",
        names=held_names([ACME], ()),
        steps=("do",),
        at=services.now(),
    )
    with pytest.raises(ArchiveError, match=job.id):  # a purge that took it first, a move, a parking
        inner.removal(archive)
    _ended(services, job.id)
    found = inner.removal(archive)
    assert found.last_of == (ACME,)
    held = replace(inner._tools, holds=lambda: (Held(ACME, Hold("suit", "ada", services.now())),))
    with pytest.raises(OnHold):
        type(inner)(held, services.work).remove_by_hand(found, by="ann", reason="x")
    assert file.exists()
    inner.remove_by_hand(found, by="ann", reason="erasure 7")
    assert not file.exists()
    gone = inner.archive(archive.id)
    assert (gone.state, gone.removed_by, gone.removed_for) == (State.REMOVED, "ann", "erasure 7")
    with pytest.raises(ArchiveError, match="removed already"):
        inner.removal(gone)


def test_a_file_that_somebody_else_took_away_is_not_called_removed(
    services: Services, tmp_path: Path
) -> None:
    first, second = taken(services), taken(services)
    (tmp_path / "archives" / first.name).unlink()
    found = services.archive.removal(first)
    assert found.last_of == ()  # the other is proven
    with pytest.raises(ArchiveError, match="nothing was deleted"):
        services.archive.remove_by_hand(found, by="ann", reason="x")
    assert services.archive.archive(first.id).state is State.BROKEN
    assert (tmp_path / "archives" / second.name).exists()


def test_the_command_removes_what_its_name_was_given_for(
    kato_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kato_settings  # its environment is what counts
    monkeypatch.setenv("KATO_TENANTS_ARCHIVES", str(tmp_path / "archives"))
    with closing(bootstrap.build(load_settings())) as services:
        archive = taken(services)
    words = ["archive", "remove", archive.id, "--reason", "erasure 7"]
    without = CliRunner().invoke(app, words)
    assert without.exit_code == 1
    assert "this is the last copy" in without.output
    assert (tmp_path / "archives" / archive.name).exists()
    gone = CliRunner().invoke(app, [*words, "--confirm", archive.name, "--json"])
    assert gone.exit_code == 0, gone.output
    assert '"removed_for": "erasure 7"' in gone.output
    assert not (tmp_path / "archives" / archive.name).exists()


def _ended(services: Services, job_id: str) -> None:
    services.work.stop(job_id)
    lease = services.job_book.lease(job_id, "t", at=services.now(), until=services.now())
    assert lease is not None
    services.job_book.end(job_id, "done", {}, services.now(), lease=lease)
