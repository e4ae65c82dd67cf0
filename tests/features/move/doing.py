"""What tests of moves do, and hold."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from services.bootstrap import Services
from services.jobs.models import Job, Result
from services.move.models import Phase, phase_of
from services.move.run import MoveWork
from services.purge.models import Request, Target
from tests.features.move.conftest import OTHER
from tests.features.purge.fingerprint import Fingerprint
from tests.features.restore.test_restore import ACME, WHY

SESSIONS = frozenset({""})
"""By which name a fingerprint has them."""

LEARNT = "tenant_acme_user_bob_kato:frequency:[0-9a-f]*"
LATE = "tenant_acme_user_bob_kato:frequency:late"


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


def then(
    real: Callable[[MoveWork], Result], deed: Callable[[], object]
) -> Callable[[MoveWork], Result]:
    """Return a step's deeds, and what happens right after them."""

    def done(work: MoveWork) -> Result:
        found = real(work)
        deed()
        return found

    return done
