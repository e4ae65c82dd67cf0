"""Restores are found by their ids, however many came after."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from services.jobs.models import Job, JobRefused, JobState
from services.restore.errors import RestoreRefused
from services.restore.service import RestoreService

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
