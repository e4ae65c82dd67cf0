"""What taking a shared kb_id apart would do: who shares it, what can be told apart, what stays.

Nothing is written but node_ids that were not known. Every pattern of the kb_id is looked at once,
and the keyspace once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.apart.evidence import Alone, Pattern, Why
from services.apart.models import (
    ApartRefused,
    By,
    Cost,
    Goes,
    Plan,
    Share,
    Stay,
    Stays,
    Trust,
    Words,
)
from services.apart.naming import proposed
from services.apart.obstacles import obstacles_of, stored, surveyed
from services.apart.ports import KeysFound, Learnt
from services.apart.tools import Tools
from services.errors import StoreNotConfigured
from services.figures import Measure
from services.jobs.looks import Tells, quiet
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import PATTERN_KINDS, text_of
from services.tenancy.ownership import Ownership

_LOOKING = "looking at every pattern"


@dataclass
class Sorted:
    """How many patterns of a kb_id can be told apart, and what is named by these."""

    told: int = 0
    keys: int = 0
    stays: Counter[Why] = field(default_factory=Counter)
    vectors: set[bytes] = field(default_factory=set)
    vectors_left: set[bytes] = field(default_factory=set)


def plan(tools: Tools, kb_id: str, words: Words, tells: Tells = quiet) -> Plan:
    """Return what would be done. Raises ApartRefused where nothing is shared, StoreError."""
    tells("reading the keyspace")
    found, ownership = surveyed(tools, kb_id), tools.ownership()
    shares = shares_of(kb_id, ownership, words, found.oldest)
    named = tuple(_named(share, kb_id, words, ownership, tools) for share in shares)
    figured = _figured(tools, Plan(kb_id, named, (), (), Cost()), found, tells)
    obstacles = tuple(obstacles_of(figured, words, ownership, tools))
    return replace(figured, obstacles=obstacles)


def shares_of(
    kb_id: str, ownership: Ownership, words: Words, oldest: Mapping[str, datetime]
) -> tuple[Share, ...]:  # fmt: skip
    """Return who shares a kb_id, and since when by what is trusted. Raises ApartRefused.

    Somebody was first seen when a node_id was noted, or when the `oldest` session of one that is
    still there was made.
    """
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
        noted = [origin.since for node in own if (origin := ownership.origins.get(node))]
        since = min([*noted, *(oldest[node] for node in own if node in oldest)], default=None)
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


def tell(
    tools: Tools, kb_id: str, first: Alone, sorting: Sorted | None = None
) -> Iterator[list[Pattern]]:  # fmt: skip
    """Yield the patterns that can only be the first tenant's, and count the others."""
    sorting, lacking = sorting or Sorted(), _lacks_points(tools, kb_id)
    for page in tools.rows.pages(kb_id):
        learnt = _learnt(tools, kb_id, [each.name for each in page])
        told = []
        for pattern, known in zip(page, learnt, strict=True):
            why = first.why(pattern, known.frequency)
            if why is None and lacking and pattern.vectors:
                why = Why.VECTORS
            if why is not None:
                sorting.stays[why] += 1
                sorting.vectors_left |= pattern.vectors
                continue
            told.append(pattern)
            sorting.keys += known.keys
            sorting.vectors |= pattern.vectors
        sorting.told += len(told)
        yield told


def sort(tools: Tools, plan: Plan, tells: Tells = quiet) -> Sorted:
    """Sort every pattern; without anybody who was alone each stays."""
    found = Sorted()
    with suppress(StoreNotConfigured):
        tools.flush()
        first, named = plan.alone, plan.first
        if first is None or named is None:
            for page in _telling(tells, tools.rows.pages(plan.kb_id)):
                found.stays[Why.ANYBODY] += len(page)
            return found
        for _ in _telling(tells, tell(tools, plan.kb_id, first, found)):
            pass
    return found


