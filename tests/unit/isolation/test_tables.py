"""Findings as rows and words: filters, status over time, score, evidence, and sums that add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from dashboard.app import state_keys as session
from dashboard.draw import charts, notices as presenters
from dashboard.draw.downloads import as_csv, as_parquet
from dashboard.draw.formatting import visible
from dashboard.draw.measures import WORDS
from dashboard.isolation import (
    conservation as isolation_sums,
    tables as isolation_tables,
    words as isolation_words,
)
from services.errors import Problem
from services.figures import Amount, Measure, Precision, StoreState, Usage
from services.isolation.models import (
    NEW_FOR,
    Acceptance,
    Deed,
    DeedKind,
    Finding,
    Record,
    Report,
    Rule,
    RuleState,
    RuleSummary,
    Status,
)
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Claim, ClaimState
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures, TenantUsage, Unattributed

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("user", "zed")
HOSTILE = "<b>x</b>\n[a](//evil) $y$ \\ \udcff \u200b 日本"
names = st.text(max_size=30) | st.just(HOSTILE)
times = st.integers(-10_000, 10_000).map(lambda minutes: NOW + timedelta(minutes=minutes))


def rule(code: str, severity: Severity = Severity.HIGH) -> Rule:
    return Rule(code, severity, f"Rule {code}", "it matters", "do this", frozenset(), lambda _: ())


def finding(
    subject: str = "s", *, code: str = "collision.shared-kb", severity: Severity = Severity.HIGH,
    tenants: tuple[TenantKey, ...] = (), kb_ids: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    return Finding(code, subject, severity, f"{subject} is so.", tenants, kb_ids)


def record(of: Finding | None = None, *, days: float = 3) -> Record:
    return Record(of or finding(), NOW - timedelta(days=days), NOW)


def report(*records: Record, rules: tuple[RuleSummary, ...] = (), score: int | None = 50) -> Report:
    return Report(NOW, 0.1, score, rules, records)


RULES = {each.code: each for each in (rule("collision.shared-kb"), rule("shared.points"))}

acceptances = st.builds(Acceptance, names, names, times, st.none() | times)
findings = st.builds(
    Finding, st.sampled_from([*RULES, "gone.rule"]), names, st.sampled_from(list(Severity)), names,
    st.lists(st.builds(TenantKey, st.just("tenant"), names), max_size=5).map(tuple),
    st.lists(names, max_size=5).map(tuple),
)  # fmt: skip
records = st.builds(
    Record, findings, times, times, st.none() | times, st.none() | acceptances, st.booleans()
)


@given(st.lists(records, max_size=6, unique_by=lambda each: each.finding.id), times)
def test_every_row_has_its_records_status_and_can_be_shown_and_saved(
    found: list[Record], now: datetime
) -> None:
    """Worked out for all at once, and the same as one by one; no row is lost.

    Whatever names say, every text of a row can be encoded, and is printable but for the lines of
    a search.
    """
    listing = isolation_tables.listing(report(*found), RULES)
    shown = isolation_tables.with_status(listing.frame, now)
    rows = shown.set_index("Id")
    assert len(rows) == len(found)
    for each in found:
        assert rows.loc[each.finding.id, "Status"] == each.status(now).word
    counts = isolation_tables.counts(rows)
    assert sum(counts.values()) == len(report(*found).standing(now))
    for name in ("Finding", "Tenant", "Why", "Accepted by", "Rule"):
        assert all(text.isprintable() for text in shown[name])
    exported = shown[list(isolation_tables.EXPORTED)]
    assert as_csv(exported)
    assert as_parquet(exported)


def test_a_finding_turns_old_after_a_day_to_the_instant() -> None:
    finding = Finding("shared.points", "a", Severity.LOW, "what")
    record = Record(finding, NOW - NEW_FOR, NOW, None, None)
    listing = isolation_tables.listing(report(record), RULES)
    for now, status in ((NOW, Status.OPEN), (NOW - timedelta.resolution, Status.NEW)):
        assert record.status(now) is status
        assert list(isolation_tables.with_status(listing.frame, now)["Status"]) == [status.value]


def test_the_gravest_come_first_and_the_newest_of_these() -> None:
    found = [
        record(finding("old", severity=Severity.LOW), days=9),
        record(finding("new", severity=Severity.LOW), days=1),
        record(finding("worst", severity=Severity.CRITICAL), days=20),
    ]
    frame = isolation_tables.listing(report(*found), RULES).frame
    assert frame["Finding"].tolist() == ["worst is so.", "new is so.", "old is so."]


@pytest.mark.parametrize(
    ("filters", "hits"),
    [
        ({}, {"a", "b", "c"}),
        ({"text": "ACME"}, {"a"}),
        ({"text": "kb_of_b"}, {"b"}),
        ({"text": ".*"}, set()),
        ({"tenant": "tenant/acme"}, {"a"}),
        ({"tenant": "tenant/acm"}, set()),
        ({"severities": ["high", "low"]}, {"a", "c"}),
        ({"areas": ["shared"]}, {"b"}),
        ({"statuses": ["new"]}, {"c"}),
        ({"statuses": ["open"], "severities": ["medium"]}, {"b"}),
        ({"severities": ["critical"], "tenant": "tenant/acme", "text": "a"}, set()),
    ],
)
def test_findings_are_filtered(filters: dict[str, object], hits: set[str]) -> None:
    """Text is no pattern, a tenant is one exactly, and every filter has to pass."""
    found = [
        record(finding("a", tenants=(ACME,))),
        record(finding("b", code="shared.points", severity=Severity.MEDIUM, kb_ids=("kb_of_b",))),
        record(finding("c", severity=Severity.LOW, tenants=(ZED,)), days=0.1),
    ]
    rows = isolation_tables.with_status(isolation_tables.listing(report(*found), RULES).frame, NOW)
    kept = isolation_tables.matching(rows, **filters)  # type: ignore[arg-type]
    assert {text[0] for text in kept["Finding"]} == hits


def test_only_the_gravest_that_stand_ask_for_attention() -> None:
    """At most five one by one; what is accepted, resolved or mild is not among them."""
    grave = [record(finding(str(n))) for n in range(8)]
    accepted = replace(record(finding("known")), acceptance=Acceptance("ada", "so", NOW))
    resolved = replace(record(finding("gone")), resolved_at=NOW)
    worst = record(finding("worst", severity=Severity.CRITICAL))
    mild = record(finding("mild", severity=Severity.MEDIUM))
    notices = isolation_tables.attention(report(*grave, accepted, resolved, mild, worst), NOW)
    assert len(notices) == isolation_tables.NOTICED + 1
    assert notices[0].text == "worst is so."
    assert notices[0].level is presenters.Level.ERROR
    assert notices[0].query == {session.FINDING: worst.finding.id}
    assert notices[-1].text == "4 more findings are critical or high."
    assert isolation_tables.attention(report(mild, accepted), NOW) == ()


def test_what_concerns_a_tenant_names_it_or_its_kb_ids() -> None:
    mine = record(finding("mine", tenants=(ACME, ZED)))
    by_kb = record(finding("by kb", kb_ids=("a_kato",)))
    other = record(finding("other", tenants=(ZED,), kb_ids=("z_kato",)))
    found = isolation_tables.concerning(report(mine, by_kb, other), ACME, ["a_kato"], NOW)
    assert [notice.text for notice in found] == ["mine is so.", "by kb is so."]


def test_what_the_audit_found_is_not_said_twice() -> None:
    """A shared kb_id of a finding is left out of the rest, accepted or not, until resolved."""
    part = KbUsage("a_b_kato", True, Claim(ClaimState.SHARED, (ACME, ZED), "why"), usage(1))
    found = record(finding("a_b_kato", kb_ids=("a_b_kato",)))
    known = replace(found, acceptance=Acceptance("ada", "so", NOW))
    gone = replace(found, resolved_at=NOW)
    fleet = snapshot(shared=(part,))
    for told, said in ((found, 0), (known, 0), (gone, 1)):
        areas = isolation_tables.told(report(told))
        assert len(presenters.notices(fleet, told=areas)) == said


def test_a_long_name_leaves_a_notice_short() -> None:
    (notice,) = isolation_tables.attention(report(record(finding("x" * 10_000))), NOW)
    assert len(notice.text) <= isolation_tables.NOTICE_LENGTH


SUMMARIES = {
    "passed": RuleSummary("collision.shared-kb", RuleState.PASSED),
    "found": RuleSummary("collision.shared-kb", RuleState.FOUND, 3),
    "unknown": RuleSummary("shared.points", RuleState.UNKNOWN, 0, Problem("redis did not answer")),
    "absent": RuleSummary("shared.points", RuleState.NOT_CONFIGURED, 0, Problem("not configured")),
}


@pytest.mark.parametrize(
    ("states", "score", "value", "note"),
    [
        (["passed"], 100, "100 %", "1 rule checked"),
        (["passed", "absent"], 100, "100 %", "1 rule checked"),
        (["passed", "unknown"], 100, "50 to 100 %", "1 rule unknown"),
        (["found", "unknown"], 0, "0 to 50 %", "1 rule unknown"),
        (["unknown"], None, "unknown", "1 rule unknown"),
        ([], None, "unknown", "0 rules checked"),
    ],
)
def test_the_score_says_what_it_leaves_open(
    states: list[str], score: int | None, value: str, note: str
) -> None:
    """What is unknown is neither passed nor found: the score of all lies between."""
    found = report(rules=tuple(SUMMARIES[state] for state in states), score=score)
    assert isolation_words.score(found, RULES) == isolation_words.Score(value, note)


def test_nothing_found_is_not_0_where_a_rule_is_unknown() -> None:
    """Of its severity: what else there may be is not known."""
    found = report(rules=(SUMMARIES["unknown"],))
    counts = {Severity.CRITICAL: 0, Severity.HIGH: 0}
    words = isolation_words.severity_words(counts, found, RULES)
    assert words == {Severity.CRITICAL: "0", Severity.HIGH: "unknown"}
    words = isolation_words.severity_words({Severity.HIGH: 3}, found, RULES)
    assert words == {Severity.HIGH: "≥ 3"}


def test_rules_that_were_not_run_have_no_count_and_a_reason() -> None:
    """Unknown first; a rule that this version has no more is shown by its code."""
    gone = RuleSummary("old.rule", RuleState.PASSED)
    found = report(rules=(SUMMARIES["found"], gone, SUMMARIES["unknown"]))
    frame = isolation_words.rules_frame(found, RULES)
    assert frame["State"].tolist() == ["unknown", "issues found", "passed"]
    assert frame["Findings"].isna().tolist() == [True, False, False]
    assert frame["Reason"].iloc[0] == "redis did not answer"
    assert frame["Rule"].iloc[2] == "old.rule"
    assert isolation_words.unknown_words(found) == ("1 rule: redis did not answer",)
    assert isolation_words.rule_counts(found)["unknown"] == 1


def test_evidence_is_facts_and_names_all_of_them_visible() -> None:
    """One name alone is a fact; what is listed under two names stands once."""
    seen = {"keys": 1234, "share": 0.5, "index": HOSTILE, "glob": ("a_*",), "nodes": ("n\n", "m")}
    found = replace(finding(tenants=(ACME, ZED), kb_ids=("n\n", "m")), evidence=seen)
    facts = isolation_words.facts(found.evidence)
    assert facts == {"keys": "1,234", "share": "0.5", "index": visible(HOSTILE), "glob": "a_*"}
    assert isolation_words.names_seen(found) == {
        "tenants": ["tenant/acme", "user/zed"],
        "nodes": ["n\\n", "m"],
    }


def test_each_deed_leads_to_its_page() -> None:
    """Once each; sessions that write a kb_id are looked for by its tenant."""
    deeds = (
        Deed(DeedKind.TENANT, "tenant/a\nb"), Deed(DeedKind.TENANT, "tenant/a\nb"),
        Deed(DeedKind.PURGE_TENANT, "tenant/acme"), Deed(DeedKind.SESSIONS, "a_kato"),
        Deed(DeedKind.SESSIONS), Deed(DeedKind.FIND, "x" * 500), Deed(DeedKind.SYSTEM, "redis"),
    )  # fmt: skip
    found = replace(finding(tenants=(ACME,), kb_ids=("a_kato",)), deeds=deeds)
    links = isolation_words.links(found)
    assert [(link.page, dict(link.query)) for link in links] == [
        ("tenant", {session.TENANT: "tenant/a\\nb"}),
        ("purge", {session.TENANT: "tenant/acme"}),
        ("sessions", {session.SESSIONS_TENANT: "tenant/acme"}),
        ("sessions", {}),
        ("find", {session.FIND: "x" * 500}),
        ("system", {}),
    ]
    assert all(len(link.label) < 100 for link in links)


@pytest.mark.parametrize("kind", DeedKind)
def test_no_kind_of_deed_is_without_a_page(kind: DeedKind) -> None:
    (link,) = isolation_words.links(replace(finding(), deeds=(Deed(kind, "tenant/acme"),)))
    assert link.label


def test_an_acceptance_ends_with_a_day_after_a_time_or_never() -> None:
    """A day to its end, in UTC; one that was not chosen is no end in the future."""
    midday = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert isolation_words.until_of("For good", None, midday) is None
    assert isolation_words.until_of("For 30 days", None, midday) == timedelta(days=30)
    chosen = isolation_words.until_of("Until a day", date(2026, 2, 1), midday)
    assert chosen == datetime(2026, 2, 2, tzinfo=UTC)
    assert isolation_words.until_of("Until a day", None, midday) == midday


def test_an_acceptance_says_when_it_has_ended() -> None:
    held = Acceptance("ada\n", "so", NOW, NOW + timedelta(days=1))
    words = isolation_words.acceptance_words(held, NOW)
    assert words["By"] == "ada\\n"
    assert "passed" not in words["Until"]
    assert "passed" in isolation_words.acceptance_words(held, NOW + timedelta(days=2))["Until"]
    assert isolation_words.acceptance_words(replace(held, until=None), NOW)["Until"] == "for good"


def usage(count: int) -> Usage:
    amount = Amount(count, count * 10)
    return Usage(amount, amount, amount, amount, {})


def snapshot(
    own: list[int] | None = None, shared: tuple[KbUsage, ...] = (), nobodys: int = 0,
    figures: StoreFigures | None = None,
) -> Snapshot:  # fmt: skip
    tenants = tuple(
        TenantUsage(TenantKey("tenant", str(n)), ClaimState.KNOWN, usage(count), ())
        for n, count in enumerate(own or [])
    )
    stores = {m: figures or StoreFigures(m, StoreState.OK, Amount(1, 1)) for m in Measure}
    return Snapshot(NOW, stores, tenants, shared, Unattributed(usage(nobodys)))


counts = st.integers(0, 10**9)


@given(st.lists(counts, max_size=30), st.lists(counts, max_size=5), counts)
def test_the_parts_of_a_bar_sum_to_the_whole(
    own: list[int], shared: list[int], nobodys: int
) -> None:
    """Tenants, shared and nobody's are all there is, and the bar draws all of it."""
    claim = Claim(ClaimState.SHARED, (ACME, ZED), "why")
    parts = tuple(KbUsage(str(n), True, claim, usage(count)) for n, count in enumerate(shared))
    for sums in isolation_sums.sums(snapshot(own, parts, nobodys)):
        assert sums.sum == sum(own) + sum(shared) + nobodys
        bar = charts.stacked(sums.figures.measure, sums.parts)
        assert sum(trace.x[0] for trace in bar.data) == sums.sum


