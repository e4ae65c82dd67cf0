"""Moves between two whole deployments: everything arrives, to the byte, and nothing else changes."""

from __future__ import annotations

from collections.abc import Hashable

from services.bootstrap import Services
from services.jobs.models import Job, JobState
from services.move.models import Outcome, Phase, phase_of
from services.purge.models import Request, Target
from tests.features.move.conftest import OTHER, Prints
from tests.features.purge.fingerprint import Fingerprint
from tests.features.restore.test_restore import ACME, WHY


def begun(services: Services) -> Job:
    plan = services.move.plan(ACME, OTHER)
    assert not plan.in_the_way, plan.in_the_way
    return services.move.begin(plan, by="ada", reason=WHY)


def copied(services: Services) -> Job:
    job = services.move.run_here(begun(services).id)
    assert phase_of(job) is Phase.WAITING, job
    return job


def cut_over(services: Services, job: Job) -> Job:
    services.move.cut_over(job.id, by="ann")
    return services.move.run_here(job.id)


def sessions(prints: Fingerprint) -> frozenset[Hashable]:
    return prints.keys[""]


def gone(services: Services) -> frozenset[str]:
    return services.purge.plan(Request(Target(ACME))).surface.kb_ids


def test_a_tenant_moves_and_everybody_else_stays_as_they_were(
    services: Services, here: Prints, there: Prints
) -> None:
    mine = gone(services)
    theirs = mine | {""}  # sessions
    before, other = here(), there()
    assert other.residue(mine) == 0
    job = copied(services)
    assert here() == before
    copy = there()
    assert copy.without(theirs) == other.without(theirs)
    assert copy.residue(mine) == before.residue(mine)
    done = cut_over(services, job)
    assert (done.state, done.outcome) == (JobState.ENDED, Outcome.MOVED), done.problem
    assert there() == copy
    away = here()
    assert away.residue(mine) == 0
    assert away.without(theirs) == before.without(theirs)
    assert sessions(before) - sessions(away) == sessions(copy) - sessions(other) != set()
