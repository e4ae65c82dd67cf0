"""What a viewer who is confined to tenants sees of the isolation audit. Pure.

A finding is shown whole or not at all: only where everyone whom it names or counts is in scope.
Its rule says for that that it is shown to tenants, and each piece of its evidence whom it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from services.access.holders import (
    Holders,
    each_of,
    holders_of_collection,
    holders_of_kb,
    holders_of_node,
)
from services.access.viewer import Viewer
from services.errors import NamingError, Problem
from services.isolation.about import About, Fact, ShownTo, Value
from services.isolation.models import Acceptance, Finding, Record, Report, RuleState, RuleSummary
from services.isolation.rules import RULES
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership

OF_TENANTS = frozenset(rule.code for rule in RULES if rule.shown_to is ShownTo.TENANTS)
"""The rules whose findings are about some tenants each."""

IN_SCOPE = "nothing was found that concerns only tenants in scope"
"""Why a rule passes for one who is confined: what concerns others too is not shown."""


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
    evidence = {word: said for word, said in finding.evidence.items() if not _of_others(said)}
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
        return RuleSummary(rule.code, rule.state, reason=rule.reason and rule.reason.nameless())
    if rule.state is RuleState.NOT_CONFIGURED:
        return RuleSummary(rule.code, rule.state, reason=rule.reason)
    if count:
        return RuleSummary(rule.code, RuleState.FOUND, count)
    return RuleSummary(rule.code, RuleState.PASSED, reason=Problem(IN_SCOPE))


class _Seer(Protocol):
    """Whoever has some tenants in scope."""

    def sees(self, tenant: TenantKey) -> bool: ...
    def sees_each(self, tenants: Collection[TenantKey]) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Names:
    """Which names in a finding a viewer may see."""

    viewer: _Seer
    ownership: Ownership

    def of_finding(self, finding: Finding) -> bool:
        """Whether everything that a finding names or counts is of tenants in scope."""
        if finding.code not in OF_TENANTS:
            return False
        holders = holders_of_finding(finding, self.ownership)
        if not self.viewer.sees_each(holders):
            return False
        return all(self._said(finding, said) for said in finding.evidence.values())

    def _said(self, finding: Finding, said: Value | Fact) -> bool:
        if not isinstance(said, Fact):
            return False
        match said.about:
            case About.THESE | About.OTHERS:
                return True
            case About.TENANTS_COUNTED:
                return said.value in range(len(finding.tenants))
            case About.KBS_COUNTED:
                return said.value in range(len(finding.kb_ids) + 1)
            case _:
                names = said.value if isinstance(said.value, tuple) else (str(said.value),)
                return all(map(self._checks()[said.about], names))

    def _checks(self) -> Mapping[About, Callable[[str], bool]]:
        return {
            About.NODES: self._node,
            About.KBS: self._kb,
            About.COLLECTIONS: self._collection,
            About.TENANTS: self._tenant,
            About.TENANT_IDS: self._tenant_id,
            About.NAMES: self._name,
        }

    def _node(self, node_id: str) -> bool:
        return self.viewer.sees_each(holders_of_node(node_id, self.ownership))

    def _kb(self, kb_id: str) -> bool:
        return self.viewer.sees_each(holders_of_kb(kb_id, self.ownership))

    def _collection(self, name: str) -> bool:
        return self.viewer.sees_each(holders_of_collection(name, self.ownership))

    def _tenant_id(self, tenant_id: str) -> bool:
        return self.viewer.sees(TenantKey("tenant", tenant_id))

    def _name(self, name: str) -> bool:
        """A kb_id or, in the guide layout, how a tenant's keys begin: `tenant:acme:`."""
        if name.startswith("tenant:") and name.endswith(":"):
            return self._tenant_id(name.removeprefix("tenant:")[:-1])
        return self._kb(name)

    def _tenant(self, text: str) -> bool:
        try:
            return self.viewer.sees(TenantKey.parse(text))
        except NamingError:
            return False


def _of_others(said: Value | Fact) -> bool:
    return isinstance(said, Fact) and said.about is About.OTHERS


def holders_of_finding(finding: Finding, ownership: Ownership) -> Holders:
    """Return whom a finding concerns; empty for one about a store or the fleet."""
    if not finding.tenants:
        return ()
    return each_of(finding.tenants, *(holders_of_kb(kb_id, ownership) for kb_id in finding.kb_ids))


def scope_of_finding(finding: Finding, ownership: Ownership) -> Holders | None:
    """Return whom somebody has to have in scope who is not to see all, to see a finding.

    None where only who sees all may.
    """
    asked = _Asked()
    if not _Names(asked, ownership).of_finding(finding):
        return None
    return tuple(asked.tenants)


class _Asked:
    """Sees every tenant, and what is nobody's not; remembers which it was asked about."""

    def __init__(self) -> None:
        self.tenants: dict[TenantKey, None] = {}

    def sees(self, tenant: TenantKey) -> bool:
        self.tenants[tenant] = None
        return True

    def sees_each(self, tenants: Collection[TenantKey]) -> bool:
        self.tenants.update(dict.fromkeys(tenants))
        return bool(tenants)
