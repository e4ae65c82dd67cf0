"""Legal holds in the way of a purge: whose data it takes, and which of these have to be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from services.access.holders import Holders, claimants, each_of
from services.cards.holds import Holds, held_among
from services.cards.models import Held
from services.errors import PurgeRefused
from services.purge.models import Plan
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Owner, OwnerKind, read_collection
from services.tenancy.ownership import Ownership


def taken_from(plan: Plan, ownership: Ownership) -> Holders:
    """Return everyone whose data a purge takes, by all that is known now.

    What it leaves out is another's and stays. KATO's streams, which are everyone's, are not
    among it.
    """
    target, surface = plan.request.target, plan.surface
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
    return each_of(target.tenants, told, *losers, *holders)


def held_in(plan: Plan, ownership: Ownership, holds: Holds) -> tuple[Held, ...]:
    """Return the holds that stand in the way of a purge now; any does where streams are emptied.

    Raises StoreUnavailable where they cannot be read: then nothing may go.
    """
    if plan.request.trim_streams:
        return holds()
    return held_among(taken_from(plan, ownership), holds)


def with_held(plan: Plan, ownership: Ownership, holds: Holds) -> Plan:
    """Return a plan that names the holds in its way, which its digest says too."""
    held = held_in(plan, ownership, holds)
    if not held:
        return plan
    names = sorted(str(each.tenant) for each in held)
    said = "\n".join((plan.digest, *names)).encode("utf-8", "surrogateescape")
    return replace(plan, held=held, digest=hashlib.sha256(said).hexdigest())


def refuse_held(plan: Plan, ownership: Ownership, holds: Holds) -> None:
    """Raise PurgeRefused where a hold stands in the way of a purge now."""
    held = held_in(plan, ownership, holds)
    if held:
        raise PurgeRefused(f"it cannot run: {first_words(held)}")


def first_words(held: Sequence[Held]) -> str:
    """Say the first few holds that stand in the way."""
    return "; ".join(map(str, held[:3]))
