"""Metrics of the isolation audit. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from services.isolation.models import Report, RuleState, Status
from services.isolation.severity import Severity
from services.metrics.catalogue import gauge, single
from services.metrics.models import Moment

_STANDING = tuple(status for status in Status if status is not Status.RESOLVED)


def findings(moment: Moment) -> Iterator[Metric]:
    """Yield what the last audit came to; nothing before the first."""
    report = moment.books.report
    if report is None:
        return
    yield single("audit_timestamp_seconds", report.at.timestamp())
    yield single("audit_duration_seconds", report.seconds)
    if report.score is not None:
        yield single("audit_score_ratio", report.score / 100)
    yield from (_rules(report), _findings(report, moment))


def _rules(report: Report) -> Metric:
    found, counts = gauge("audit_rules"), Counter(rule.state for rule in report.rules)
    for state in RuleState:
        found.add_metric((state.value,), counts[state])
    return found


def _findings(report: Report, moment: Moment) -> Metric:
    """Count findings; none of a severity is told only where every rule could be checked.

    One that could not may find something of any severity up to its own, so of every one.
    """
    found = gauge("findings")
    counts = Counter((r.finding.severity, r.status(moment.now)) for r in report.records)
    for severity in Severity:
        for status in _STANDING:
            number = counts[severity, status]
            if number or not report.unknown:
                found.add_metric((severity.value, _word(status)), number)
    return found


def _word(status: Status) -> str:
    """Return a status as the value of a label: one word."""
    return status.word.replace(" ", "_")
