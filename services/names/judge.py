"""What each line of an import would come to, by who owns what now. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from services.access.holders import holders_of_node
from services.access.viewer import Sight, Viewer
from services.names.models import Judged, Line, Preview, Refused, Verdict
from services.names.read import Read
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.ownership import Ownership

OUT_OF_SCOPE = "not every tenant that it concerns is in your scope"
AHEAD = "its since is in the future"

Held = dict[str, dict[TenantKey, None]]
"""Who would hold each kb_id."""


def judge(lines: Iterable[Read], ownership: Ownership, viewer: Viewer, *, now: datetime) -> Preview:
    """Say what each line would come to. Of others than a viewer's own tenants it tells nothing."""
    sees = _seeing(viewer, ownership)
    found = tuple(_judged(line, ownership, sees, now) for line in lines)
    held = _held(found, ownership)
    return Preview(tuple(_repeated(_shared(each, held, ownership) for each in found)))


def _seeing(viewer: Viewer, ownership: Ownership) -> Callable[[str], bool]:
    if viewer.sees_all:
        return lambda _: True
    sight = Sight(viewer)
    return lambda node_id: sight.sees_each(holders_of_node(node_id, ownership))


def _judged(line: Read, ownership: Ownership, sees: Callable[[str], bool], now: datetime) -> Judged:
    if isinstance(line, Refused):
        return Judged(line.number, Verdict.REFUSED, why=line.why)
    tenant = ownership.tenant_of(line.node_id)
    found = Judged(line.number, Verdict.NEW, line.node_id, tenant, line.since)
    if not sees(line.node_id):
        return Judged(line.number, Verdict.REFUSED, why=OUT_OF_SCOPE)
    if line.since is not None and line.since > now:
        return replace(found, verdict=Verdict.REFUSED, why=AHEAD)
    if line.tenant and line.tenant not in (str(tenant), tenant.id):
        why = f"the file says {line.tenant}, and its node_id reads as {tenant}"
        return replace(found, verdict=Verdict.CONFLICTING, why=why)
    if line.node_id in ownership.nodes:
        return replace(found, verdict=Verdict.KNOWN, earlier=_is_earlier(line, ownership))
    return found


def _is_earlier(line: Line, ownership: Ownership) -> bool:
    origin = ownership.origins.get(line.node_id)
    return line.since is not None and origin is not None and line.since < origin.since


def _held(lines: Iterable[Judged], ownership: Ownership) -> Held:
    """Return who would hold each kb_id of a line that would become known."""
    held: Held = defaultdict(dict)
    for line in lines:
        if line.verdict is Verdict.NEW and line.tenant is not None:
            held[kb_id_of(line.node_id, ownership.service)][line.tenant] = None
    for kb_id, tenants in held.items():
        nodes = ownership.nodes_by_kb.get(kb_id, ())
        tenants.update(dict.fromkeys(map(ownership.tenant_of, nodes)))
        if (word := ownership.confirmed.get(kb_id)) is not None:
            tenants[word.tenant] = None
    return held


def _shared(line: Judged, held: Held, ownership: Ownership) -> Judged:
    if line.verdict is not Verdict.NEW:
        return line
    every = held[kb_id_of(line.node_id, ownership.service)]
    others = tuple(tenant for tenant in every if tenant != line.tenant)
    return replace(line, verdict=Verdict.SHARED, others=others) if others else line


def _repeated(lines: Iterable[Judged]) -> Iterator[Judged]:
    """Have a node_id that a line before names already count as known by then."""
    first: dict[str, Judged] = {}
    for line in lines:
        before = first.get(line.node_id) if line.taken else None
        if before is None:
            if line.taken:
                first[line.node_id] = line
            yield line
        else:
            earlier = line.since is not None and (before.since is None or line.since < before.since)
            yield replace(line, verdict=Verdict.KNOWN, others=(), earlier=earlier)
