"""What the isolation audit comes to, in words and rows: score, rules, evidence, history. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from dashboard.app import state_keys
from dashboard.draw.formatting import UNKNOWN, age, moment, plural, visible
from dashboard.isolation.tables import title_of
from services.isolation.about import Evidence, Value, plain
from services.isolation.models import (
    Acceptance,
    Deed,
    DeedKind,
    Finding,
    Record,
    Report,
    Rule,
    RuleState,
    RuleSummary,
    Until,
)
from services.isolation.severity import Severity

RULE_COLUMNS = (
    "State", "Rule", "Severity", "Findings", "Reason", "Why it matters", "What to do", "Code",
)  # fmt: skip
SCORE_HELP = (
    "The weight of the rules that pass, in percent of the weight of those that could be checked. "
    "A rule weighs 10 when it is critical, 5 high, 3 medium, 1 low and 0 info, however often it "
    "finds something. What was accepted still counts. While rules are unknown, the score of all "
    "rules lies between the two numbers."
)
_WORDS = {
    RuleState.UNKNOWN: "unknown",
    RuleState.FOUND: "issues found",
    RuleState.PASSED: "passed",
    RuleState.NOT_CONFIGURED: "not applicable",
}
"""The states of a rule, those that ask for something first."""

A_DAY = "Until a day"
UNTIL: Mapping[str, Until] = {
    "For 30 days": timedelta(days=30), "For 90 days": timedelta(days=90), A_DAY: None,
    "For good": None,
}  # fmt: skip
"""How long something can be accepted, as it is chosen."""
MOST_LABEL = 60  # characters


@dataclass(frozen=True, slots=True)
class Score:
    """The score as the screen says it, and what it leaves open."""

    value: str
    note: str


def score(report: Report, rules: Mapping[str, Rule]) -> Score:
    """Say the score; where rules that weigh are unknown, between what the score of all lies."""
    value = UNKNOWN if report.score is None else f"{report.score} %"
    told = [rule for rule in report.rules if rule.state in (RuleState.PASSED, RuleState.FOUND)]
    if not report.unknown:
        return Score(value, f"{plural(len(told), 'rule')} checked")
    passed = _weight([rule for rule in told if rule.state is RuleState.PASSED], rules)
    missing = _weight(report.unknown, rules)
    whole = _weight(told, rules) + missing
    if missing:
        least, most = round(100 * passed / whole), round(100 * (passed + missing) / whole)
        value = UNKNOWN if report.score is None else f"{least} to {most} %"
    return Score(value, f"{plural(len(report.unknown), 'rule')} unknown")


def _weight(found: Sequence[RuleSummary], rules: Mapping[str, Rule]) -> int:
    return sum(rules[rule.code].severity.weight for rule in found if rule.code in rules)


def severity_words(
    counts: Mapping[Severity, int], report: Report, rules: Mapping[str, Rule]
) -> dict[Severity, str]:
    """Say how many findings stand; where a rule of that severity is unknown, at least how many.

    None found is not said as 0 then.
    """
    unknown = {rules[rule.code].severity for rule in report.unknown if rule.code in rules}
    return {
        severity: (f"≥ {count:,}" if count else UNKNOWN) if severity in unknown else f"{count:,}"
        for severity, count in counts.items()
    }


def rule_counts(report: Report) -> dict[str, int]:
    """Count the rules by what came of them, in words."""
    return {
        word: sum(rule.state is state for rule in report.rules) for state, word in _WORDS.items()
    }


def rules_frame(report: Report, rules: Mapping[str, Rule]) -> pd.DataFrame:
    """Return one row a rule: unknown ones first, then those that found something, by severity.

    `Findings` is None where the rule was not run.
    """
    states = list(_WORDS)

    def key(summary: RuleSummary) -> tuple[int, int, str]:
        rule = rules.get(summary.code)
        gravity = rule.severity.rank if rule else len(Severity)
        return states.index(summary.state), gravity, summary.code

    rows = [_rule_row(each, rules.get(each.code), rules) for each in sorted(report.rules, key=key)]
    frame = pd.DataFrame(rows, columns=list(RULE_COLUMNS))
    frame["Findings"] = frame["Findings"].astype("Int64")
    return frame


def _rule_row(
    summary: RuleSummary, rule: Rule | None, rules: Mapping[str, Rule]
) -> dict[str, object]:
    told = summary.state in (RuleState.PASSED, RuleState.FOUND)
    return {
        "State": _WORDS[summary.state],
        "Rule": title_of(summary.code, rules),
        "Severity": rule.severity.value if rule else "",
        "Findings": summary.count if told else None,
        "Reason": visible(str(summary.reason or "")),
        "Why it matters": rule.why if rule else "",
        "What to do": rule.remedy if rule else "",
        "Code": visible(summary.code),
    }


def unknown_words(report: Report) -> tuple[str, ...]:
    """Say why rules are unknown, each reason once, with how many rules it concerns."""
    by_reason: dict[str, int] = {}
    for rule in report.unknown:
        reason = str(rule.reason or "it was not said why")
        by_reason[reason] = by_reason.get(reason, 0) + 1
    return tuple(f"{plural(n, 'rule')}: {visible(reason)}" for reason, n in by_reason.items())


def facts(evidence: Evidence) -> dict[str, str]:
    """Return what was seen that is one value, by visible names."""
    return {
        visible(name): _fact(value)
        for name, value in plain(evidence).items()
        if not isinstance(value, tuple) or len(value) == 1
    }


def _fact(value: Value) -> str:
    if isinstance(value, tuple):
        return visible(value[0])
    return visible(value) if isinstance(value, str) else f"{value:,}"


def names_seen(finding: Finding) -> dict[str, list[str]]:
    """Return whose it is and samples of names that were seen, by what they are; all visible.

    A list that the samples have under another name is not said twice.
    """
    samples = {
        visible(name): [visible(each) for each in value]
        for name, value in plain(finding.evidence).items()
        if isinstance(value, tuple) and len(value) > 1
    }
    whose = {
        "tenants": [visible(str(tenant)) for tenant in finding.tenants],
        "kb_ids": [visible(kb_id) for kb_id in finding.kb_ids],
    }
    own = {
        name: names
        for name, names in whose.items()
        if names and not any(names == seen for said, seen in samples.items() if said != name)
    }
    return own | {name: names for name, names in samples.items() if name not in own}


def history(record: Record, now: datetime) -> dict[str, str]:
    """Return when a finding was there."""
    times = {
        "First seen": record.first_seen,
        "Last seen": record.last_seen,
        "Resolved": record.resolved_at,
    }
    return {name: f"{moment(at)}, {age(at, now)}" for name, at in times.items() if at is not None}


def acceptance_words(acceptance: Acceptance, now: datetime) -> dict[str, str]:
    """Return who accepted a finding, why, and until when, as visible texts."""
    until = acceptance.until
    ended = "" if acceptance.holds(now) else ", which has passed"
    return {
        "By": visible(acceptance.by),
        "Why": visible(acceptance.why),
        "When": f"{moment(acceptance.at)}, {age(acceptance.at, now)}",
        "Until": "for good" if until is None else f"{moment(until)}{ended}",
    }


def until_of(choice: str, day: date | None, now: datetime) -> Until:
    """Return how long something is accepted: a day is meant to its end, in UTC."""
    if choice != A_DAY:
        return UNTIL[choice]
    if day is None:
        return now  # no day was chosen, and that is refused
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Link:
    """Where something is done about a finding: a visible label, a page, and its parameters."""

    label: str
    page: str
    query: Mapping[str, str]


def links(finding: Finding) -> tuple[Link, ...]:
    """Return where each deed is done, each place once."""
    found = (_link(deed.kind, _about(deed, finding)) for deed in finding.deeds)
    return tuple({(link.page, *link.query.values()): link for link in found}.values())


def _about(deed: Deed, finding: Finding) -> str:
    """Return what a deed is about, visible: sessions are looked for by tenant, not by kb_id."""
    if deed.kind is DeedKind.SESSIONS and deed.about in finding.kb_ids:
        return visible(str(finding.tenants[0])) if finding.tenants else ""
    return visible(deed.about)


def _link(kind: DeedKind, about: str) -> Link:
    name = about if len(about) <= MOST_LABEL else f"{about[:MOST_LABEL]}…"
    match kind:
        case DeedKind.TENANT:
            return Link(f"Open {name}", "tenant", {state_keys.TENANT: about})
        case DeedKind.PURGE_TENANT:
            return Link(f"Plan a purge of {name}", "purge", {state_keys.TENANT: about})
        case DeedKind.SESSIONS if about:
            return Link(f"Sessions of {name}", "sessions", {state_keys.SESSIONS_TENANT: about})
        case DeedKind.SESSIONS:
            return Link("See the sessions", "sessions", {})
        case DeedKind.FIND:
            return Link(f"Find {name}", "find", {state_keys.FIND: about})
        case DeedKind.SYSTEM:
            return Link("See the stores", "system", {})
