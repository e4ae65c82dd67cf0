"""Findings over time, in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from services.errors import FindingError
from services.isolation.models import (
    NEW_FOR,
    Acceptance,
    Audit,
    Deed,
    DeedKind,
    Finding,
    Record,
    Report,
    Rule,
    RuleResult,
    RuleState,
    Status,
)
from services.isolation.severity import Severity
from services.stores.records import findings as finding_book
from services.stores.records.findings import FindingBook
from services.tenancy.kb_ids import TenantKey
from tests.servers.records import Records
from tests.unit.isolation.fleets_seen import fleet

T0 = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CODES = ("collision.a", "orphan.b")
SNAPSHOT = fleet().snapshot


def finding(subject: str, code: str = CODES[0], **more: object) -> Finding:
    return Finding(code, subject, Severity.HIGH, f"{subject} is odd", **more)  # type: ignore[arg-type]


def audit(
    *found: Finding, at: datetime, unknown: Iterable[str] = (), codes: Iterable[str] = CODES
) -> Audit:
    """An audit of two rules that found these."""
    results = []
    for code in codes:
        rule = Rule(code, Severity.HIGH, code, "why", "do", frozenset(), lambda _: ())
        mine = tuple(each for each in found if each.code == code)
        state = RuleState.FOUND if mine else RuleState.PASSED
        results.append(RuleResult(rule, RuleState.UNKNOWN if code in unknown else state, mine))
    return Audit(at, SNAPSHOT, tuple(results), {}, 0.5)


@pytest.fixture
def book(records: Records) -> FindingBook:
    return FindingBook(records.engine())


def report_of(book: FindingBook) -> Report:
    report = book.report()
    assert report is not None
    return report


def by_subject(book: FindingBook) -> Mapping[str, Record]:
    return {record.finding.subject: record for record in report_of(book).records}


def test_before_the_first_audit_there_is_no_report(book: FindingBook) -> None:
    assert book.report() is None
    assert book.scores() == ()


def test_a_finding_is_read_back_as_it_was(book: FindingBook) -> None:
    """Names may hold anything."""
    hostile = finding(
        "x\udcff\0'\u202e", tenants=(TenantKey("tenant", "O'B\udc80"),), kb_ids=("k\n_kato",),
        evidence={"count": 3, "share": 0.5, "names": ("a\0", "\ud800")}, remedy="do",
        deeds=(Deed(DeedKind.TENANT, "tenant/x\udcff"),),
    )  # fmt: skip
    book.keep(audit(hostile, at=T0))
    (record,) = report_of(book).records
    assert record == Record(hostile, T0, T0)
    assert report_of(book).score == 50


def test_new_still_there_and_resolved(book: FindingBook) -> None:
    """Each keeps the time it was first seen at; what is gone is resolved, not forgotten."""
    book.keep(audit(finding("stays"), finding("goes"), at=T0))
    book.keep(audit(finding("stays", remedy="other"), at=T0 + MINUTE))
    found = by_subject(book)
    assert found["stays"].first_seen == T0
    assert found["stays"].last_seen == T0 + MINUTE
    assert found["stays"].finding.remedy == "other"
    assert found["stays"].status(T0 + MINUTE) is Status.NEW
    assert found["stays"].status(T0 + NEW_FOR) is Status.OPEN
    assert found["goes"].resolved_at == T0 + MINUTE
    assert found["goes"].status(T0 + MINUTE) is Status.RESOLVED


def test_what_could_not_be_looked_at_is_not_resolved(book: FindingBook) -> None:
    """Not by its own rule's silence, and not by another rule's pass."""
    book.keep(audit(finding("a"), finding("b", CODES[1]), at=T0))
    book.keep(audit(at=T0 + MINUTE, unknown=[CODES[0]]))
    found = by_subject(book)
    assert found["a"].resolved_at is None
    assert found["a"].status(T0 + MINUTE) is Status.UNSEEN
    assert found["b"].status(T0 + MINUTE) is Status.RESOLVED
    assert [rule.code for rule in report_of(book).unknown] == [CODES[0]]


def test_what_comes_back_begins_anew(book: FindingBook) -> None:
    """Someone accepted what was there then, not this."""
    book.keep(audit(finding("a"), at=T0))
    book.accept(finding("a").id, Acceptance("ada", "known", T0))
    book.keep(audit(at=T0 + MINUTE))
    book.keep(audit(finding("a"), at=T0 + 2 * MINUTE))
    record = by_subject(book)["a"]
    assert (record.first_seen, record.resolved_at) == (T0 + 2 * MINUTE, None)
    assert record.acceptance is None


def test_an_acceptance_holds_until_its_time(book: FindingBook) -> None:
    book.keep(audit(finding("a"), at=T0))
    until = T0 + MINUTE
    book.accept(finding("a").id, Acceptance("ada", "ticket 1", T0, until))
    book.accept(finding("a").id, Acceptance("bob", "ticket 2", T0, until))
    record = by_subject(book)["a"]
    assert record.acceptance == Acceptance("bob", "ticket 2", T0, until)
    assert record.status(T0) is Status.ACCEPTED
    assert record.status(until) is not Status.ACCEPTED
    assert not report_of(book).standing(T0)
    assert report_of(book).standing(until)
    book.keep(audit(finding("a"), at=T0 + MINUTE))
    assert by_subject(book)["a"].acceptance is not None
    book.withdraw(finding("a").id)
    book.withdraw(finding("a").id)
    assert by_subject(book)["a"].acceptance is None


def test_only_what_is_there_can_be_accepted(book: FindingBook) -> None:
    book.keep(audit(finding("a"), at=T0))
    book.keep(audit(at=T0 + MINUTE))
    for id_ in (finding("a").id, "0" * 16, ""):
        with pytest.raises(FindingError):
            book.accept(id_, Acceptance("ada", "known", T0))


def test_an_older_audit_changes_nothing(book: FindingBook) -> None:
    """Two dashboards may keep their audits in another order than they made them."""
    book.keep(audit(finding("a"), at=T0 + MINUTE))
    book.keep(audit(finding("b"), at=T0))
    assert set(by_subject(book)) == {"a"}
    assert report_of(book).at == T0 + MINUTE


def test_two_dashboards_at_once_keep_both(records: Records) -> None:
    """What each found is kept once, and the last one's view holds."""
    books = [FindingBook(records.engine()) for _ in range(4)]
    found = [finding(str(n)) for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        times = [T0 + n * MINUTE for n in range(8)]
        list(pool.map(lambda n: books[n % 4].keep(audit(*found, at=times[n])), range(8)))
    report = report_of(books[0])
    assert report.at == times[-1]
    assert len(report.records) == 20
    assert all(r.resolved_at is None and r.last_seen == times[-1] for r in report.records)


def test_the_finding_of_a_rule_that_is_no_more_is_resolved(book: FindingBook) -> None:
    """A newer version of this product may drop a rule."""
    book.keep(audit(finding("a"), finding("b", CODES[1]), at=T0))
    book.keep(audit(finding("b", CODES[1]), at=T0 + MINUTE, codes=CODES[1:]))
    assert by_subject(book)["a"].resolved_at == T0 + MINUTE


def test_old_audits_and_resolved_findings_are_forgotten(book: FindingBook) -> None:
    book.keep(audit(finding("a"), finding("b"), at=T0))
    book.keep(audit(finding("b"), at=T0 + MINUTE))
    late = T0 + MINUTE + finding_book.RESOLVED_KEPT + MINUTE
    book.keep(audit(finding("b"), at=late))
    assert set(by_subject(book)) == {"b"}
    assert [at for at, _ in book.scores()] == [late]


def test_the_gravest_come_first(book: FindingBook) -> None:
    low = Finding(CODES[0], "z", Severity.LOW, "low")
    book.keep(audit(low, finding("b"), finding("a"), at=T0))
    assert [record.finding.subject for record in report_of(book).records] == ["a", "b", "z"]
