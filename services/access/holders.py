"""Which tenants hold what an action concerns, for the gate. Pure.

Each answer names everyone who holds it or, by another reading of its name, may: who is not in
scope for all of them may not act. Total: any text or bytes have an answer, and nobody's has an
empty one, which `Viewer.sees_each` grants only to those who see all.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import (
    owners_of_collection,
)
from services.tenancy.ownership import Claim, Ownership

Holders = tuple[TenantKey, ...]


def claimants(claim: Claim) -> Holders:
    """Return everyone that a claim names: the holders, then those whom the text may mean too.

    Where tenants who were never seen may read alike, somebody without a name is among them, whom
    only those have in scope who have every tenant of that kind.
    """
    unseen = {TenantKey(each.kind, "") for each in claim.tenants} if claim.alike else set()
    return tuple(dict.fromkeys((*claim.tenants, *claim.others, *sorted(unseen, key=str))))


def holders_of_kb(kb_id: str, ownership: Ownership) -> Holders:
    """Return who holds the data under a kb_id."""
    return claimants(ownership.kb(kb_id))


def holders_of_node(node_id: str, ownership: Ownership) -> Holders:
    """Return who holds the data that a node_id reads and writes: its own, then its kb_id's."""
    own = claimants(ownership.node(node_id))
    return each_of(own, holders_of_kb(kb_id_of(node_id, ownership.service), ownership))


def holders_of_collection(
    name: str, ownership: Ownership, *, aliases: tuple[str, ...] = (),
    shared: frozenset[str] = frozenset(), tenant_id: str | None = None,
) -> Holders:  # fmt: skip
    """Return who holds a Qdrant collection, by its own name or by one of its aliases.

    Of one that is `shared` by payload nobody does, and who holds its points with a `tenant_id`.
    """
    if tenant_id is not None and not shared.isdisjoint((name, *aliases)):
        return claimants(ownership.named(tenant_id))
    owners = owners_of_collection((name, *aliases), shared)
    return each_of(*(claimants(ownership.owner(owner)) for owner in owners))


def each_of(*groups: Iterable[TenantKey]) -> Holders:
    """Return everyone of these groups, once, in their order."""
    return tuple(dict.fromkeys(tenant for group in groups for tenant in group))
