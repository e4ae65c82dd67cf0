"""Moves whose process is killed at each step, here and there: they come to the same."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from services.bootstrap import Services
from services.jobs.models import JobState
from services.move.models import MoveRefused, Outcome, Phase, phase_of
from tests.features.move.conftest import OTHER, Prints
from tests.features.move.doing import LATE, LEARNT, SESSIONS, begun, gone, sessions
from tests.features.restore.test_restore import ACME, WHY
from tests.servers.deployment import Deployment
from tests.servers.jobs_process import go_on


def environment_of(services: Services, kato: Deployment, folder: Path) -> dict[str, str]:
    return {
        **kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"],
        "KATO_TENANTS_ARCHIVES": str(folder / "archives"), "KATO_TENANTS_SETTLE_SECONDS": "0",
        "KATO_TENANTS_MOVE_TO": services.settings.move_to,
    }  # fmt: skip


def test_killed_at_every_step_it_comes_to_the_same(
    services: Services, kato: Deployment, here: Prints, there: Prints, tmp_path: Path
) -> None:
    """Two archives, and one purge here, however often its processes die on both sides."""
    mine, before, other = gone(services), here(), there()
    environment = environment_of(services, kato, tmp_path)
    job = begun(services)
    for kind, step in (
        ("move", "check"), ("archive", "take"), ("restore", "keys"), ("move", "copy"),
    ):  # fmt: skip
        assert go_on(environment, job.id, kind, step) == -signal.SIGKILL, step
        assert services.move.job(job.id).state is JobState.RUNNING
    assert go_on(environment, job.id) == 0
    assert phase_of(services.move.job(job.id)) is Phase.WAITING
    keys = kato.targets.redis  # its clients go on meanwhile
    keys.set(LATE, 1)
    keys.incr(next(keys.scan_iter(match=LEARNT, count=1000)))
    services.move.cut_over(job.id, by="ann")
    for kind, step in (
        ("archive", "end sessions"), ("move", "end sessions"), ("purge", "erase keys"),
        ("restore", "sessions"), ("move", "copy the rest"), ("move", "verify"),
        ("purge", "erase patterns"), ("move", "purge"), ("move", "remember"),
    ):  # fmt: skip
        ended = go_on(environment, job.id, kind, step)
        assert ended == -signal.SIGKILL, services.move.job(job.id)
    assert go_on(environment, job.id) == 0
    assert services.move.job(job.id).outcome == Outcome.MOVED
    assert len(services.archive.archives()) == 2
    assert len(services.purge.jobs()) == 1
    away, arrived, theirs = here(), there(), mine | SESSIONS
    assert away.residue(mine) == 0
    assert away.without(theirs) == before.without(theirs)
    assert arrived.without(theirs) == other.without(theirs)
    assert arrived.residue(mine) == before.residue(mine) + 1
    assert sessions(before) - sessions(away) == sessions(arrived) - sessions(other)
    assert not services._move_tools.there(OTHER).purges.tombstones()  # it is expected there
    moved = services.move.moved(ACME)
    assert moved is not None
    assert (moved.to, moved.by, moved.reason) == (OTHER, "ada", WHY)


def test_half_a_copy_is_given_up_and_removed_though_that_is_killed_too(
    services: Services, kato: Deployment, here: Prints, there: Prints, tmp_path: Path
) -> None:
    """Everything there is as it was before, and nothing is left aside."""
    before, other = here(), there()
    environment = environment_of(services, kato, tmp_path)
    job = begun(services)
    assert go_on(environment, job.id, "restore", "keys") == -signal.SIGKILL
    assert there() != other
    with pytest.raises(MoveRefused):
        services.move.give_up(job.id, by="ann")  # for all that is known it runs
    services.move.stop(job.id)
    assert go_on(environment, job.id) == 0
    assert services.move.job(job.id).state is JobState.STOPPED
    services.move.give_up(job.id, by="ann")
    for kind, step in (("purge", "erase keys"), ("move", "remove the copy")):
        ended = go_on(environment, job.id, kind, step)
        assert ended == -signal.SIGKILL, services.move.job(job.id).problem
    assert go_on(environment, job.id) == 0
    assert services.move.job(job.id).outcome == Outcome.GIVEN_UP
    assert (here(), there()) == (before, other)
