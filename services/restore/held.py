"""Who else has the names under which an archive is to come back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from services.restore.models import Held, Unborne
from services.sessions.landing import unfit
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


def held(
    kb_ids: Iterable[str], mine: Collection[TenantKey], ownership: Ownership
) -> Iterator[Held]:
    """Yield the kb_ids that others than `mine` hold too.

    One that none of `mine` is known to hold may be anybody's whom its text names and who is known.
    Without anybody in `mine`, as of a user of all tenants, nobody is another.
    """
    for kb_id in sorted(set(kb_ids)) if mine else ():
        holders = _holders(kb_id, ownership)
        may = () if holders & set(mine) else ownership.fitting(kb_id)
        others = holders.union(may) - set(mine)
        if others:
            yield Held(kb_id, tuple(sorted(others)))


def _holders(kb_id: str, ownership: Ownership) -> set[TenantKey]:
    found = set(map(ownership.tenant_of, ownership.nodes_by_kb.get(kb_id, ())))
    word = ownership.confirmed.get(kb_id)
    return found if word is None else {*found, word.tenant}


def unborne(nodes: Iterable[str], ownership: Ownership) -> Iterator[Unborne]:
    """Yield the node_ids that no session may be created with."""
    for node in sorted(nodes):
        why = unfit(node, ownership)
        if why:
            yield Unborne(node, why)
