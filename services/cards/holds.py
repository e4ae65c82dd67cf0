"""Which tenants are on legal hold: what every deed that takes data away asks before each step.

A purge asks, and whatever else erases or moves: retention, parking, moving. It is read anew each
time, so that a hold that somebody sets stops what is under way at its next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.cards.models import Held, OnHold
from services.tenancy.kb_ids import TenantKey

Holds = Callable[[], tuple[Held, ...]]
"""Returns every hold there is now, read anew. Raises StoreUnavailable: then nothing may go."""


def held_among(tenants: Iterable[TenantKey], holds: Holds) -> tuple[Held, ...]:
    """Return which of these tenants are on hold, why, since when and by whom.

    Raises StoreUnavailable where that cannot be read: whoever erases must not go on then.
    """
    asked = set(tenants)
    return tuple(each for each in holds() if each.tenant in asked)


def refuse_held(tenants: Iterable[TenantKey], holds: Holds) -> None:
    """Raise OnHold where one of these tenants is on hold, and StoreUnavailable."""
    for each in held_among(tenants, holds):
        raise OnHold(str(each.tenant), each.hold.reason)