def stays(tools: Tools, kb_id: str, sorting: Sorted, keys: KeysFound) -> tuple[Stays, ...]:
    """Say what stays, of each store, and why."""
    kinds = keys.kinds.get(kb_id, {})
    of_patterns = sum(kinds.get(kind, 0) for kind in PATTERN_KINDS) - sorting.keys
    mixed = sum(count for kind, count in kinds.items() if kind not in PATTERN_KINDS)
    gone = _named_points(tools, kb_id, sorting.vectors - sorting.vectors_left)
    points = _points(tools, kb_id) - gone
    found = [Stays(Measure.PATTERNS, count, why) for why, count in sorted(sorting.stays.items())]
    found += [
        Stays(Measure.KEYS, of_patterns, Stay.OF_PATTERN),
        Stays(Measure.KEYS, mixed, Stay.MIXED), Stays(Measure.VECTORS, points, Stay.VECTOR),
    ]  # fmt: skip
    return tuple(each for each in found if each.count > 0)


# --- what these share ---


def _named(share: Share, kb_id: str, words: Words, ownership: Ownership, tools: Tools) -> Share:
    """Give a tenant that has a node_id here one of its own.

    As was said, else the one that it was given before, else as is proposed.
    """
    if not share.nodes:
        return share
    before = _before(tools, kb_id, share.tenant)
    node = (
        words.names.get(share.tenant)
        or before
        or proposed(share.nodes[0], ownership, lambda kb: stored(tools, kb))
    )
    kb = ownership.kb_id_of(node) if node else ""
    return replace(share, node_id=node, kb_id=kb, again=bool(node) and node == before)


def _before(tools: Tools, kb_id: str, tenant: TenantKey) -> str:
    """Return the name that a tenant was given when the kb_id was taken apart before, or nothing."""
    known = tools.book.get(kb_id)
    shares = known.shares if known is not None else ()
    return next((share.node_id for share in shares if share.tenant == tenant), "")


def _figured(tools: Tools, plan: Plan, found: KeysFound, tells: Tells) -> Plan:
    """Return a plan with how much goes and stays."""
    sorting = sort(tools, plan, tells)
    goes = [
        Goes(Measure.SESSIONS, share.tenant, count, By.RECORD)
        for share in plan.shares
        if (count := sum(found.sessions.get(node, 0) for node in share.nodes))
    ]
    if plan.first is not None and sorting.told:
        tenant, points = plan.first.tenant, _named_points(tools, plan.kb_id, sorting.vectors)
        goes += [
            Goes(Measure.PATTERNS, tenant, sorting.told, By.TIME),
            Goes(Measure.KEYS, tenant, sorting.keys, By.PATTERN),
            *([Goes(Measure.VECTORS, tenant, points, By.PATTERN)] if points else []),
        ]
    cost = tools.rows.cost(plan.kb_id) if sorting.told else Cost()
    left = stays(tools, plan.kb_id, sorting, found)
    return replace(plan, goes=tuple(goes), stays=left, cost=cost)


def _learnt(tools: Tools, kb_id: str, names: Sequence[bytes]) -> list[Learnt]:
    """Return how often patterns were learnt; without a Redis that is not known."""
    with suppress(StoreNotConfigured):
        return tools.keys.learnt(kb_id, names)
    return [Learnt(None, 0)] * len(names)


def _telling(tells: Tells, pages: Iterable[list[Pattern]]) -> Iterator[list[Pattern]]:
    """Yield pages of patterns, and tell so before each."""
    tells(_LOOKING)
    for page in pages:
        yield page
        tells(_LOOKING)


def _lacks_points(tools: Tools, kb_id: str) -> bool:
    """Whether there is no Qdrant to copy vectors from."""
    try:
        tools.points.part(kb_id)
    except StoreNotConfigured:
        return True
    return False


def _points(tools: Tools, kb_id: str) -> int:
    with suppress(StoreNotConfigured):
        return tools.points.count(kb_id)
    return 0


def _named_points(tools: Tools, kb_id: str, vectors: Collection[bytes]) -> int:
    with suppress(StoreNotConfigured):
        tokens = sorted(map(text_of, vectors))
        if tokens and tools.points.part(kb_id) is not None:
            return sum(1 for _ in tools.points.named(kb_id, tokens))
    return 0