@pytest.mark.parametrize("state", [StoreState.UNKNOWN, StoreState.NOT_CONFIGURED])
def test_what_is_unknown_is_not_summed(state: StoreState) -> None:
    """It has no parts, and no sum that could be taken for 0."""
    figures = StoreFigures(Measure.KEYS, state, reason=Problem("redis did not answer"))
    for sums in isolation_sums.sums(snapshot([5], figures=figures)):
        assert sums.parts == ()
        assert sums.sum is None


def test_a_difference_is_said_with_its_sign_and_its_reason() -> None:
    figures = StoreFigures(
        Measure.KEYS, StoreState.OK, Amount(3, 3), difference=Amount(-2, 0), collected_at=NOW
    )
    sums = next(iter(isolation_sums.sums(snapshot([5], figures=figures))))
    assert isolation_sums.sums_words(sums) == "sum 5, off by -2"
    assert isolation_sums.sums_note(sums) == "The store changed while it was read."
    running = replace(sums, figures=replace(figures, precision=Precision.RUNNING))
    assert "pass is running" in isolation_sums.sums_note(running)
    assert isolation_sums.times_words(sums, snapshot()) == (
        "Total read 2026-01-31 12:00:00 UTC, parts summed 12:00:00 UTC."
    )


def test_the_same_colour_means_the_same_store() -> None:
    """The tenants' part of a bar has the colour that its measure has elsewhere."""
    for measure in Measure:
        bar = charts.stacked(measure, (("tenants", 3), ("shared", 0), ("unowned", 1)))
        assert bar.data[0].marker.color == WORDS[measure].shade
        assert len(bar.data) == 2
