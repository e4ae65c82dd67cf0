"""Restores are found by their ids, however many came after; plans say who has their names."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from services.jobs.models import Job, JobState
from services.jobs.ports import Jobs
from services.jobs.service import JobsService
from services.purge.models import Target
from services.restore.models import Held, Plan, RestoreRefused
from services.restore.service import RestoreService
from tests.unit.restore.test_held import BOB, CAT, DASH, KB_BOB, KB_CAT, LINE, owners

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def service_of(jobs: Jobs) -> RestoreService:
    return RestoreService(cast("Any", None), JobsService(jobs, {}))


@pytest.fixture
def old_jobs() -> Jobs:
    """Has one restore and one archive, and lists neither among its newest."""
    kept = {each: Job(each, each, {}, "ada", "OPS-1", NOW, JobState.FAILED) for each in
            ("restore", "archive")}  # fmt: skip
    jobs = Mock(spec=Jobs)
    jobs.job.side_effect, jobs.all.return_value = kept.get, ()
    return cast("Jobs", jobs)


def test_a_restore_is_found_that_is_not_among_the_newest(old_jobs: Jobs) -> None:
    assert service_of(old_jobs).job("restore").id == "restore"


@pytest.mark.parametrize("job_id", ["archive", "nothing"])
def test_what_is_no_restore_is_none(old_jobs: Jobs, job_id: str) -> None:
    with pytest.raises(RestoreRefused):
        service_of(old_jobs).job(job_id)


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
