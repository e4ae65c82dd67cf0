"""Restores are found by their ids, however many came after; plans say who has their names."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.jobs.models import Job, JobRefused, JobState
from services.purge.models import Target
from services.restore.errors import RestoreRefused
from services.restore.models import Held, Plan
from services.restore.service import RestoreService
from tests.unit.restore.test_held import BOB, CAT, DASH, KB_BOB, KB_CAT, LINE, owners

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class OldJobs:
    """Has one restore and one archive, and lists neither among its newest."""

    def job(self, job_id: str) -> Job:
        """Return one job."""
        if job_id not in ("restore", "archive"):
            raise JobRefused("there is none")
        return Job(job_id, job_id, {}, "ada", "OPS-1", NOW, JobState.FAILED)

    def all(self, kind: str) -> tuple[Job, ...]:
        """Return the newest jobs."""
        return ()


def test_a_restore_is_found_that_is_not_among_the_newest() -> None:
    service = RestoreService(cast("Any", None), cast("Any", OldJobs()))
    assert service.job("restore").id == "restore"


@pytest.mark.parametrize("job_id", ["archive", "nothing"])
def test_what_is_no_restore_is_none(job_id: str) -> None:
    service = RestoreService(cast("Any", None), cast("Any", OldJobs()))
    with pytest.raises(RestoreRefused):
        service.job(job_id)


def test_a_plan_of_long_ago_says_who_has_its_names_by_now() -> None:
    """Who has them decides who may begin it; as another tenant it does not run any more."""
    plan = Plan(
        "a", "a", "m", NOW, Target(DASH), DASH, (DASH,), (KB_BOB,), (BOB,), (),
        held=(Held(KB_CAT, (LINE,)),),
    )  # fmt: skip
    for ownership, held in ((owners(BOB), ()), (owners(CAT), (Held(KB_BOB, (LINE,)),))):
        tools = SimpleNamespace(ownership=lambda found=ownership: found)
        found = RestoreService(cast("Any", tools), cast("Any", None)).held_now(plan)
        assert (found.held, found.can_run) == (held, not held)
