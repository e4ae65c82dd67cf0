"""From what an admin asks for to the exact names that a purge goes by. Pure.

Nothing rests on a prefix: a kb_id is the target's when node_ids that were seen say so, and is
left out when they do not, unless an admin names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from services.errors import PurgeRefused
from services.figures import Measure
from services.purge.models import LeftKind, LeftOut, Names, Request, Surface, Target
from services.tenancy.kb_ids import TenantKey, sanitise
from services.tenancy.layout import Owner, OwnerKind, read_collection
from services.tenancy.ownership import Claim, ClaimState, Ownership

_USER = "user"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a request comes to: the names it goes by, and those it leaves out.

    `taken` would be left out, and was asked for by name; `whose` is the tenant of each owner that
    what is found can have, where it is the target's.
    """

    surface: Surface
    left_out: tuple[LeftOut, ...]
    taken: tuple[LeftOut, ...]
    whose: dict[str, str]


def select(
    request: Request, names: Names, ownership: Ownership, *, known: frozenset[str] = frozenset()
) -> Selection:
    """Resolve a request. Raises PurgeRefused for a target that names nothing to go by.

    `known` are kb_ids that were there before, whether or not anything of them is left.
    """
    target = request.target
    _check(target, ownership)
    found = dict(_candidates(target, {*names.kb_ids, *known}, ownership))
    strange = request.included - found.keys()
    if strange:
        raise PurgeRefused(f"not of {target}, so it cannot be included: {min(strange)}")
    doubtful = [
        replace(doubt, counts=dict(names.kb_ids.get(kb_id, dict.fromkeys(Measure, 0))))
        for kb_id, doubt in sorted(found.items())
        if doubt is not None
    ]
    taken = tuple(each for each in doubtful if takes(request, each))
    left = tuple(each for each in doubtful if not takes(request, each))
    kb_ids = frozenset(found) - {each.kb_id for each in left}
    tenant_ids = _tenant_ids(target)
    surface = Surface(
        kb_ids=kb_ids,
        tenant_ids=tenant_ids,
        nodes=frozenset(node for node in ownership.nodes if goes(request, node, ownership)),
        collections=frozenset(_collections(names, kb_ids, tenant_ids)),
        shared_collections=names.vectors.shared,
        passed_over=request.passed_over,
    )
    return Selection(surface, left, taken, _whose(target, surface, found, ownership))


def takes(request: Request, left: LeftOut) -> bool:
    """Say whether a request takes a doubtful kb_id in: by its name, or because nobody else can."""
    inferred = request.include_inferred and left.alone
    return left.kb_id in request.included or inferred


def goes(request: Request, node_id: str, ownership: Ownership) -> bool:
    """Say whether the session of a node_id goes: the target's, or of a kb_id that is included."""
    included = not request.included.isdisjoint(ownership.kb_ids_of(node_id))
    return included or wants(request.target, node_id, ownership)


def wanting(request: Request, ownership: Ownership) -> Callable[[str], bool]:
    """Return `goes` for one request and ownership, which works each node_id out once."""
    return cache(lambda node_id: goes(request, node_id, ownership))


def wants(target: Target, node_id: str, ownership: Ownership) -> bool:
    """Say whether the session of a node_id is the target's, by the node_id itself."""
    if target.node_id is not None:
        return node_id == target.node_id or (
            target.node_id in ownership.kb_ids_of(node_id)
            and ownership.tenant_of(node_id) == target.tenant
        )
    reading = ownership.read_node(node_id)
    if reading is not None and reading.others:
        return False  # the node_id names another tenant as well
    if target.user is not None:
        named = reading is not None and reading.values.get(_USER) == target.user
        return named and target.tenant in (None, ownership.tenant_of(node_id))
    return ownership.tenant_of(node_id) in target.whole


def may_be(target: Target, ownership: Ownership) -> Callable[[str], bool]:
    """Return what says whether a kb_id may be the target's, as far as is known without stores."""
    doubts = Doubts(target, ownership)
    return lambda kb_id: doubts.about(kb_id) is not None


