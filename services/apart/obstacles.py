"""Why a shared kb_id cannot be taken apart, or not as it was planned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from services.apart.evidence import MARGIN
from services.apart.models import ApartRefused, Plan, Share, Words
from services.apart.naming import why_not
from services.apart.ports import KeysFound
from services.apart.tools import Tools
from services.cards.holds import held_among, refuse_held
from services.errors import StoreNotConfigured
from services.figures import Measure
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Source
from services.tenancy.ownership import Ownership


def obstacles_of(plan: Plan, words: Words, ownership: Ownership, tools: Tools) -> Iterator[str]:
    """Say what stands in the way of a plan."""
    for each in held_among(plan.tenants, tools.holds):
        yield f"{each.tenant} is on legal hold"
    for share in plan.shares:
        if share.since and share.began and share.began - share.since > MARGIN:
            yield f"{share.tenant} was seen before it is said to have begun"
        yield from _of_name(share, words, ownership, tools)
    yield from _of_names(plan)


def _of_name(share: Share, words: Words, ownership: Ownership, tools: Tools) -> Iterator[str]:
    if share.nodes and not share.node_id:
        yield f"nothing can be proposed for {share.tenant}: say which node_id is to be its own"
    elif share.tenant in words.names and not share.again:
        why = why_not(share.node_id, share.tenant, ownership, lambda kb: stored(tools, kb))
        if why:
            yield f"{share.tenant} cannot be {share.node_id}: {why}"


def _of_names(plan: Plan) -> Iterator[str]:
    taken: dict[str, TenantKey] = {}
    for share in plan.shares:
        if share.kb_id and taken.setdefault(share.kb_id, share.tenant) != share.tenant:
            yield f"{share.tenant} and {taken[share.kb_id]} would share a kb_id again"
    if plan.first is not None and plan.first.again and _has_patterns(plan):
        yield (f"patterns can only go to a name that nobody has used: say another one than "
               f"{plan.first.node_id}")  # fmt: skip
    if not plan.moves:
        yield "no node_id of any of them was seen: nobody would know what to call it from now on"


def _has_patterns(plan: Plan) -> bool:
    return any(each.store is Measure.PATTERNS for each in plan.goes)


def check(tools: Tools, plan: Plan) -> None:
    """Refuse one that is not as it was planned: somebody came to it, or a new name was taken.

    Raises ApartRefused, OnHold, StoreError.
    """
    surveyed(tools, plan.kb_id)
    may_go(tools, plan)
    names = {share.tenant: share.node_id for share in plan.shares
             if share.node_id and not share.again}  # fmt: skip
    for why in obstacles_of(plan, Words(names=names), tools.ownership(), tools):
        raise ApartRefused(f"it is not as it was planned: {why}")


def may_go(tools: Tools, plan: Plan) -> None:
    """Refuse where one of them is on legal hold by now, or somebody else shares it too.

    Raises ApartRefused, OnHold, StoreUnavailable.
    """
    refuse_held(plan.tenants, tools.holds)
    tenants = tools.ownership().kb(plan.kb_id).tenants
    new = [tenant for tenant in tenants if tenant not in plan.tenants]
    if new:
        raise ApartRefused(f"{new[0]} came to it since it was planned: plan again")


def surveyed(tools: Tools, kb_id: str) -> KeysFound:
    """Go once through the keyspace; whoever has sessions that come to the kb_id is known then.

    Raises ApartRefused where somebody was not: who may do this is to be asked anew.
    """
    ownership, found = tools.ownership(), KeysFound()
    with suppress(StoreNotConfigured):
        found = tools.keys.survey(
            [kb_id], lambda node: kb_id in ownership.kb_ids_of(node)
        )  # fmt: skip
    nodes = ownership.nodes_by_kb.get(kb_id, ())
    new = found.sessions.keys() - nodes
    if nodes and new:
        tools.saw(dict.fromkeys(new, Source.CAME.value))
        raise ApartRefused("a node_id that was not known has sessions under it: plan again")
    return found


def stored(tools: Tools, kb_id: str) -> bool:
    """Whether ClickHouse or Qdrant has anything of a kb_id; keys come with rows."""
    with suppress(StoreNotConfigured):
        if tools.rows.count(kb_id):
            return True
    with suppress(StoreNotConfigured):
        return tools.points.part(kb_id) is not None
    return False
