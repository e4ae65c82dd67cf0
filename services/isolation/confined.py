"""What a viewer who is confined to tenants sees of the isolation audit. Pure.

A finding is shown whole or not at all: only where everyone whom it names or counts is in scope.
Its rule has to be listed here for that, and every word of its evidence known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.access.confined_texts import names_only, told
from services.access.holders import (
    Holders,
    each_of,
    holders_of_collection,
    holders_of_kb,
    holders_of_node,
)
from services.access.viewer import Viewer
from services.errors import NamingError
from services.figures import Measure
from services.isolation.models import Acceptance, Finding, Record, Report, RuleState, RuleSummary
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership

OF_TENANTS = frozenset({
    "collision.shared-kb", "collision.about-to-be", "collision.hash", "collision.ambiguous",
    "resurrected.kb-id", "prefix.glob", "prefix.like", "orphan.keys", "orphan.frequencies",
    "orphan.rows", "orphan.collection", "orphan.vectors", "hostile.quoted", "hostile.glob",
    "shared.alias",
})  # fmt: skip
"""The rules whose findings are about some tenants each.

All others are about a store, or have one finding for everyone: whether it could be shown would
already tell something of others.
"""

IN_SCOPE = "nothing was found that concerns only tenants in scope"
"""Why a rule passes for one who is confined: what concerns others too is not shown."""

_OWN_WORDS = frozenset({
    "number of node_ids", *map(str, Measure), "taken for", "number of kb_ids", "LIKE", "glob",
    "number of tenants hit", "signs", "number of names", "keys by kind", "frequency keys",
    "difference", "points", "vectors named", "missing", "erased at", "erased by job",
    "last write", "collection",
})  # fmt: skip
"""Evidence that says nothing of anybody besides the finding's tenants and kb_ids."""

_OF_OTHERS = frozenset({"hit by LIKE", "hit by glob"})
"""Counts that are over more names than the finding is about: left out."""


def confined_report(report: Report, viewer: Viewer, ownership: Ownership) -> Report:
    """Return what a viewer may see of an audit: the same object for one who sees all.

    A rule has as many findings as are visible, and with none it passes as far as `IN_SCOPE`
    says, whatever else it found. Rules about the whole fleet are left out, and the score is
    None: it is the fleet's.
    """
    if viewer.sees_all:
        return report
    names = _Names(viewer, ownership)
    shown = tuple(_record(each) for each in report.records if names.of_finding(each.finding))
    rules = tuple(_rule(rule, shown) for rule in report.rules if rule.code in OF_TENANTS)
    return Report(report.at, report.seconds, None, rules, shown)


def sees_finding(finding: Finding, viewer: Viewer, ownership: Ownership) -> bool:
    """Whether a viewer may see a finding: for the page of one, and to accept it."""
    return viewer.sees_all or _Names(viewer, ownership).of_finding(finding)


def _record(record: Record) -> Record:
    """Return a record without what somebody wrote of it: that is free to name others."""
    known, finding = record.acceptance, record.finding
    evidence = {word: what for word, what in finding.evidence.items() if word not in _OF_OTHERS}
    return Record(
        Finding(
            finding.code, finding.subject, finding.severity, finding.what, finding.tenants,
            finding.kb_ids, evidence, finding.remedy, finding.deeds,
        ),
        record.first_seen,
        record.last_seen,
        record.resolved_at,
        None if known is None else Acceptance(known.by, "", known.at, known.until),
        record.looked,
    )  # fmt: skip


def _rule(rule: RuleSummary, shown: tuple[Record, ...]) -> RuleSummary:
    count = sum(each.finding.code == rule.code and each.resolved_at is None for each in shown)
    if rule.state is RuleState.UNKNOWN:
        return RuleSummary(rule.code, rule.state, reason=told(rule.reason) or "")
    if rule.state is RuleState.NOT_CONFIGURED:
        return RuleSummary(rule.code, rule.state, reason=rule.reason)
    if count:
        return RuleSummary(rule.code, RuleState.FOUND, count)
    return RuleSummary(rule.code, RuleState.PASSED, reason=IN_SCOPE)


@dataclass(frozen=True, slots=True)
class _Names:
    """Which names in a finding a viewer may see."""

    viewer: Viewer
    ownership: Ownership

    def of_finding(self, finding: Finding) -> bool:
        """Whether everything that a finding names or counts is of tenants in scope."""
        if finding.code not in OF_TENANTS:
            return False
        holders = holders_of_finding(finding, self.ownership)
        if not self.viewer.sees_each(holders) or _names_too_few(finding):
            return False
        return all(self._word(finding, word) for word in finding.evidence)

    def _word(self, finding: Finding, word: str) -> bool:
        said = finding.evidence[word]
        if word == "erased for":
            return names_only(str(said), finding.tenants)
        if word in _OWN_WORDS or word in _OF_OTHERS:
            return True
        check = self._checks().get(word)
        return check is not None and isinstance(said, tuple) and all(map(check, said))

    def _checks(self) -> Mapping[str, Callable[[str], bool]]:
        return {
            "node_ids": self._node,
            "kb_ids": self._kb,
            "collections": self._collection,
            "tenant ids": self._tenant_id,
            "names hit": self._hit,
            "tenants hit": self._tenant,
            "could also be": self._tenant,
        }

    def _node(self, node_id: str) -> bool:
        return self.viewer.sees_each(holders_of_node(node_id, self.ownership))

    def _kb(self, kb_id: str) -> bool:
        return self.viewer.sees_each(holders_of_kb(kb_id, self.ownership))

    def _collection(self, name: str) -> bool:
        return self.viewer.sees_each(holders_of_collection(name, self.ownership))

    def _tenant_id(self, tenant_id: str) -> bool:
        return self.viewer.sees(TenantKey("tenant", tenant_id))

    def _hit(self, name: str) -> bool:
        """A kb_id or, in the guide's layout, how a tenant's keys begin: `tenant:acme:`."""
        if name.startswith("tenant:") and name.endswith(":"):
            return self._tenant_id(name.removeprefix("tenant:")[:-1])
        return self._kb(name)

    def _tenant(self, text: str) -> bool:
        try:
            return self.viewer.sees(TenantKey.parse(text))
        except NamingError:
            return False


def _names_too_few(finding: Finding) -> bool:
    """Whether a finding counts more tenants or kb_ids than it names: who they are is not told."""
    evidence = finding.evidence
    hit, kb_ids = evidence.get("number of tenants hit", 0), evidence.get("number of kb_ids", 0)
    return hit not in range(len(finding.tenants)) or kb_ids not in range(len(finding.kb_ids) + 1)


def holders_of_finding(finding: Finding, ownership: Ownership) -> Holders:
    """Return whom a finding concerns; empty for one about a store or the fleet."""
    if not finding.tenants:
        return ()
    return each_of(finding.tenants, *(holders_of_kb(kb_id, ownership) for kb_id in finding.kb_ids))
