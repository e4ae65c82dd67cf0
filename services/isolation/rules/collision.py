"""Rules: different owners whose data falls, or would fall, on one kb_id. Pure.

A kb_id on which a cut name's 8 hex digits collide is reported as that, `collision.hash`, and not
again as `shared-kb` or `about-to-be`, whoever holds it: no naming rule would have prevented it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from services.figures import Measure, StoreState
from services.isolation.about import About, Evidence, Fact, ShownTo, these
from services.isolation.evidence import (
    Held,
    holdings,
    in_order,
    kb_ids_of,
    listed,
    samples,
    wholly_read,
)
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey, sanitise
from services.tenancy.ownership import Claim

_SHARED, _ABOUT, _HASH = "collision.shared-kb", "collision.about-to-be", "collision.hash"
_CUT, _AMBIGUOUS = "collision.cut", "collision.ambiguous"


@dataclass(frozen=True, slots=True)
class _Collision:
    """Several node_ids on one kb_id; `data` counts what is there, by measure, where known."""

    kb_id: str
    nodes: tuple[str, ...]
    tenants: tuple[TenantKey, ...]
    data: dict[str, int]

    @property
    def in_use(self) -> bool:
        return any(self.data.values())

    @property
    def by_hash(self) -> bool:
        """Whether it is the hash of a cut name that makes them one."""
        return len(set(map(sanitise, self.nodes))) > 1

    def evidence(self) -> Evidence:
        counted = {"number of node_ids": len(self.nodes), **self.data}
        return {
            "node_ids": Fact(self.nodes[:SAMPLES], About.NODES),
            **{word: these(count) for word, count in counted.items()},
        }

    def finding(self, code: str, severity: Severity, what: str) -> Finding:
        deeds = tuple(Deed(DeedKind.TENANT, str(each)) for each in self.tenants[:SAMPLES])
        return Finding(
            code, self.kb_id, severity, what, self.tenants, (self.kb_id,), self.evidence(),
            deeds=deeds,
        )  # fmt: skip


def _collisions(seen: Seen) -> Iterator[_Collision]:
    """Yield each kb_id of several node_ids that are of several tenants or of one hash."""
    on_one = {kb: nodes for kb, nodes in seen.ownership.nodes_by_kb.items() if len(nodes) > 1}
    held = {each.name: each for each in holdings(seen)} if on_one else {}
    for kb_id in in_order(on_one):
        nodes = on_one[kb_id]
        tenants = tuple(sorted(set(map(seen.ownership.tenant_of, nodes)), key=str))
        found = _Collision(kb_id, nodes, tenants, _data(seen, held.get(kb_id)))
        if len(tenants) > 1 or found.by_hash:
            yield found


def _data(seen: Seen, held: Held | None) -> dict[str, int]:
    """Count what a kb_id holds, without the measures that are not known."""
    known = (m for m in Measure if seen.snapshot.stores[m].state is StoreState.OK)
    return {measure.value: held.count(measure) if held else 0 for measure in known}


def _by_signs(seen: Seen) -> list[_Collision]:
    """Return the collisions of tenants that no hash makes; CannotTell where use is not sure."""
    found = [each for each in _collisions(seen) if not each.by_hash]
    if not all(each.in_use for each in found):
        wholly_read(seen)  # what looks unused may have its data where nobody could look
    return found


def _shared(seen: Seen) -> Iterator[Finding]:
    for each in _by_signs(seen):
        if each.in_use:
            what = f"{listed(each.tenants)} share one memory: {each.kb_id}."
            yield each.finding(_SHARED, Severity.CRITICAL, what)


def _about_to_be(seen: Seen) -> Iterator[Finding]:
    for each in _by_signs(seen):
        if not each.in_use:
            what = f"{listed(each.tenants)} will share {each.kb_id} as soon as either stores data."
            yield each.finding(_ABOUT, Severity.HIGH, what)


def _hash(seen: Seen) -> Iterator[Finding]:
    for each in _collisions(seen):
        if each.by_hash:
            what = (
                f"Different names of {listed(each.tenants)} are cut to one kb_id, {each.kb_id}: "
                "their hashes begin alike."
            )
            yield each.finding(_HASH, Severity.CRITICAL, what)


def is_cut(seen: Seen, kb_id: str) -> bool:
    """Whether a kb_id is cut before its tenant ends, and no node_id of it was seen."""
    if kb_id in seen.ownership.nodes_by_kb:
        return False
    tenant = seen.ownership.kb(kb_id).tenant
    cut = seen.ownership.text_of(kb_id)[1]
    return cut and tenant == TenantKey.of_kb(kb_id)


def _cut(seen: Seen) -> Iterator[Finding]:
    wholly_read(seen)
    cut = in_order(kb_id for kb_id in seen.snapshot.kb_ids if is_cut(seen, kb_id))
    if cut:
        one = len(cut) == 1
        what = f"{len(cut):,} kb_id{' is' if one else 's are'} cut before the tenant's name ends."
        evidence: Evidence = {"number of kb_ids": len(cut), "kb_ids": cut[:SAMPLES]}
        deeds = (Deed(DeedKind.FIND, cut[0]),)
        tenants = tuple(map(TenantKey.of_kb, cut[:SAMPLES]))
        yield Finding(
            _CUT, "kb_ids", Severity.INFO, what, tenants, cut[:SAMPLES], evidence, deeds=deeds
        )


def _ambiguous(seen: Seen) -> Iterator[Finding]:
    wholly_read(seen)
    by_holders: dict[tuple[TenantKey, ...], list[str]] = defaultdict(list)
    for kb_id in kb_ids_of(seen):
        claim = seen.ownership.kb(kb_id)
        if _others(claim) or _fits_several(seen, kb_id, claim):
            by_holders[claim.tenants].append(kb_id)
    for holders in sorted(by_holders):
        yield _read_two_ways(seen, holders, by_holders[holders])


def _others(claim: Claim) -> set[TenantKey]:
    return {other for other in claim.others if other not in claim.tenants}


def _fits_several(seen: Seen, kb_id: str, claim: Claim) -> bool:
    """Whether a text fits several tenants that were seen, and no node_id says which it is."""
    return len(claim.tenants) > 1 and kb_id not in seen.ownership.nodes_by_kb


def _read_two_ways(seen: Seen, holders: tuple[TenantKey, ...], kb_ids: list[str]) -> Finding:
    others = {other for kb_id in kb_ids for other in _others(seen.ownership.kb(kb_id))}
    nodes = [node for kb_id in kb_ids for node in seen.ownership.nodes_by_kb.get(kb_id, ())]
    either = listed({*others, *holders})
    of = f"{kb_ids[0]}" if len(kb_ids) == 1 else f"{len(kb_ids):,} kb_ids, {kb_ids[0]} the first,"
    evidence: Evidence = {
        "taken for": these(listed(holders)),
        "could also be": Fact(samples(map(str, others)), About.TENANTS),
        "number of kb_ids": Fact(len(kb_ids), About.KBS_COUNTED),
        "kb_ids": Fact(tuple(kb_ids[:SAMPLES]), About.KBS),
        "node_ids": Fact(samples(nodes), About.NODES),
    }
    return Finding(
        _AMBIGUOUS, ", ".join(map(str, holders)), Severity.MEDIUM,
        f"{of} can be read as data of {either}.", holders, tuple(kb_ids[:SAMPLES]), evidence,
        deeds=tuple(Deed(DeedKind.TENANT, str(holder)) for holder in holders[:SAMPLES]),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        _SHARED, Severity.CRITICAL, "Tenants that share a kb_id",
        "KATO keeps one memory for each kb_id, so these tenants learn from and predict with each "
        "other's data.",
        "Take it apart: each tenant gets a node_id of its own, and what can be told to be its own "
        "goes there. Teach the rest anew under these, then purge the shared kb_id by name.",
        frozenset(), _shared, ShownTo.TENANTS,
    ),
    Rule(
        _ABOUT, Severity.HIGH, "Tenants that are about to share a kb_id",
        "The first pattern that either of them stores is open to the other.",
        "Rename one of the node_ids before anything is stored under it.",
        frozenset({Need.PATTERNS, Need.KEYS, Need.VECTORS, Need.SESSIONS}), _about_to_be,
        ShownTo.TENANTS,
    ),
    Rule(
        _HASH, Severity.CRITICAL, "Long names that are cut to one kb_id",
        "KATO keeps 8 hex digits of a long name's hash, and where two names have the same, their "
        "data is one memory.",
        "Shorten one of the node_ids to 60 characters less the service's name, and teach it anew.",
        frozenset(), _hash, ShownTo.TENANTS,
    ),
    Rule(
        _CUT, Severity.INFO, "Names that are cut before the tenant ends",
        "What is left of such a name does not say whose the data is, so no tenant's figures or "
        "purge include it.",
        "Open a session with the node_id: once it was seen, its tenant is told. Use shorter ids.",
        frozenset(), _cut,
    ),
    Rule(
        _AMBIGUOUS, Severity.MEDIUM, "Names that can be read as two tenants'",
        "Figures and purges go by one reading, and the other may be the right one.",
        "Keep the scheme's own words, such as :user:, out of ids, and have the node_ids seen: "
        "with an open session they say more than the kb_id's text does.",
        frozenset(), _ambiguous, ShownTo.TENANTS,
    ),
)  # fmt: skip
