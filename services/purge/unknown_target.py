"""A target of which nothing was ever seen: it is refused, with the names that are nearest. Pure."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable

from services.errors import PurgeRefused
from services.purge.models import Names, Target
from services.purge.target import may_be, wants
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership

_MOST = 3
_NEAR = 0.75  # of difflib's ratio: one letter more or less in four


def refuse_unseen(
    target: Target, names: Names, ownership: Ownership, found: Collection[str]
) -> None:
    """Raise PurgeRefused where nothing of a target was ever seen; of many, of any of them.

    `found` are the owners of what is there: the raw id of a tenant in the guide layout, too.
    """
    unseen = _unseen(target, names, ownership, found)
    if unseen is not None:
        raise PurgeRefused(_words(unseen, nearest(unseen, names, ownership)))


def nearest(target: Target, names: Names, ownership: Ownership) -> tuple[str, ...]:
    """Return the names that were seen and are most like a target's, the most like first."""
    wanted = _own(target)
    folded: dict[str, list[str]] = {}
    for name in sorted(_known(target, names, ownership)):
        folded.setdefault(_folded(name), []).append(name)
    near = difflib.get_close_matches(_folded(wanted), list(folded), _MOST, _NEAR)
    return tuple(name for each in near for name in folded[each] if name != wanted)[:_MOST]


def _unseen(
    target: Target, names: Names, ownership: Ownership, found: Collection[str]
) -> Target | None:
    if target.whole:
        lacking = _lacking(target, names, ownership, found)
        return Target(lacking[0]) if lacking else None
    if any(wants(target, node, ownership) for node in ownership.nodes):
        return None
    kb_ids = (*names.kb_ids, *ownership.nodes_by_kb)
    return None if any(map(may_be(target, ownership), kb_ids)) else target


def _lacking(
    target: Target, names: Names, ownership: Ownership, found: Collection[str]
) -> list[TenantKey]:
    """Return the tenants that nothing names; the kb_ids are read for those alone that need it."""
    seen = {*ownership.tenants, *(TenantKey("tenant", owner) for owner in found)}
    doubtful = tuple(tenant for tenant in target.whole if tenant not in seen)
    if not doubtful:
        return []
    theirs = filter(may_be(Target(many=doubtful), ownership), names.kb_ids)
    seen |= {tenant for kb_id in theirs for tenant in ownership.kb(kb_id).tenants}
    return [tenant for tenant in doubtful if tenant not in seen]


def _tenants(names: Names, ownership: Ownership) -> set[TenantKey]:
    """Return every tenant that a node_id or a kb_id names."""
    return {tenant for kb_id in names.kb_ids for tenant in ownership.kb(kb_id).tenants} | {
        *ownership.tenants
    }


def _own(target: Target) -> str:
    if target.node_id is not None:
        return target.node_id
    return target.user if target.user is not None else str(target.tenant)


def _known(target: Target, names: Names, ownership: Ownership) -> Iterable[str]:
    if target.node_id is not None:
        return ownership.nodes
    if target.user is not None:
        read = (ownership.read_node(node) for node in ownership.nodes)
        return {each.values["user"] for each in read if each and "user" in each.values}
    return {str(tenant) for tenant in _tenants(names, ownership)}


def _folded(name: str) -> str:
    """Return a name without what people mistake: case, blanks, Unicode form, kind, accents."""
    text = unicodedata.normalize("NFKD", "".join(name.split()))
    plain = "".join(sign for sign in text if not unicodedata.combining(sign)).casefold()
    return plain.partition("/")[2] or plain


def _words(target: Target, near: tuple[str, ...]) -> str:
    words = f"nothing of {target} was ever seen here"
    return f"{words}; did you mean {' or '.join(near)}?" if near else words