def now_left(
    request: Request, surface: Surface, taken: Iterable[LeftOut], ownership: Ownership
) -> tuple[LeftOut, ...]:
    """Return the kb_ids of a surface that may not go, judged by who owns what now.

    What was taken in by name goes as long as nobody else would lose it than was said then.
    """
    known = {each.kb_id: frozenset(each.losers) for each in taken}
    doubts, found = Doubts(request.target, ownership), []
    for kb_id in sorted(surface.kb_ids):
        judged = doubts.about(kb_id)
        if judged is None:
            found.append(LeftOut(kb_id, "it is no longer the target's at all"))
        elif judged[0] is not None and not _told(request, judged[0], known):
            found.append(judged[0])
    return tuple(found)


def _told(request: Request, doubt: LeftOut, known: dict[str, frozenset[TenantKey]]) -> bool:
    """Whether a doubt was there when the plan was confirmed, and nobody has come to it since."""
    told = known.get(doubt.kb_id)
    return told is not None and takes(request, doubt) and told >= frozenset(doubt.losers)


def _check(target: Target, ownership: Ownership) -> None:
    named = [target.node_id is not None, target.user is not None, bool(target.many)]
    if sum(named) > 1:
        raise PurgeRefused("a node_id, a user and many tenants exclude each other")
    if target.user is not None:
        return
    if not target.tenants:
        raise PurgeRefused("name a tenant, or a user")
    if target.node_id in ownership.nodes and ownership.tenant_of(target.node_id) != target.tenant:
        raise PurgeRefused(f"{target.node_id} is not of {target.tenant}")


def _candidates(
    target: Target, there: set[str], ownership: Ownership
) -> Iterator[tuple[str, LeftOut | None]]:
    """Yield every kb_id that can be the target's, with what speaks against it."""
    doubts = Doubts(target, ownership)
    for kb_id in sorted(there | ownership.nodes_by_kb.keys()):
        found = doubts.about(kb_id)
        if found is not None:
            yield kb_id, found[0]


_Doubts = tuple[LeftOut | None] | None
"""None where a kb_id is not the target's at all."""


class Doubts:
    """Says of each kb_id what speaks against it that it goes with a target."""

    def __init__(self, target: Target, ownership: Ownership) -> None:
        self._target = target
        self._ownership = ownership
        self._whole = frozenset(target.whole)
        named = {tenant.id for tenant in target.whole}
        if target.user is not None:
            named.add(target.user)
        self._named = named | set(map(sanitise, named))

    def about(self, kb_id: str) -> _Doubts:
        """Return None where a kb_id is not the target's at all, else what speaks against it."""
        target, ownership = self._target, self._ownership
        if self._names_others_alone(kb_id):
            return None
        if target.node_id is not None:
            return _of_node(target, target.node_id, kb_id, ownership)
        claim = ownership.kb(kb_id)
        if target.user is not None:
            return _of_user(target, kb_id, claim, ownership)
        return _of_tenants(self._whole, kb_id, claim)

    def _names_others_alone(self, kb_id: str) -> bool:
        """Whether the text of a kb_id without a node_id has none of the target's names in it.

        The text is all there is to go by then, and this costs far less than to read it by every
        naming scheme.
        """
        if not self._named or kb_id in self._ownership.nodes_by_kb:
            return False
        return not any(name in kb_id for name in self._named)


def _of_tenants(wanted: frozenset[TenantKey], kb_id: str, claim: Claim) -> _Doubts:
    if wanted.isdisjoint(claim.tenants):
        return None
    if claim.state is ClaimState.INFERRED and TenantKey.of_kb(kb_id) in wanted:
        return (None,)  # it stands for itself, and was named
    return (_doubt(kb_id, claim, wanted),)


