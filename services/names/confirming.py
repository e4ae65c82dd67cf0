"""Whose a kb_id may be confirmed to be. Pure."""

from __future__ import annotations

from services.errors import NamesError
from services.names.models import Candidate
from services.tenancy.kb_ids import TenantKey, sanitise
from services.tenancy.ownership import ClaimState, Ownership
from services.usage.snapshot import Snapshot


def candidates(
    snapshot: Snapshot, tenant: TenantKey, ownership: Ownership
) -> tuple[Candidate, ...]:
    """Return the kb_ids with data that a tenant may be confirmed to hold, by their names."""
    named = sanitise(tenant.id)
    found = [kb_id for kb_id in snapshot.kb_ids if named in sanitise(kb_id)]
    return tuple(
        Candidate(name, tenant, alone=ownership.kb(name).alone)
        for name in sorted(found)
        if not why_not(name, tenant, ownership)
    )


def check(kb_id: str, tenant: TenantKey, ownership: Ownership) -> None:
    """Raise NamesError where a tenant cannot be confirmed to hold a kb_id."""
    why = why_not(kb_id, tenant, ownership)
    if why:
        raise NamesError(f"{kb_id} cannot be confirmed to be of {tenant}: {why}")


def why_not(kb_id: str, tenant: TenantKey, ownership: Ownership) -> str:
    """Say why a tenant cannot be confirmed to hold a kb_id; empty where it can.

    A word stands against what a text could mean, and never against a node_id that was seen.
    """
    claim, word = ownership.kb(kb_id), ownership.confirmed.get(kb_id)
    if word is not None:
        return "it is already" if word.tenant == tenant else f"it is confirmed for {word.tenant}"
    seen = {ownership.tenant_of(node) for node in ownership.nodes_by_kb.get(kb_id, ())}
    if seen - {tenant}:
        return "node_ids of others were seen on it"
    if claim.state is ClaimState.KNOWN:
        return "a node_id of that tenant was seen, and it needs no word"
    named = (*claim.tenants, *claim.others)
    if not any(_reads_as(tenant, each) for each in named):
        return "its text does not name that tenant"
    return ""


def _reads_as(tenant: TenantKey, other: TenantKey) -> bool:
    """Whether two tenants look the same as KATO writes them."""
    return (tenant.kind, sanitise(tenant.id)) == (other.kind, sanitise(other.id))
