"""Which tenants are parked, for their cards."""

from __future__ import annotations

from services.cards.models import Doing, State
from services.cards.ports import Doings
from services.parking.ports import Book


def doings_of(book: Book) -> Doings:
    """Return the tenants that are parked, since when, by whom, by which job.

    Raises StoreUnavailable.
    """
    return {
        each.tenant: (Doing(State.PARKED, each.since, each.by, each.job),) for each in book.all()
    }
