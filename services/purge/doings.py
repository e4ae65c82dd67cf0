"""Which tenants are being purged, for their cards."""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from services.cards.models import Doing, State
from services.cards.ports import Doings
from services.purge.job import Job
from services.tenancy.kb_ids import TenantKey


class UnendedJobs(Protocol):
    """What tells which purges are under way."""

    def unended(self) -> tuple[Job, ...]:
        """Return every job that has not ended, oldest first. Raises StoreUnavailable."""


def doings_of(jobs: UnendedJobs) -> Doings:
    """Return the tenants that are being purged as a whole, since when, by whom, by which job.

    One that was stopped or failed is among them: its target takes no sessions until it ends.
    """
    found: dict[TenantKey, tuple[Doing, ...]] = defaultdict(tuple)
    for job in jobs.unended():
        doing = Doing(State.PURGING, job.created_at, job.asked_by, job.id)
        for tenant in job.plan.request.target.whole:
            found[tenant] += (doing,)
    return found
