"""What is known, and guessed, of names near a new tenant's. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.sessions.landing import Landing
from services.setup.models import Clash, ClashKind
from services.tenancy.claims import ClaimState
from services.tenancy.kb_ids import TenantKey, sanitise
from services.usage.snapshot import Snapshot

_TOLD = (ClaimState.KNOWN, ClaimState.CONFIRMED, ClaimState.SHARED)
"""Whose data is then is known: one tenant's, or several tenants'."""

MOST = 50
"""How many names of one clash are told."""


def clashes(landing: Landing, snapshot: Snapshot | None) -> tuple[Clash, ...]:
    """Return what there is; only what the viewer of both may see is in them."""
    return (*_landing(landing), *stored(landing.tenant, snapshot))


def stored(tenant: TenantKey, snapshot: Snapshot | None) -> tuple[Clash, ...]:
    """Return what the figures have near a tenant's name; nothing where there are none."""
    return () if snapshot is None else tuple(_stored(tenant, snapshot))


def _landing(landing: Landing) -> Iterator[Clash]:
    if landing.others:
        yield Clash(ClashKind.SHARED, landing.others, (landing.kb_id,))
    if landing.erased is not None:
        yield Clash(ClashKind.ERASED, (landing.tenant,), (landing.kb_id,))
    if landing.alike:
        yield Clash(ClashKind.ALIKE, landing.alike)


def _stored(tenant: TenantKey, snapshot: Snapshot) -> Iterator[Clash]:
    own = snapshot.tenant(tenant)
    if own is not None:
        yield Clash(ClashKind.THERE, (tenant,), own.kb_ids[:MOST])
    guessed = tuple(_guessed(tenant, snapshot))
    if guessed:
        yield Clash(ClashKind.GUESSED, (), guessed[:MOST])
    near = tuple(_prefixed(tenant, snapshot))
    if near:
        yield Clash(ClashKind.PREFIX, near[:MOST])


def _guessed(tenant: TenantKey, snapshot: Snapshot) -> Iterator[str]:
    """Yield the kb_ids that may be read as the tenant's, and are not known to be."""
    same = sanitise(tenant.id)
    for part in snapshot.parts:
        claim = part.claim
        named = (*claim.tenants, *claim.others)
        reads = any(each.kind == tenant.kind and sanitise(each.id) == same for each in named)
        if part.is_kb and reads and claim.state not in _TOLD:
            yield part.name


def _prefixed(tenant: TenantKey, snapshot: Snapshot) -> Iterator[TenantKey]:
    """Yield the tenants of the same kind whose name begins with this one's, or the reverse."""
    mine = f"{sanitise(tenant.id)}_"
    for each in snapshot.tenants:
        other = f"{sanitise(each.tenant.id)}_"
        begins = other != mine and (other.startswith(mine) or mine.startswith(other))
        if begins and each.tenant.kind == tenant.kind:
            yield each.tenant
