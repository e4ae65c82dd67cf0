"""Rules on orphans: data whose other half, or whose owner's data, is gone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

from services.errors import NamingError
from services.figures import Measure, StoreState
from services.isolation.evidence import counted, counted_whole, holdings
from services.isolation.models import SAMPLES, CannotTell, Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.rules import orphan_kbs
from services.isolation.severity import Severity
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import INDEX_KEY, OwnerKind, bytes_of

_DATA = (Measure.PATTERNS, Measure.KEYS, Measure.VECTORS)
_TO_END = (Deed(DeedKind.SESSIONS),)


def _sessions(seen: Seen) -> Iterable[Finding]:
    """Yield one finding for all: a session that has learnt nothing yet is normal."""
    counted_whole(seen, Measure.PATTERNS, Measure.KEYS)
    with_data = {h.name for h in holdings(seen) if any(map(h.count, _DATA))}
    idle = Counter(
        session.owner.name
        for session in seen.snapshot.sessions or ()
        if session.owner.kind is OwnerKind.NODE
    )
    kb_ids_of = seen.ownership.kb_ids_of
    nodes = [n for n in sorted(idle, key=bytes_of) if with_data.isdisjoint(kb_ids_of(n))]
    if nodes:
        yield _idle(seen, nodes, sum(idle[node] for node in nodes))


def _idle(seen: Seen, nodes: list[str], sessions: int) -> Finding:
    tenants = dict.fromkeys(seen.ownership.tenant_of(node) for node in nodes)
    nodes_are, of = counted(len(nodes), "node"), counted(len(tenants), "tenant")
    verb = "has" if len(nodes) == 1 else "have"
    known = seen.snapshot.stores[Measure.VECTORS].state is StoreState.OK
    data = "patterns, keys or vectors" if known else "patterns or keys"
    return Finding(
        code="orphan.sessions",
        subject="kato:session:*",
        severity=Severity.INFO,
        what=f"{nodes_are} of {of} {verb} {counted(sessions, 'session')} and no {data}.",
        tenants=tuple(tenants),
        kb_ids=tuple(dict.fromkeys(seen.ownership.kb_id_of(n) for n in nodes)),
        evidence={"sessions": sessions, "nodes": len(nodes), "node_ids": tuple(nodes[:SAMPLES])},
        deeds=_TO_END,
    )


def _index(seen: Seen) -> Iterable[Finding]:
    keys = seen.snapshot.keys
    if keys is None or keys.stale_members is None:
        raise CannotTell("the index of active sessions has not been read")
    if not keys.stale_members:
        return
    gone, members = keys.stale_members, keys.index_members or keys.stale_members
    yield Finding(
        code="orphan.index",
        subject=INDEX_KEY.decode(),
        severity=Severity.LOW,
        what=f"The sessions of {gone:,} of {counted(members, 'member')} of KATO's session index "
        "are gone.",
        evidence={"members": members, "gone": gone},
        deeds=_TO_END,
    )


def _snapshots(seen: Seen) -> Iterable[Finding]:
    taken = seen.vectors.full_snapshots if seen.vectors else {}
    found = []
    for name in sorted(taken, key=bytes_of):
        at = taken[name]
        made = None if at is None else datetime.fromtimestamp(at, UTC)
        since = [t for t in seen.erased if made is None or made < t.erased_at]
        if since:
            found.append(_outlived(name, made, since))
    if seen.vectors and seen.vectors.unasked and seen.erased and not found:
        raise CannotTell(f"not asked for its snapshots: {'; '.join(seen.vectors.unasked)}")
    return found


def _outlived(name: str, made: datetime | None, since: list[Tombstone]) -> Finding:
    """Say what a snapshot may still hold; one of unknown age may as well be newer."""
    when = "at a time that Qdrant does not say" if made is None else f"on {made:%Y-%m-%d %H:%M} UTC"
    about = f"{counted(len(since), 'kb_id')} purged since" if made else "purged kb_ids"
    return Finding(
        code="orphan.snapshots",
        subject=name,
        severity=Severity.LOW if made is None else Severity.MEDIUM,
        what=f"Qdrant's full snapshot {name}, made {when}, may hold vectors of {about}.",
        tenants=tuple(_tenants(since)),
        evidence={
            "made": "unknown" if made is None else made.isoformat(),
            "purged kb_ids": len(since),
            "tenants": tuple(sorted({tombstone.tenant for tombstone in since})[:SAMPLES]),
        },
        deeds=(Deed(DeedKind.SYSTEM, "qdrant"),),
    )


def _tenants(tombstones: list[Tombstone]) -> Iterator[TenantKey]:
    for text in sorted({tombstone.tenant for tombstone in tombstones}):
        with suppress(NamingError):  # its text is still in the evidence
            yield TenantKey.parse(text)


RULES: tuple[Rule, ...] = (
    *orphan_kbs.RULES,
    Rule(
        code="orphan.sessions",
        severity=Severity.INFO,
        title="Sessions of nodes without data",
        why="A session that outlives its node's data writes under that name again as soon as it "
        "is used; a new session has learnt nothing yet and is as it should be.",
        remedy="Look at the node_ids. End the sessions of those whose data was meant to go.",
        needs=frozenset({Need.SESSIONS, Need.PATTERNS, Need.KEYS}),
        find=_sessions,
    ),
    Rule(
        code="orphan.index",
        severity=Severity.LOW,
        title="Session index with members that are gone",
        why="KATO counts its sessions by this index and never takes expired ones out, so that it "
        "reports more than there are and the index grows for ever.",
        remedy="Clean the index up on the sessions page: it takes out only ids without a session.",
        needs=frozenset({Need.SESSIONS}),
        find=_index,
    ),
    Rule(
        code="orphan.snapshots",
        severity=Severity.MEDIUM,
        title="Snapshots older than a purge",
        why="A snapshot that was made before a purge still holds what was purged, and brings it "
        "back when it is restored.",
        remedy="Delete the snapshot in Qdrant, or note in the purge's record until when it is "
        "kept. Make a new one first, if it is the only backup.",
        needs=frozenset({Need.QDRANT}),
        find=_snapshots,
    ),
)
