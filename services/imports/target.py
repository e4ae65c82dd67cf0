"""Where a tenant's rows go, and whether that is the tenant's alone. Pure."""

from __future__ import annotations

from services.access.holders import Holders, claimants
from services.imports.models import LONGEST_KEY, ImportRefused, Kind, Order, Target
from services.tenancy.claims import ClaimState
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Layout, OwnerKind, bytes_of, read_key
from services.tenancy.ownership import Ownership

_SURE = (ClaimState.KNOWN, ClaimState.CONFIRMED)
_KIND = "tenant"
_NO_NODE = "in KATO's layout data lies under a node's memory: say whose, by its node_id"
_UNSEEN = (
    "no node_id on this kb_id was seen: set the tenant up with a first session, or bring the "
    "node_id, so that what is written is surely its"
)
_COLON = "the tenant's id holds a colon: such keys would be read as another tenant's"


def target_of(order: Order, ownership: Ownership) -> Target:
    """Return where an order's rows go. Raises ImportRefused where that is not surely its alone."""
    target = _guides(order) if order.layout is Layout.GUIDE else _katos(order, ownership)
    if order.kind is Kind.VECTORS and order.collection:
        if order.layout is not Layout.GUIDE:
            raise ImportRefused("KATO's own layout has no shared collection")
        return target
    if order.kind is Kind.KEYS or (order.kind is Kind.SESSIONS and order.layout is Layout.GUIDE):
        _check_prefix(target, order.layout)
    elif order.layout is Layout.GUIDE and order.kind is Kind.PATTERNS:
        _check_alone(order.tenant, target.kb_id, ownership)
    return target


def _guides(order: Order) -> Target:
    tenant = order.tenant
    if tenant.kind != _KIND:
        raise ImportRefused("the guide layout names tenants of the kind tenant alone")
    if len(tenant.id) > LONGEST_KEY or not tenant.id.isprintable():
        raise ImportRefused("the tenant's id is too long, or has characters that nobody sees")
    name = tenant.id
    return Target(name, f"tenant_{name}", f"tenant:{name}:", f"kato_tenant_{name}")


def _katos(order: Order, ownership: Ownership) -> Target:
    if not order.node_id:
        raise ImportRefused(_NO_NODE)
    if ownership.tenant_of(order.node_id) != order.tenant:
        raise ImportRefused("the node_id is another tenant's")
    kb_id = kb_id_of(order.node_id, ownership.service)
    if order.node_id not in ownership.nodes and kb_id not in ownership.confirmed:
        raise ImportRefused(_UNSEEN)
    _check_alone(order.tenant, kb_id, ownership)
    return Target(kb_id, kb_id, f"{kb_id}:", f"vectors_{kb_id}")


def _check_alone(tenant: TenantKey, kb_id: str, ownership: Ownership) -> None:
    claim = ownership.kb(kb_id)
    if claim.tenants != (tenant,) or claim.others:
        raise ImportRefused(
            "others hold this kb_id, or may: nothing stored would tell their data from what is "
            "written"
        )


def _check_prefix(target: Target, layout: Layout) -> None:
    """Check that keys that begin so are read as the tenant's, whatever follows."""
    owner = read_key(bytes_of(f"{target.prefix}x")).owner
    wanted = OwnerKind.TENANT if layout is Layout.GUIDE else OwnerKind.KB
    if layout is Layout.GUIDE and (owner.kind, owner.name) != (wanted, target.name):
        raise ImportRefused(_COLON)


def is_own(kb_id: str, order: Order, target: Target, ownership: Ownership) -> bool:
    """Whether a kb_id that a row names is the target's, or surely the tenant's alone."""
    if kb_id == target.kb_id:
        return True
    claim = ownership.kb(kb_id)
    return claim.state in _SURE and claim.tenants == (order.tenant,) and not claim.others


def holders(order: Order, target: Target | None, ownership: Ownership) -> Holders:
    """Return whose data an order concerns, the tenant first."""
    if target is None or order.collection or order.kind is Kind.KEYS:
        return (order.tenant,)
    named = claimants(ownership.kb(target.kb_id))
    return tuple(dict.fromkeys((order.tenant, *(t for t in named if t.id))))
