"""Which tenants hold what an action concerns, for the gate. Pure.

Each answer names everyone who holds it or, by another reading of its name, may: who is not in
scope for all of them may not act. Total: any text or bytes have an answer, and nobody's has an
empty one, which `Viewer.sees_each` grants only to those who see all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.browse.models import Holding, Space
from services.isolation.models import Finding
from services.purge.models import Plan
from services.sessions.landing import Landing
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import (
    SESSION_PREFIX,
    Owner,
    OwnerKind,
    owners_of_collection,
    read_collection,
    read_key,
    text_of,
)
from services.tenancy.ownership import Claim, Ownership
from services.usage.readings import SessionRecord

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
    return _each(own, holders_of_kb(kb_id_of(node_id, ownership.service), ownership))


def holders_of_session(record: SessionRecord, ownership: Ownership) -> Holders:
    """Return who holds a session's record, which is its tenant's own on whatever kb_id it is.

    What the session reads and writes is more: for that ask `holders_of_node`.
    """
    return claimants(ownership.owner(record.owner))


def holders_of_key(
    key: bytes, ownership: Ownership, *, sessions: Mapping[str, SessionRecord] | None = None
) -> Holders:
    """Return who holds a Redis key. `sessions` are the records by key: KATO's do not name one."""
    name = read_key(key, ownership.service)
    if name.kind == "session" and key.startswith(SESSION_PREFIX):
        record = (sessions or {}).get(text_of(key))
        return () if record is None else holders_of_session(record, ownership)
    if not name.sure and not ownership.is_kb(name.owner.name):
        return ()
    return claimants(ownership.owner(name.owner))


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
    return _each(*(claimants(ownership.owner(owner)) for owner in owners))


def holders_of_holding(tenant: TenantKey, holding: Holding, ownership: Ownership) -> Holders:
    """Return who holds one name that a tenant is looked into by, with its points."""
    own = claimants(ownership.owner(holding.owner))
    points = (_holders_of_space(space, ownership) for space in holding.spaces)
    return _each((tenant,), holding.shared_with, own, *points)


def _holders_of_space(space: Space, ownership: Ownership) -> Holders:
    if space.tenant_id is not None:
        return claimants(ownership.named(space.tenant_id))
    return holders_of_collection(space.collection, ownership, aliases=space.aliases)


def holders_of_plan(plan: Plan, ownership: Ownership) -> Holders:
    """Return everyone whose data a purge takes; what it leaves out is another's and stays.

    Empty, and so only for those who see all, where it concerns everyone: a user of all tenants
    is looked for in each, and KATO's streams hold everyone's observations.
    """
    target, surface = plan.request.target, plan.surface
    if not target.tenants or plan.request.trim_streams:
        return ()
    kb_ids = surface.kb_ids | plan.request.included
    nodes = {*surface.nodes, *(node for _, node in surface.sessions)}
    if target.node_id is not None:
        nodes.add(target.node_id)
    owners = [Owner(OwnerKind.KB, name) for name in sorted(kb_ids)]
    owners += [Owner(OwnerKind.NODE, name) for name in sorted(nodes)]
    owners += [Owner(OwnerKind.TENANT, name) for name in sorted(surface.tenant_ids)]
    owners += [read_collection(name).owner for name in sorted(surface.collections)]
    holders = (claimants(ownership.owner(owner)) for owner in owners)
    told = tuple(TenantKey.written(tenant) for tenant in sorted(set(plan.whose.values())))
    losers = (each.losers for each in plan.taken)
    return _each(target.tenants, told, *losers, *holders)


def holders_of_landing(landing: Landing) -> Holders:
    """Return on whose memory a new session would land, whoever it is named after first."""
    return _each((landing.tenant,), landing.others, claimants(landing.claim))


def holders_of_finding(finding: Finding, ownership: Ownership) -> Holders:
    """Return whom a finding concerns; empty for one about a store or the fleet."""
    if not finding.tenants:
        return ()
    return _each(finding.tenants, *(holders_of_kb(kb_id, ownership) for kb_id in finding.kb_ids))


def _each(*groups: Iterable[TenantKey]) -> Holders:
    return tuple(dict.fromkeys(tenant for group in groups for tenant in group))
