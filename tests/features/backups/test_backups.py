"""Backups on a deployment of real sockets: due, proven, pruned; failed, missed and on hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from services import bootstrap
from services.archive.errors import ArchiveError
from services.archive.models import State
from services.audit_log.models import LogFilter
from services.backups.judge import failed, missed
from services.backups.models import Changes, Run, Standing
from services.backups.written import BackupError, rule_written
from services.bootstrap import Services
from services.cards.models import Held, Hold, OnHold
from services.jobs.models import JobState
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey

GLOBEX = TenantKey("tenant", "globex")
HOUR = timedelta(hours=1)
Build = Callable[[], Services]


class Clock:
    """The time as services tell it: later by as much as a test says."""

    later = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.later


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archives"


@pytest.fixture
def build(kato_settings: Settings, folder: Path, clock: Clock) -> Iterator[Build]:
    """Builds dashboards without their threads, of which each knows of the tenant globex alone."""
    settings = kato_settings.model_copy(update={"archives": SecretStr(str(folder))})
    with ExitStack() as stack:

        def built() -> Services:
            services = stack.enter_context(closing(bootstrap.build(settings, clock=clock)))
            services.backing.tenants = lambda: (GLOBEX,)
            return services

        yield built


def keep(services: Services, keep: str = "last=1", to: str = "") -> None:
    rule = rule_written("*", "0 * * * *", keep=keep, to=to)
    services.backing.service.change(Changes((rule,)), by="ann", why="")


def look(services: Services) -> tuple[Run, ...]:
    """Do what the scheduler does when its time has come, and what the worker does then."""
    begun = services.backing.scheduler.look()
    for run in begun:
        if run.archive:
            services.work.run_here(services.archive.archive(run.archive).job)
    return begun


def standing(services: Services) -> Standing:
    (found,) = services.backing.service.standings([GLOBEX])
    return found


def logged(services: Services) -> list[tuple[str, str]]:
    entries = services.logbook.page(LogFilter(actions=("back up a tenant",)))
    return [(each.event.outcome, each.event.reason) for each in reversed(entries)]


def test_what_is_due_is_taken_proven_and_takes_the_place_of_older_ones(
    build: Build, clock: Clock, folder: Path
) -> None:
    """Two dashboards begin one."""
    services, other = build(), build()
    keep(services)
    assert look(services) == ()
    clock.later = HOUR
    (first,) = look(services)
    assert look(other) == ()
    newest = standing(services).newest
    assert newest is not None
    assert newest.archive == first.archive
    assert newest.bytes > 0
    clock.later = 2 * HOUR
    (second,) = look(other)
    names = [services.archive.archive(second.archive).name]
    assert [each.name for each in folder.iterdir()] == names
    assert services.archive.archive(first.archive).state is State.REMOVED
    assert standing(services).problem == ""
    told = logged(services)
    assert [outcome for outcome, _ in told] == ["begun", "done", "begun", "done", "done"]
    assert first.archive in told[-1][1]


def test_a_place_that_cannot_be_written_is_told_and_holds_nobody_up(
    build: Build, clock: Clock, tmp_path: Path
) -> None:
    """The job ends, so that it is nobody's to resume, and the next one is taken."""
    services = build()
    blocked = tmp_path / "file"
    blocked.write_text("")
    keep(services, to=str(blocked / "folder"))
    clock.later = HOUR
    (run,) = look(services)
    found = standing(services)
    assert failed([found]) == (found,)
    assert found.newest is None
    archive = services.archive.archive(run.archive)
    assert archive.state is State.FAILED
    job = services.archive.job(archive)
    assert job is not None
    assert (job.state, job.outcome) == (JobState.ENDED, "given up")
    keep(services)
    clock.later = 2 * HOUR
    look(services)
    found = standing(services)
    assert failed([found]) == ()
    assert found.newest is not None
    assert [outcome for outcome, _ in logged(services)][:2] == ["begun", "failed"]
    assert services.archive.archive(run.archive).state is State.REMOVED


def test_one_that_nobody_began_is_missed_and_one_at_once_makes_up_for_it(
    build: Build, clock: Clock, folder: Path
) -> None:
    """Its file is not removed while it is taken, nor while its tenant is on legal hold."""
    services = build()
    with pytest.raises(BackupError):
        services.backing.service.begin_now(GLOBEX, by="ann")
    keep(services)
    clock.later = 3 * HOUR
    assert missed([standing(services)])
    run = services.backing.service.begin_now(GLOBEX, by="ann")
    assert missed([standing(services)]) == ()
    with pytest.raises(BackupError):
        services.backing.service.begin_now(GLOBEX, by="bob")
    with pytest.raises(ArchiveError):
        services.archive.remove(run.archive)
    assert services.archive.archive(run.archive).by == "ann"
    services.work.run_here(services.archive.archive(run.archive).job)
    assert look(services) == ()
    held = (Held(GLOBEX, Hold("x", "ann", clock())),)
    services.archive._tools = replace(services.archive._tools, holds=lambda: held)
    with pytest.raises(OnHold):
        services.archive.remove(run.archive)
    assert len(list(folder.iterdir())) == 1
