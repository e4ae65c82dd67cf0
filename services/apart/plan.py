"""What taking a shared kb_id apart would do: who shares it, what can be told apart, what stays.

Nothing is written. Every pattern of the kb_id is looked at once, and the keyspace once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from services.apart.errors import ApartRefused
from services.apart.evidence import Alone, Pattern, Why
from services.apart.models import By, Cost, Goes, Plan, Share, Stay, Stays, Trust, Words
from services.apart.naming import proposed, why_not
from services.apart.ports import KeysFound, Rows
from services.apart.tools import Tools
from services.cards.holds import held_among, refuse_held
from services.errors import StoreNotConfigured
from services.figures import Measure
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import PATTERN_KINDS, text_of
from services.tenancy.ownership import Ownership


@dataclass
class Sorted:
    """How many patterns of a kb_id can be told apart, and what is named by these."""

    told: int = 0
    keys: int = 0
    stays: Counter[Why] = field(default_factory=Counter)
    vectors: set[bytes] = field(default_factory=set)


def plan(tools: Tools, kb_id: str, words: Words) -> Plan:
    """Return what would be done. Raises ApartRefused where nothing is shared, StoreError."""
    ownership = tools.ownership()
    shares = shares_of(kb_id, ownership, words)
    nodes = [node for share in shares for node in share.nodes]
    found = _survey(tools, kb_id, nodes)
    named = tuple(_named(share, words, ownership, tools) for share in shares)
    bare = Plan(kb_id, named, (), (), Cost())
    obstacles = tuple(_obstacles(bare, words, ownership, tools))
    return replace(_figured(tools, bare, found), obstacles=obstacles)


def shares_of(kb_id: str, ownership: Ownership, words: Words) -> tuple[Share, ...]:
    """Return who shares a kb_id, and since when by what is trusted. Raises ApartRefused."""
    tenants = ownership.kb(kb_id).tenants
    if len(tenants) < 2:  # noqa: PLR2004 - several
        raise ApartRefused("no two tenants are known to share it: nothing is to be taken apart")
    unknown = [each for each in (*words.began, *words.names) if each not in tenants]
    if unknown:
        raise ApartRefused(f"{unknown[0]} does not share it")
    nodes = ownership.nodes_by_kb.get(kb_id, ())
    shares = []
    for tenant in tenants:
        own = tuple(node for node in nodes if ownership.tenant_of(node) == tenant)
        since = min((o.since for n in own if (o := ownership.origins.get(n))), default=None)
        shares.append(_trusted(Share(tenant, own, since), words))
    return tuple(shares)


def _trusted(share: Share, words: Words) -> Share:
    if share.tenant not in words.began:
        return share
    began = words.began[share.tenant]
    if began is not None:
        return replace(share, began=began, trust=Trust.WORD)
    if share.since is None:
        raise ApartRefused(f"{share.tenant} was never seen: say since when it wrote")
    return replace(share, began=share.since, trust=Trust.FIRST_SEEN)


def check(tools: Tools, plan: Plan) -> None:
    """Refuse one that is not as it was planned: somebody came to it, or a new name was taken.

    Raises ApartRefused, OnHold, StoreError.
    """
    may_go(tools, plan)
    names = {share.tenant: share.node_id for share in plan.shares if share.node_id}
    for why in _obstacles(plan, Words(names=names), tools.ownership(), tools):
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


def stored(tools: Tools, kb_id: str) -> bool:
    """Whether ClickHouse or Qdrant has anything of a kb_id; keys come with rows."""
    with suppress(StoreNotConfigured):
        if tools.rows.count(kb_id):
            return True
    with suppress(StoreNotConfigured):
        return tools.points.part(kb_id) is not None
    return False


def tell(
    tools: Tools, kb_id: str, first: Alone, sorting: Sorted | None = None
) -> Iterator[list[Pattern]]:  # fmt: skip
    """Yield the patterns that can only be the first tenant's, and count the others."""
    sorting = sorting or Sorted()
    for page in tools.rows.pages(kb_id):
        learnt = tools.keys.learnt(kb_id, [each.name for each in page])
        told = []
        for pattern, known in zip(page, learnt, strict=True):
            why = first.why(pattern, known.frequency)
            if why is not None:
                sorting.stays[why] += 1
                continue
            told.append(pattern)
            sorting.keys += known.keys
            sorting.vectors |= pattern.vectors
        sorting.told += len(told)
        yield told


