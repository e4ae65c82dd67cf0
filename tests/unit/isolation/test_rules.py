"""The audit as a whole: every rule is told apart, documented, and judged by what was read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from services.errors import Problem, StoreUnavailable
from services.isolation.about import About, Fact, ShownTo
from services.isolation.audit import judge
from services.isolation.formats import audit_json, finding_json, finding_of, report_of
from services.isolation.models import (
    Audit,
    CannotTell,
    Deed,
    DeedKind,
    Finding,
    Need,
    Rule,
    RuleResult,
    RuleState,
    Seen,
)
from services.isolation.rules import RULES
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from tests.unit.isolation.fleets_seen import fleet

_FOR = {ShownTo.TENANTS: "its", ShownTo.FLEET: "all"}
DOCS = Path(__file__).parents[3] / "docs" / "isolation"
DOWN = StoreUnavailable("redis", "reading", "slow").problem
NOW = datetime(2026, 3, 1, tzinfo=UTC)
AREAS = {
    "collision", "prefix", "orphan", "unowned", "shared", "layout", "exposure", "resurrected",
    "hostile", "served",
}  # fmt: skip
names = st.text(st.characters(codec=None, categories=None), min_size=1)
values = st.integers() | names | st.floats(0, 1) | st.lists(names).map(tuple)


def rule(
    *found: Finding, code: str = "collision.x", needs: Iterable[Need] = (),
    severity: Severity = Severity.HIGH, error: Exception | None = None,
) -> Rule:  # fmt: skip
    """A rule that finds these, or raises."""

    def find(_: Seen) -> Iterable[Finding]:
        if error is not None:
            raise error
        return found

    return Rule(code, severity, "title", "why", "remedy", frozenset(needs), find)


def judged(one: Rule, **options: Any) -> RuleResult:
    defaults: dict[str, Any] = {"unread": {}, "absent": frozenset(), "embedded": False}
    (result,) = judge([one], fleet(), **(defaults | options))
    return result


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    pages = {path.stem for path in DOCS.glob("*.md")}
    assert pages == {each.code for each in RULES} | {"README"}


@pytest.mark.parametrize("each", RULES, ids=lambda each: each.code)
def test_a_rule_says_what_it_is(each: Rule) -> None:
    """A title, why it matters in one sentence, what to do; and its page names its severity."""
    assert each.area in AREAS
    assert each.title
    assert each.why.endswith(".")
    assert ". " not in each.why, "one sentence"
    assert each.remedy.endswith(".")
    page = (DOCS / f"{each.code}.md").read_text("utf-8")
    assert each.code in page.splitlines()[0]
    assert each.severity.value in page.lower()


def test_codes_are_unique_and_every_area_is_there() -> None:
    assert len({each.code for each in RULES}) == len(RULES)
    assert {each.area for each in RULES} == AREAS


def test_the_overview_of_the_rules_names_each() -> None:
    overview = (DOCS / "README.md").read_text("utf-8")
    for each in RULES:
        (row,) = [line for line in overview.splitlines() if f"]({each.code}.md)" in line]
        assert row.endswith(f" {_FOR[each.shown_to]} tenants |")


def test_nothing_to_find_in_nothing() -> None:
    """No rule finds anything in an empty deployment, and none breaks."""
    for result in judge(RULES, fleet(), unread={}, absent=frozenset(), embedded=True):
        assert not result.findings
        assert result.state is not RuleState.FOUND


def test_a_rule_is_run_only_where_all_it_needs_was_read() -> None:
    found = Finding("collision.x", "s", Severity.HIGH, "w")
    needy, why = rule(found, needs=[Need.KEYS, Need.REDIS]), Problem("redis did not answer")
    assert judged(needy).findings == (found,)
    unread = judged(needy, unread={Need.KEYS: why})
    assert (unread.state, unread.reason) == (RuleState.UNKNOWN, why)
    absent = judged(needy, absent=frozenset({Need.REDIS}))
    assert absent.state is RuleState.NOT_CONFIGURED
    assert not unread.findings + absent.findings
    other = judged(needy, unread={Need.QDRANT: why}, absent=frozenset({Need.VECTORS}))
    assert other.state is RuleState.FOUND


def test_a_rule_that_cannot_tell_is_unknown() -> None:
    result = judged(rule(error=CannotTell("the server does not say it")))
    assert (result.state, result.reason) == (
        RuleState.UNKNOWN,
        Problem("the server does not say it"),
    )
    assert judged(rule()).state is RuleState.PASSED


def test_the_embedded_engines_are_not_exposed() -> None:
    """Nobody else reaches them."""
    exposed = rule(Finding("exposure.x", "s", Severity.HIGH, "w"), code="exposure.x")
    assert judged(exposed, embedded=True).state is RuleState.NOT_CONFIGURED
    assert judged(exposed).state is RuleState.FOUND


results = st.lists(
    st.tuples(st.sampled_from(Severity), st.sampled_from(RuleState)), min_size=1, max_size=12
)


@given(results)
def test_the_score_is_of_what_could_be_looked_at(drawn: list[tuple[Severity, RuleState]]) -> None:
    """100 where all of that passes, 0 where none does; what is unknown moves it neither way."""
    audit = Audit(NOW, fleet().snapshot, tuple(
        RuleResult(rule(code=f"x.{n}", severity=severity), state)
        for n, (severity, state) in enumerate(drawn)
    ))  # fmt: skip
    told = [(s, state) for s, state in drawn if s.weight
            and state in (RuleState.PASSED, RuleState.FOUND)]  # fmt: skip
    if not told:
        assert audit.score is None
        return
    assert audit.score is not None
    assert 0 <= audit.score <= 100
    states = {state for _, state in told}
    if states == {RuleState.PASSED}:
        assert audit.score == 100
    if states == {RuleState.FOUND}:
        assert audit.score == 0


@given(
    st.builds(
        Finding,
        code=names,
        subject=names,
        severity=st.sampled_from(Severity),
        what=names,
        tenants=st.lists(
            st.builds(TenantKey, st.sampled_from(["tenant", "kb"]), names | st.just(""))
        ).map(tuple),
        kb_ids=st.lists(names).map(tuple),
        evidence=st.dictionaries(
            names, values | st.builds(Fact, values, st.sampled_from(About))
        ),
        remedy=names,
        deeds=st.lists(st.builds(Deed, st.sampled_from(DeedKind), names)).map(tuple),
    )
)  # fmt: skip
def test_a_finding_is_read_back_as_it_was_written(finding: Finding) -> None:
    """Whatever its names hold; and the text is ASCII."""
    text = finding_json(finding)
    assert text.isascii()
    assert finding_of(text) == finding
    assert finding_of(text).id == finding.id


def test_an_audit_is_read_back() -> None:
    found = Finding("collision.x", "s", Severity.HIGH, "w")
    kept = (judged(rule(found)), judged(rule(code="a.b"), unread={}),
            RuleResult(rule(code="c.d"), RuleState.UNKNOWN, reason=DOWN))  # fmt: skip
    audit = Audit(NOW, fleet().snapshot, kept, seconds=1.5)
    report = report_of(NOW, audit_json(audit), ())
    assert (report.seconds, report.score) == (1.5, 50)
    assert [(r.code, r.state, r.count, r.reason) for r in report.rules] == [
        ("collision.x", RuleState.FOUND, 1, None), ("a.b", RuleState.PASSED, 0, None),
        ("c.d", RuleState.UNKNOWN, 0, DOWN),
    ]  # fmt: skip
    assert json.loads(audit_json(audit))["score"] == 50


@pytest.mark.parametrize("severity", Severity)
def test_severities_are_in_order(severity: Severity) -> None:
    order = list(Severity)
    for other in Severity:
        assert severity.at_least(other) == (order.index(severity) <= order.index(other))
