"""Rule: live sessions of different node_ids on one kb_id, all of which learn into it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from services.figures import Measure
from services.isolation.about import About, Fact, ShownTo, these
from services.isolation.evidence import counted, in_order, listed, wholly_read
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.layout import OwnerKind

_LIVE = "collision.live-sessions"


def _live_sessions(seen: Seen) -> Iterable[Finding]:
    wholly_read(seen, Measure.SESSIONS)
    by_kb: dict[str, Counter[str]] = defaultdict(Counter)
    for session in seen.snapshot.sessions or ():
        if session.owner.kind is OwnerKind.NODE:
            node = session.owner.name
            by_kb[seen.ownership.kb_id_of(node)][node] += 1
    several = (kb_id for kb_id, nodes in by_kb.items() if len(nodes) > 1)
    return [_finding(seen, kb_id, by_kb[kb_id]) for kb_id in in_order(several)]


def _finding(seen: Seen, kb_id: str, sessions: Counter[str]) -> Finding:
    nodes = in_order(sessions)
    tenants = tuple(sorted(set(map(seen.ownership.tenant_of, nodes)), key=str))
    several = len(tenants) > 1
    return Finding(
        _LIVE, kb_id, Severity.CRITICAL if several else Severity.HIGH,
        f"{counted(sessions.total(), 'live session')} of {len(nodes):,} node_ids of "
        f"{listed(tenants)} run into one memory: {kb_id}.",
        tenants, (kb_id,),
        {
            "node_ids": Fact(nodes[:SAMPLES], About.NODES),
            "number of node_ids": these(len(nodes)),
            "sessions": these(sessions.total()),
        },
        deeds=tuple(Deed(DeedKind.SESSIONS, str(tenant)) for tenant in tenants[:SAMPLES]),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        _LIVE, Severity.CRITICAL, "Live sessions of several on one kb_id",
        "Whatever one of these sessions learns, the others predict from at once, and nothing that "
        "is stored tells whose it was.",
        "End all of these sessions but one's, and give the others node_ids that differ in letters "
        "or digits.",
        frozenset({Need.SESSIONS}), _live_sessions, ShownTo.TENANTS,
    ),
)  # fmt: skip
