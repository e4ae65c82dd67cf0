"""Which tenants are being archived, for their cards."""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from services.archive.models import Archive
from services.cards.models import Doing, State
from services.cards.ports import Doings
from services.tenancy.kb_ids import TenantKey


class UnendedArchives(Protocol):
    """What tells which archives are being taken."""

    def taking(self) -> tuple[Archive, ...]:
        """Return every archive that is being taken, oldest first. Raises StoreUnavailable."""


def doings_of(book: UnendedArchives) -> Doings:
    """Return the tenants that are being archived as a whole, since when, by whom, by which job."""
    found: dict[TenantKey, tuple[Doing, ...]] = defaultdict(tuple)
    for archive in book.taking():
        doing = Doing(State.ARCHIVING, archive.created_at, archive.by, archive.job)
        for tenant in archive.target.whole:
            found[tenant] += (doing,)
    return found
