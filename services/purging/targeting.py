"""From what an admin asks for to the exact names that a purge goes by. Pure.

Nothing rests on a prefix: a kb_id is the target's when node_ids that were seen say so, and is
left out when they do not, unless an admin names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.attribution import Claim, ClaimState, Ownership
from services.errors import PurgeRefused
from services.identity import TenantKey, kb_id_of, node_text_of, sanitise
from services.names import Owner, OwnerKind, read_collection
from services.purging.models import LeftOut, Request, Surface, Target
from services.snapshot import Snapshot

_USER = "user"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a request comes to: the names it goes by, and those it leaves out.

    `tenants` are everyone whose data is named, the target's own kb_ids' holders.
    """

    surface: Surface
    left_out: tuple[LeftOut, ...]
    tenants: tuple[TenantKey, ...]


def select(request: Request, snapshot: Snapshot, ownership: Ownership) -> Selection:
    """Resolve a request. Raises PurgeRefused for a target that names nothing to go by."""
    target = request.target
    _check(target, ownership)
    found = dict(_candidates(target, snapshot, ownership))
    strange = request.included - found.keys()
    if strange:
        raise PurgeRefused(f"not of {target}, so it cannot be included: {min(strange)}")
    left = tuple(
        LeftOut(kb_id, doubt.why, doubt.losers)
        for kb_id, doubt in sorted(found.items())
        if doubt is not None and kb_id not in request.included
    )
    kb_ids = frozenset(found) - {each.kb_id for each in left}
    tenant_ids = _tenant_ids(target)
    surface = Surface(
        kb_ids=kb_ids,
        tenant_ids=tenant_ids,
        nodes=frozenset(node for node in ownership.nodes if wants(target, node, ownership)),
        collections=frozenset(_collections(snapshot, kb_ids, tenant_ids)),
        shared_collections=frozenset(
            each.name for each in snapshot.collections if each.points_by_tenant is not None
        ) if tenant_ids else frozenset(),
    )  # fmt: skip
    return Selection(surface, left, _tenants(target, surface, ownership))


def wants(target: Target, node_id: str, ownership: Ownership) -> bool:
    """Say whether the session of a node_id is the target's, by the node_id itself."""
    if target.node_id is not None:
        return node_id == target.node_id or (
            kb_id_of(node_id, ownership.service) == target.node_id
            and ownership.tenant_of(node_id) == target.tenant
        )
    reading = ownership.read_node(node_id)
    if reading is not None and reading.others:
        return False  # the node_id names another tenant as well
    if target.user is not None:
        named = reading is not None and reading.values.get(_USER) == target.user
        return named and target.tenant in (None, ownership.tenant_of(node_id))
    return ownership.tenant_of(node_id) == target.tenant


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Why a kb_id is not surely the target's alone."""

    why: str
    losers: tuple[TenantKey, ...] = ()


def _check(target: Target, ownership: Ownership) -> None:
    if target.node_id is not None and target.user is not None:
        raise PurgeRefused("a node_id and a user exclude each other")
    if target.user is not None:
        return
    if target.tenant is None:
        raise PurgeRefused("name a tenant, or a user")
    if target.node_id in ownership.nodes and ownership.tenant_of(target.node_id) != target.tenant:
        raise PurgeRefused(f"{target.node_id} is not of {target.tenant}")


def _candidates(
    target: Target, snapshot: Snapshot, ownership: Ownership
) -> Iterator[tuple[str, _Doubt | None]]:
    """Yield every kb_id that can be the target's, with what speaks against it."""
    stored = (part.name for usage in snapshot.tenants for part in usage.parts if part.is_kb)
    shared = (part.name for part in snapshot.shared)
    for kb_id in sorted({*stored, *shared, *ownership.nodes_by_kb}):
        claim = ownership.kb(kb_id)
        if target.user is not None:
            doubts = _of_user(target, kb_id, claim, ownership)
        elif target.node_id is not None:
            doubts = _of_node(target, kb_id, claim, ownership)
        else:
            doubts = _of_tenant(target, kb_id, claim, ownership)
        if doubts is not None:
            yield kb_id, doubts[0]


_Doubts = tuple[_Doubt | None] | None
"""None where a kb_id is not the target's at all."""


