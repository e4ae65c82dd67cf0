"""Which tenants' kb_id is being taken apart, for their cards."""

from __future__ import annotations

from collections import defaultdict

from services.apart.models import KIND
from services.cards.models import Doing, State
from services.cards.ports import Doings
from services.jobs.ports import Jobs
from services.tenancy.kb_ids import TenantKey


def doings_of(jobs: Jobs) -> Doings:
    """Return these tenants, since when, by whom, by which job. Raises StoreUnavailable."""
    found: dict[TenantKey, tuple[Doing, ...]] = defaultdict(tuple)
    for job in jobs.unended(KIND):
        from services.apart.confined import tenants_of  # noqa: PLC0415  there is seldom one

        doing = Doing(State.APART, job.created_at, job.asked_by, job.id)
        for tenant in tenants_of(job):
            found[tenant] += (doing,)
    return found
