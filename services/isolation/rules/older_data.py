"""Rule: data that was there before the first node_id on its kb_id was seen. Pure.

What came later does not prove whose it was: the kb_id of an idle tenant takes whoever's name KATO
writes the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.isolation.about import About, Fact, ShownTo, Value, these
from services.isolation.evidence import Held, gathered, holdings, listed, wholly_read
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Rule, Seen
from services.isolation.severity import Severity
from services.sessions.older import LEARNT
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Source
from services.tenancy.ownership import Claim, ClaimState

_OLDER = "collision.older-data"


def _older(seen: Seen) -> Iterable[Finding]:
    wholly_read(seen)
    stored = [held for held in holdings(seen) if any(map(held.count, LEARNT))]
    unsure = [h for h in stored if seen.ownership.kb(h.name).state is not ClaimState.CONFIRMED]
    yield from _came(seen, [held for held in unsure if held.name in seen.ownership.nodes_by_kb])
    idle = [held for held in unsure if held.name not in seen.ownership.nodes_by_kb]
    yield from gathered(list(_may_come(seen, idle)), "hold data that a session could come to")


def _came(seen: Seen, stored: Iterable[Held]) -> Iterator[Finding]:
    """Those to which a node_id came after their data was written, and that others could have."""
    written = _first_writes(seen)
    for held in stored:
        claim = seen.ownership.kb(held.name)
        nodes = seen.ownership.nodes_by_kb[held.name]
        holders = dict.fromkeys(map(seen.ownership.tenant_of, nodes))
        could = tuple(t for t in seen.ownership.fitting(held.name) if t not in holders)
        here = claim.origin is not None and claim.origin.source is Source.OVER
        if here or (could and _is_before(written.get(held.name), claim)):
            who = f", and {listed(could)} could have written it" if could else ""
            what = f"{listed(holders)} came to data under {held.name} that was there before{who}."
            severity = Severity.HIGH if here else Severity.MEDIUM
            yield _finding(held, (*holders, *could), severity, what, nodes)


def _is_before(written: datetime | None, claim: Claim) -> bool:
    return written is not None and claim.origin is not None and written < claim.origin.since


def _may_come(seen: Seen, stored: Iterable[Held]) -> Iterator[Finding]:
    """Those of no node_id seen that known tenants could come to, and whose text leaves a doubt."""
    for held in stored:
        claim, could = seen.ownership.kb(held.name), seen.ownership.fitting(held.name)
        if claim.state is ClaimState.KNOWN or not could:
            continue
        if claim.alike or claim.others or len(could) > 1:
            severity = Severity.HIGH if len(could) > 1 else Severity.MEDIUM
            what = (
                f"A session of {listed(could)} would come to data under {held.name} that nothing "
                "proves to be its own."
            )
            yield _finding(held, (*could, *claim.others), severity, what)


def _first_writes(seen: Seen) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for part in seen.snapshot.parts:
        if part.is_kb and part.first_write is not None:
            found[part.name] = min(part.first_write, found.get(part.name, part.first_write))
    return found


def _finding(
    held: Held, tenants: tuple[TenantKey, ...], severity: Severity, what: str,
    nodes: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    counts: dict[str, Value | Fact] = {
        m.value: these(count) for m in LEARNT if (count := held.counts[m]) is not None
    }
    if nodes:
        counts["node_ids"] = Fact(nodes[:SAMPLES], About.NODES)
    return Finding(
        _OLDER, held.name, severity, what, tuple(dict.fromkeys(tenants)), (held.name,), counts,
        deeds=(Deed(DeedKind.FIND, held.name),),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        _OLDER, Severity.HIGH, "Data older than the first node_id on it",
        "Whoever came to it later reads and goes on writing what may be another tenant's past, "
        "and a purge of one of them would take both.",
        "Find out who wrote it: ask whoever hands out ids, or import the node_ids that were used. "
        "Then confirm whose it is; where it is mixed, give one of them another node_id.",
        frozenset(), _older, ShownTo.TENANTS,
    ),
)  # fmt: skip
