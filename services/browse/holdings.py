"""What may be looked into for one tenant, as the snapshot has it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from services.browse.models import Holding, Scope, Space
from services.errors import NotThisTenants
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import NOBODY, Owner, OwnerKind, bytes_of, read_key
from services.usage.readings import CollectionUsage
from services.usage.snapshot import KbUsage, Snapshot, TenantUsage


def scope_of(snapshot: Snapshot, usage: TenantUsage) -> Scope:
    """Return everything of one tenant: its own first, then what it holds with others."""
    tenant, collections = usage.tenant, {each.name: each for each in snapshot.collections}
    own = [part for part in usage.parts if not (part.is_kb and part.name in usage.shared)]
    shared = [part for part in snapshot.shared if tenant in part.claim.tenants]
    return Scope(tenant, tuple(_holdings([*own, *shared], tenant, collections)))


def _holdings(
    parts: Iterable[KbUsage], tenant: TenantKey, collections: Mapping[str, CollectionUsage]
) -> Iterator[Holding]:
    for part in parts:
        by_kb = Owner(OwnerKind.KB, part.name)
        guides = Owner(OwnerKind.TENANT, tenant.id) if part.is_guides else NOBODY
        owner = by_kb if part.is_kb else guides
        spaces = tuple(_space(name, owner, collections.get(name)) for name in part.collections)
        others = tuple(other for other in part.claim.tenants if other != tenant)
        yield Holding(part.name, owner, spaces, others)


def _space(name: str, owner: Owner, collection: CollectionUsage | None) -> Space:
    """Confine a collection that others share in, by payload, to the owner's points."""
    if collection is None:
        return Space(name)
    split = collection.points_by_tenant is not None
    return Space(name, owner.name if split else None, collection.aliases)


def kb_holdings(scope: Scope) -> tuple[Holding, ...]:
    """Return the knowledge bases of a tenant, those that it holds with others too."""
    return tuple(each for each in scope.holdings if each.owner.kind is OwnerKind.KB)


def holding_of_kb(scope: Scope, kb_id: str) -> Holding:
    """Return the holding of a kb_id. Raises NotThisTenants."""
    return _held(scope, Owner(OwnerKind.KB, kb_id), f"the kb_id {kb_id!r}")


def holdings_of_kb(scopes: Iterable[Scope], kb_id: str) -> tuple[tuple[Scope, Holding], ...]:
    """Return every scope that has a kb_id, with its holding of it. Raises NotThisTenants."""
    owner = Owner(OwnerKind.KB, kb_id)
    found = tuple((s, each) for s in scopes for each in s.holdings if each.owner == owner)
    if not found:
        raise NotThisTenants(f"the kb_id {kb_id!r} is of none of these tenants")
    return found


def holding_of_owner(scope: Scope, owner: Owner) -> Holding:
    """Return the holding of an owner as keys name it. Raises NotThisTenants."""
    return _held(scope, owner, f"what belongs to {owner.name!r}")


def holding_of_key(scope: Scope, key: str, *, service: str) -> Holding:
    """Return the holding that a Redis key is of. Raises NotThisTenants."""
    return _held(scope, read_key(bytes_of(key), service).owner, f"the key {key!r}")


def holding_of_space(scope: Scope, space: Space) -> Holding:
    """Return the holding that a space is of. Raises NotThisTenants."""
    for holding in scope.holdings:
        if space in holding.spaces:
            return holding
    raise NotThisTenants(f"the collection {space.collection!r} is not of {scope.tenant}")


def _held(scope: Scope, owner: Owner, what: str) -> Holding:
    for holding in scope.holdings:
        if holding.owner == owner:
            return holding
    raise NotThisTenants(f"{what} is not of {scope.tenant}")
