"""A purge whose process is killed, again and again, comes to the same end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

from services.bootstrap import Services
from services.jobs.models import JobState
from services.purge.models import Request, Target
from services.purge.steps import StepName
from tests.features.purge.fingerprint import Fingerprint
from tests.features.purge.test_purge import ACME, ACME_KBS, WHY, prints, services
from tests.servers import purge_process
from tests.servers.deployment import Deployment

__all__ = ["prints", "services"]  # fixtures

TIMES = ("at", "seconds", "versions", "job", "ended_at", "started_at", "planned_at")


def go_on(kato: Deployment, job_id: str, *point: str) -> int:
    """Go on with a job in a process of its own; its exit status."""
    data = os.environ["KATO_TENANTS_DATA"]
    more = {"KATO_TENANTS_SETTLE_SECONDS": "0", "KATO_TENANTS_DATA": data}
    return purge_process.go_on({**kato.environment, **more}, job_id, *point)


def content(receipt: str) -> dict[str, Any]:
    """A receipt without what is of the moment."""
    return {name: value for name, value in json.loads(receipt).items() if name not in TIMES}


def test_killed_at_every_point_it_comes_to_the_same_receipt(
    services: Services, kato: Deployment, prints: Callable[[], Fingerprint]
) -> None:
    """Within and after every step, one death after the other in one job.

    Before one too: what is not done by then is done as what was not journaled.
    """
    before = prints()
    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    for number, step in enumerate(job.steps):
        for when in ("within", "after") if number else ("before", "within", "after"):
            assert go_on(kato, job.id, step.name.value, when) == -signal.SIGKILL, (step.name, when)
            so_far = services.purge.job(job.id)
            assert so_far.state is JobState.RUNNING
            assert so_far.outcome is None
            known = json.loads(services.purge.receipt_text(job.id))
            looked = so_far.step(StepName.VERIFY)
            if looked is None or not looked.result:
                assert known["outcome"] == "unknown"
    assert go_on(kato, job.id) == 0
    ended = services.purge.job(job.id)
    assert ended.state is JobState.ENDED
    after, gone = prints(), frozenset(ACME_KBS)
    assert after.residue(gone) == 0
    assert after.without(gone) == before.without(gone)
    receipt = content(services.purge.receipt_text(job.id))
    assert receipt["outcome"] == "erased"
    expected = {store.value: plan.total(store) for store in plan.request.stores}
    for store, figures in receipt["stores"].items():
        assert figures == {
            "planned": expected[store], "deleted": expected[store],
            "absent": 0, "failed": 0, "left": 0,
        }  # fmt: skip


def test_a_dead_process_job_is_taken_over(services: Services, kato: Deployment) -> None:
    """A worker finds it once its lease is over, wherever it died: above it dies everywhere."""
    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    assert go_on(kato, job.id, StepName.PATTERNS.value, "within") == -signal.SIGKILL
    assert services.purge.run_here(job.id).state is JobState.ENDED
