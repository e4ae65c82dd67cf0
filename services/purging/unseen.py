"""A target of which nothing was ever seen: it is refused, with the names that are nearest. Pure."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable

from services.attribution import Ownership
from services.errors import PurgeRefused
from services.identity import TenantKey
from services.purging.models import Names, Target
from services.purging.targeting import may_be, wants

_MOST = 3
_NEAR = 0.75  # of difflib's ratio: one letter more or less in four


def refuse_unseen(
    target: Target, names: Names, ownership: Ownership, found: Collection[str]
) -> None:
    """Raise PurgeRefused where nothing of a target was ever seen; of many, of any of them.

    `found` are the owners of what is there: the raw id of a tenant in the guide's layout, too.
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
    if target.whole and _is_seen(target, names, ownership, found):
        return None
    if target.whole:
        seen = _tenants(names, ownership) | {TenantKey("tenant", owner) for owner in found}
        lacking = next((tenant for tenant in target.whole if tenant not in seen), None)
        return None if lacking is None else Target(lacking)
    if any(wants(target, node, ownership) for node in ownership.nodes):
        return None
    kb_ids = (*names.kb_ids, *ownership.nodes_by_kb)
    return None if any(may_be(target, kb_id, ownership) for kb_id in kb_ids) else target


def _is_seen(target: Target, names: Names, ownership: Ownership, found: Collection[str]) -> bool:
    """Whether one tenant was seen, told without reading every kb_id; of many this is not told."""
    tenant = target.tenant
    if tenant is None:
        return False
    if tenant in ownership.tenants or (tenant.kind == "tenant" and tenant.id in found):
        return True
    return any(may_be(target, kb_id, ownership) for kb_id in names.kb_ids)


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