def _of_tenant(target: Target, kb_id: str, claim: Claim, ownership: Ownership) -> _Doubts:
    if target.tenant not in claim.tenants:
        return None
    if claim.state is ClaimState.INFERRED and target.tenant == TenantKey.of_kb(kb_id):
        return (None,)  # it stands for itself, and was named
    del ownership
    return (_doubt(claim, target.tenant),)


def _of_node(target: Target, kb_id: str, claim: Claim, ownership: Ownership) -> _Doubts:
    node = target.node_id or ""
    if kb_id not in (kb_id_of(node, ownership.service), node) or target.tenant not in claim.tenants:
        return None
    doubt = _doubt(claim, target.tenant)
    others = [one for one in ownership.nodes_by_kb.get(kb_id, ()) if one != node]
    if doubt is None and kb_id != node and others:
        why = f"other node_ids of the same tenant use it too: {', '.join(others)}"
        return (_Doubt(why, claim.tenants),)
    return (doubt,)


def _of_user(target: Target, kb_id: str, claim: Claim, ownership: Ownership) -> _Doubts:
    nodes = ownership.nodes_by_kb.get(kb_id, ())
    if not nodes:
        return _of_users_text(target, kb_id, claim, ownership)
    if not any(wants(target, node, ownership) for node in nodes):
        return None
    others = [one for one in nodes if not wants(target, one, ownership)]
    if others:
        losers = tuple(dict.fromkeys(ownership.tenant_of(node) for node in others))
        return (_Doubt(f"others use it too: {', '.join(others)}", losers),)
    return (_doubt(claim, claim.tenant),)


def _of_users_text(target: Target, kb_id: str, claim: Claim, ownership: Ownership) -> _Doubts:
    """Where no node_id was seen, the user can only be read out of the kb_id's text."""
    text, cut = node_text_of(kb_id, ownership.service)
    raw = ownership.read_node(text)
    reading = raw or ownership.schemes.read_sanitised(text)
    user = target.user or ""
    wanted = user if raw is not None else sanitise(user)
    if cut or reading is None or reading.values.get(_USER) != wanted:
        return None
    if target.tenant is not None and target.tenant not in claim.tenants:
        return None
    return (_Doubt("its user is only read out of the kb_id's text", claim.tenants),)


def _doubt(claim: Claim, tenant: TenantKey | None) -> _Doubt | None:
    others = tuple(one for one in (*claim.tenants, *claim.others) if one != tenant)
    if claim.state is ClaimState.SHARED:
        return _Doubt(claim.why, others)
    if claim.state is ClaimState.INFERRED:
        return _Doubt(f"its owner is only inferred: {claim.why}", others)
    if others:
        return _Doubt("its node_id can be read as another tenant's too", others)
    return None


def _tenant_ids(target: Target) -> frozenset[str]:
    """The raw id that the guide's layout would write: only where a whole tenant is named."""
    whole = target.node_id is None and target.user is None
    if whole and target.tenant is not None and target.tenant.kind == "tenant":
        return frozenset({target.tenant.id})
    return frozenset()


def _collections(
    snapshot: Snapshot, kb_ids: frozenset[str], tenant_ids: frozenset[str]
) -> Iterable[str]:
    """Name the collections that would be there, and those that are, if their owner goes."""
    wanted = {Owner(OwnerKind.KB, name) for name in kb_ids}
    wanted |= {Owner(OwnerKind.TENANT, name) for name in tenant_ids}
    shared = frozenset(c.name for c in snapshot.collections if c.points_by_tenant is not None)
    yield from (f"vectors_{name}" for name in kb_ids)
    yield from (name for each in tenant_ids if (name := f"kato_tenant_{each}") not in shared)
    for collection in snapshot.collections:
        if read_collection(collection.name, shared).owner in wanted:
            yield collection.name


def _tenants(target: Target, surface: Surface, ownership: Ownership) -> tuple[TenantKey, ...]:
    named = [] if target.tenant is None else [target.tenant]
    holders = (tenant for kb_id in sorted(surface.kb_ids) for tenant in ownership.kb(kb_id).tenants)
    nodes = (ownership.tenant_of(node) for node in sorted(surface.nodes))
    return tuple(dict.fromkeys([*named, *holders, *nodes]))
