"""Which tenants are being moved, and which are in another deployment, for their cards."""

from __future__ import annotations

from collections import defaultdict

from services.cards.models import Doing, State
from services.cards.ports import Doings
from services.jobs.ports import Jobs
from services.move.models import KIND, tenant_of
from services.move.ports import Book
from services.tenancy.kb_ids import TenantKey


def doings_of(jobs: Jobs, book: Book) -> Doings:
    """Return these tenants, since when, by whom, by which job. Raises StoreUnavailable."""
    found: dict[TenantKey, tuple[Doing, ...]] = defaultdict(tuple)
    for job in jobs.unended(KIND):
        doing = Doing(State.MOVING, job.created_at, job.asked_by, job.id)
        found[tenant_of(job)] += (doing,)
    for each in book.all():
        found[each.tenant] += (Doing(State.MOVED, each.since, each.by, each.job),)
    return found