def sort(tools: Tools, plan: Plan) -> Sorted:
    """Sort every pattern; without anybody who was alone each stays."""
    found = Sorted()
    with suppress(StoreNotConfigured):
        tools.flush()
        first, named = plan.alone, plan.first
        if first is None or named is None:
            found.stays[Why.ANYBODY] = _patterns(tools.rows, plan.kb_id)
            return found
        for _ in tell(tools, plan.kb_id, first, found):
            pass
    return found


def stays(tools: Tools, kb_id: str, sorting: Sorted, keys: KeysFound) -> tuple[Stays, ...]:
    """Say what stays, of each store, and why."""
    kinds = keys.kinds.get(kb_id, {})
    of_patterns = sum(kinds.get(kind, 0) for kind in PATTERN_KINDS) - sorting.keys
    mixed = sum(count for kind, count in kinds.items() if kind not in PATTERN_KINDS)
    points = _points(tools, kb_id) - _named_points(tools, kb_id, sorting)
    found = [Stays(Measure.PATTERNS, count, why) for why, count in sorted(sorting.stays.items())]
    found += [
        Stays(Measure.KEYS, of_patterns, Stay.OF_PATTERN),
        Stays(Measure.KEYS, mixed, Stay.MIXED), Stays(Measure.VECTORS, points, Stay.VECTOR),
    ]  # fmt: skip
    return tuple(each for each in found if each.count > 0)


# --- what these share ---


def _survey(tools: Tools, kb_id: str, nodes: list[str]) -> KeysFound:
    with suppress(StoreNotConfigured):
        return tools.keys.survey([kb_id], nodes)
    return KeysFound()


def _named(share: Share, words: Words, ownership: Ownership, tools: Tools) -> Share:
    """Give a tenant that has a node_id here one of its own: as was said, else as is proposed."""
    if not share.nodes:
        return share
    node = words.names.get(share.tenant) or proposed(
        share.nodes[0], ownership, lambda kb_id: stored(tools, kb_id)
    )
    return replace(share, node_id=node, kb_id=kb_id_of(node, ownership.service) if node else "")


def _obstacles(plan: Plan, words: Words, ownership: Ownership, tools: Tools) -> Iterator[str]:
    for each in held_among(plan.tenants, tools.holds):
        yield f"{each.tenant} is on legal hold"
    taken: dict[str, TenantKey] = {}
    for share in plan.shares:
        if share.nodes and not share.node_id:
            yield f"nothing can be proposed for {share.tenant}: say which node_id is to be its own"
        elif share.tenant in words.names:
            why = why_not(share.node_id, share.tenant, ownership, lambda kb: stored(tools, kb))
            if why:
                yield f"{share.tenant} cannot be {share.node_id}: {why}"
        if share.kb_id and taken.setdefault(share.kb_id, share.tenant) != share.tenant:
            yield f"{share.tenant} and {taken[share.kb_id]} would share a kb_id again"
    if not plan.moves:
        yield "no node_id of any of them was seen: nobody would know what to call it from now on"


def _figured(tools: Tools, plan: Plan, found: KeysFound) -> Plan:
    """Return a plan with how much goes and stays."""
    sorting = sort(tools, plan)
    goes = [
        Goes(Measure.SESSIONS, share.tenant, count, By.RECORD)
        for share in plan.shares
        if (count := sum(found.sessions.get(node, 0) for node in share.nodes))
    ]
    if plan.first is not None and sorting.told:
        tenant, points = plan.first.tenant, _named_points(tools, plan.kb_id, sorting)
        goes += [
            Goes(Measure.PATTERNS, tenant, sorting.told, By.TIME),
            Goes(Measure.KEYS, tenant, sorting.keys, By.PATTERN),
            *([Goes(Measure.VECTORS, tenant, points, By.PATTERN)] if points else []),
        ]
    cost = tools.rows.cost(plan.kb_id) if sorting.told else Cost()
    left = stays(tools, plan.kb_id, sorting, found)
    return replace(plan, goes=tuple(goes), stays=left, cost=cost)


def _patterns(rows: Rows, kb_id: str) -> int:
    return sum(len(page) for page in rows.pages(kb_id))


def _points(tools: Tools, kb_id: str) -> int:
    with suppress(StoreNotConfigured):
        return tools.points.count(kb_id)
    return 0


def _named_points(tools: Tools, kb_id: str, sorting: Sorted) -> int:
    with suppress(StoreNotConfigured):
        tokens = sorted(map(text_of, sorting.vectors))
        if tokens and tools.points.part(kb_id) is not None:
            return sum(1 for _ in tools.points.named(kb_id, tokens))
    return 0