def _of_node(target: Target, node: str, kb_id: str, ownership: Ownership) -> _Doubts:
    if kb_id not in (*ownership.kb_ids_of(node), node):
        return None
    claim = ownership.kb(kb_id)
    if target.tenant not in claim.tenants:
        return None
    doubt = _doubt(kb_id, claim, frozenset(target.tenants))
    others = [one for one in ownership.nodes_by_kb.get(kb_id, ()) if one != node]
    if doubt is None and kb_id != node and others:
        why = f"other node_ids of the same tenant use it too: {', '.join(others)}"
        return (LeftOut(kb_id, why, claim.tenants),)
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
        return (LeftOut(kb_id, f"others use it too: {', '.join(others)}", losers),)
    return (_doubt(kb_id, claim, frozenset(map(ownership.tenant_of, nodes))),)


def _of_users_text(target: Target, kb_id: str, claim: Claim, ownership: Ownership) -> _Doubts:
    """Where no node_id was seen, the user can only be read out of the kb_id's text."""
    text, cut = ownership.text_of(kb_id)
    raw = ownership.read_node(text) if sanitise(text) != text else None  # else it is KATO's
    reading = raw or ownership.schemes.read_sanitised(text)
    user = target.user or ""
    wanted = user if raw is not None else sanitise(user)
    if cut or reading is None or reading.values.get(_USER) != wanted:
        return None
    if target.tenant is not None and target.tenant not in claim.tenants:
        return None
    if raw is not None and claim.state is ClaimState.KNOWN:
        return (_doubt(kb_id, claim, frozenset(claim.tenants)),)
    why = "its user is only a guess: it is read out of the kb_id's name"
    sure = claim.state is ClaimState.CONFIRMED and sanitise(reading.tenant.id) == sanitise(
        claim.tenants[0].id
    )  # whose it is, by the reading that the user comes from
    alone = (sure or claim.alone) and "_" not in wanted
    return (LeftOut(kb_id, why, claim.tenants, LeftKind.INFERRED, alone),)


def _doubt(kb_id: str, claim: Claim, wanted: frozenset[TenantKey]) -> LeftOut | None:
    """Say what speaks against it that a kb_id is wholly of the wanted tenants; None for nothing."""
    others = tuple(one for one in (*claim.tenants, *claim.others) if one not in wanted)
    if claim.state is ClaimState.SHARED and others:
        return LeftOut(kb_id, claim.why, others)
    if claim.state is ClaimState.INFERRED:
        why = f"its owner is only a guess: {claim.why}"
        return LeftOut(kb_id, why, others, LeftKind.INFERRED, alone=claim.alone)
    if others:
        return LeftOut(kb_id, "its node_id can be read as another tenant's too", others)
    return None


def _tenant_ids(target: Target) -> frozenset[str]:
    """The raw ids that the guide layout would write: only where whole tenants are named."""
    return frozenset(tenant.id for tenant in target.whole if tenant.kind == "tenant")


def _collections(names: Names, kb_ids: frozenset[str], tenant_ids: frozenset[str]) -> Iterable[str]:
    """Name the collections that would be there, and those that are, if their owner goes.

    An alias is a name that is there: KATO reads and writes through it.
    """
    wanted = {Owner(OwnerKind.KB, name) for name in kb_ids}
    wanted |= {Owner(OwnerKind.TENANT, name) for name in tenant_ids}
    shared = names.vectors.shared
    yield from (name for each in kb_ids if (name := f"vectors_{each}") not in shared)
    yield from (name for each in tenant_ids if (name := f"kato_tenant_{each}") not in shared)
    for name in (*names.vectors.collections, *names.vectors.aliases):
        if read_collection(name, shared).owner in wanted:
            yield name


def _whose(
    target: Target, surface: Surface, kb_ids: Iterable[str], ownership: Ownership
) -> dict[str, str]:
    """Return the tenant of each owner: of a shared kb_id, the first of the target's."""
    found = {kb_id: _holder(target, ownership.kb(kb_id).tenants) for kb_id in kb_ids}
    found |= {node: ownership.tenant_of(node) for node in surface.nodes}
    found |= {each: TenantKey("tenant", each) for each in surface.tenant_ids}
    return {owner: str(found[owner]) for owner in sorted(found)}


def _holder(target: Target, holders: tuple[TenantKey, ...]) -> TenantKey:
    named = next((tenant for tenant in holders if tenant in target.tenants), None)
    return named or holders[0]
