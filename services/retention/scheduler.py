"""The thread that has policies run when they are due: once, however many dashboards there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from services.jobs.models import Job, JobState
from services.jobs.timer import Timer
from services.retention.models import Kept
from services.retention.ports import PolicyRecords
from services.retention.schedule import due
from services.retention.service import RetentionService

POLL_SECONDS = 15.0
BY = "schedule"
"""In whose name what runs by itself is logged."""

WHY = "it was due"

Logged = Callable[[Job], None]
"""Writes into the audit log that a run began by itself."""


class Scheduler:
    """Begins a run of all that is due together. It makes no call of the screen's."""

    def __init__(
        self, service: RetentionService, records: PolicyRecords, *, now: Callable[[], datetime],
        logged: Logged = lambda _: None,
    ) -> None:  # fmt: skip
        self._service, self._records, self._now = service, records, now
        self._logged = logged
        self.timer = Timer("retention", POLL_SECONDS, self.look)

    def look(self) -> Job | None:
        """Begin what is due, and return the job; None where nothing is, or another does it.

        Runs that were missed are caught up by one. A run that failed, or whose process died, is
        gone on with in place of a new one. Raises KatoTenantsError: it is tried again in a minute.
        """
        now = self._now()
        found = tuple(due(self._records.every(), now))
        if not found or not self._records.claim(found, at=now):
            return None
        job = self._gone_on_with() or self._begun(found)
        self._records.begun([each.policy for each in found], now)
        self._logged(job)
        self._service.run_soon()
        return job

    def _gone_on_with(self) -> Job | None:
        """Resume the newest run where it failed: what it holds, no other may have."""
        newest = next(iter(self._service.jobs(1)), None)
        if newest is None or newest.state is not JobState.FAILED:
            return None
        return self._service.resume(newest.id)

    def _begun(self, found: Sequence[Kept]) -> Job:
        keys = frozenset(each.policy.key for each in found)
        return self._service.begin(keys, digest="", by=BY, reason=WHY)
