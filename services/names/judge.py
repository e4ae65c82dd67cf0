"""What each line of an import would come to, by who owns what now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from services.access.holders import holders_of_node
from services.access.viewer import Sight, Viewer
from services.names.models import Judged, Line, Preview, Refused, Verdict
from services.names.read import Read
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership

OUT_OF_SCOPE = "not every tenant that it concerns is in your scope"
AHEAD = "its since is in the future"

Held = dict[str, dict[TenantKey, None]]
"""Who would hold each kb_id that several would."""


def judge(lines: Iterable[Read], ownership: Ownership, viewer: Viewer, *, now: datetime) -> Preview:
    """Say what each line would come to. Of others than a viewer's own tenants it tells nothing."""
    sees = _seeing(viewer, ownership)
    found = [_judged(line, ownership, sees, now) for line in lines]
    kb_ids = [
        ownership.kb_id_of(line.node_id) if line.verdict is Verdict.NEW else "" for line in found
    ]
    held = _held(zip(found, kb_ids, strict=True), ownership)
    shared = (_shared(line, held.get(kb_id)) for line, kb_id in zip(found, kb_ids, strict=True))
    return Preview(tuple(_repeated(shared)))


def _seeing(viewer: Viewer, ownership: Ownership) -> Callable[[str], bool]:
    if viewer.sees_all:
        return lambda _: True
    sight = Sight(viewer)
    return lambda node_id: sight.sees_each(holders_of_node(node_id, ownership))


def _judged(line: Read, ownership: Ownership, sees: Callable[[str], bool], now: datetime) -> Judged:
    if isinstance(line, Refused):
        return Judged(line.number, Verdict.REFUSED, why=line.why)
    if not sees(line.node_id):
        return Judged(line.number, Verdict.REFUSED, why=OUT_OF_SCOPE)
    tenant, earlier, why = ownership.tenant_of(line.node_id), False, ""
    verdict = Verdict.NEW
    if line.since is not None and line.since > now:
        verdict, why = Verdict.REFUSED, AHEAD
    elif line.tenant and line.tenant not in (tenant.id, str(tenant)):
        verdict = Verdict.CONFLICTING
        why = f"the file says {line.tenant}, and its node_id reads as {tenant}"
    elif line.node_id in ownership.nodes:
        verdict, earlier = Verdict.KNOWN, _is_earlier(line, ownership)
    return Judged(
        line.number, verdict, line.node_id, tenant, line.since, earlier=earlier, why=why
    )  # fmt: skip


def _is_earlier(line: Line, ownership: Ownership) -> bool:
    origin = ownership.origins.get(line.node_id)
    return line.since is not None and origin is not None and line.since < origin.since


def _held(lines: Iterable[tuple[Judged, str]], ownership: Ownership) -> Held:
    """Return who would hold the kb_ids of lines that would become known."""
    first: dict[str, TenantKey] = {}
    several: Held = {}

    def hold(kb_id: str, tenant: TenantKey) -> None:
        before = first.setdefault(kb_id, tenant)
        if before != tenant:
            several.setdefault(kb_id, {before: None})[tenant] = None

    for line, kb_id in lines:
        if line.verdict is Verdict.NEW and line.tenant is not None:
            hold(kb_id, line.tenant)
    for kb_id in first:
        for node in ownership.nodes_by_kb.get(kb_id, ()):
            hold(kb_id, ownership.tenant_of(node))
        if (word := ownership.confirmed.get(kb_id)) is not None:
            hold(kb_id, word.tenant)
    return several


def _shared(line: Judged, holders: Mapping[TenantKey, None] | None) -> Judged:
    if line.verdict is not Verdict.NEW or holders is None:
        return line
    others = tuple(tenant for tenant in holders if tenant != line.tenant)
    return replace(line, verdict=Verdict.SHARED, others=others)


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
