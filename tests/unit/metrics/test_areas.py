"""What is told of snapshot, stores, audit and purges: unknown is absent, and never 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

from services.alerts.models import Delivery, Kind
from services.alerts.tally import AlertTally
from services.errors import Fault, Problem
from services.figures import Amount, Measure, Precision, StoreState
from services.isolation.models import (
    Acceptance,
    Finding,
    Record,
    Report,
    RuleState,
    RuleSummary,
)
from services.isolation.severity import Severity
from services.jobs.models import JobState
from services.metrics.alerts import alerts
from services.metrics.backups import backups
from services.metrics.findings import findings
from services.metrics.jobs import jobs
from services.metrics.models import Books, JobTally, Moment, Running, Tally
from services.metrics.purges import purges
from services.metrics.stores import about, measures, stores
from services.purge.job import Outcome
from services.usage.refresh import CollectorState
from services.usage.snapshot import StoreFigures
from tests.unit.metrics.made import NOW, Made, Series, backed, moment, series, snapshot, value

DOWN = Problem(store="redis", fault=Fault.UNAVAILABLE)


def told(area: Callable[[Moment], Iterator[Metric]], at: Moment) -> Series:
    return series(generate_latest(Made(area(at))))


def test_the_snapshots_age_and_what_it_took() -> None:
    found = told(about, moment(snapshot(), named=4, others=2))
    assert value(found, "snapshot_age_seconds") == 60
    assert value(found, "snapshot_timestamp_seconds") == NOW.timestamp()
    assert value(found, "snapshot_duration_seconds") == 5
    assert value(found, "refreshes_total") == 3
    assert value(found, "refresh_failures_total") == 1
    assert value(found, "tenants", named="true") == 4
    assert value(found, "tenants", named="false") == 2


def test_how_many_tenants_there_are_is_unknown_with_a_store() -> None:
    """One that only it knows is not found; one that is not configured knows none."""
    down = StoreFigures(Measure.KEYS, StoreState.UNKNOWN, reason=DOWN)
    assert value(told(about, moment(snapshot(keys=down))), "tenants", named="true") is None
    absent = StoreFigures(Measure.KEYS, StoreState.NOT_CONFIGURED)
    assert value(told(about, moment(snapshot(keys=absent))), "tenants", named="true") == 0


def test_a_measure_that_was_read() -> None:
    keys = StoreFigures(
        Measure.KEYS, StoreState.OK, Amount(9, 90), collected_at=NOW, seconds=1.5,
        precision=Precision.SAMPLED, difference=Amount(2, None),
    )  # fmt: skip
    found = told(measures, moment(snapshot(keys=keys)))
    assert {name: value(found, name, measure="keys") for name in (
        "measure_known", "measure_sampled", "measure_read_duration_seconds", "stored",
        "stored_bytes", "unaccounted", "unaccounted_bytes",
    )} == {
        "measure_known": 1, "measure_sampled": 1, "measure_read_duration_seconds": 1.5,
        "stored": 9, "stored_bytes": 90, "unaccounted": 2, "unaccounted_bytes": None,
    }  # fmt: skip
    assert value(found, "measure_sampled", measure="patterns") == 0


@pytest.mark.parametrize(
    ("figures", "known", "read"),
    [
        (StoreFigures(Measure.KEYS, StoreState.UNKNOWN, reason=DOWN, collected_at=NOW), 0, True),
        (StoreFigures(Measure.KEYS, StoreState.UNKNOWN, reason=DOWN), 0, False),
        (StoreFigures(Measure.KEYS, StoreState.NOT_CONFIGURED), None, False),
        (StoreFigures(Measure.KEYS, StoreState.OK, Amount(1, 1), collected_at=NOW, share=0.2,
                      seconds=9.0), 0, False),
    ],
)  # fmt: skip
def test_a_measure_that_was_not(figures: StoreFigures, known: int | None, read: bool) -> None:
    """When it was read last is known of one that failed, and nothing else."""
    found = told(measures, moment(snapshot(keys=figures)))
    mine = {name: v for (name, labels), v in found.items() if ("measure", "keys") in labels}
    expected = {} if known is None else {"kato_tenants_measure_known": known}
    if read:
        expected["kato_tenants_measure_read_timestamp_seconds"] = NOW.timestamp()
    assert mine == expected


def test_which_stores_answer() -> None:
    down = StoreFigures(Measure.KEYS, StoreState.UNKNOWN, reason=DOWN)
    absent = StoreFigures(Measure.VECTORS, StoreState.NOT_CONFIGURED)
    found = told(stores, moment(snapshot(keys=down, vectors=absent), books=Books(up=True)))
    assert {store: value(found, "store_up", store=store) for store in (
        "clickhouse", "redis", "qdrant", "kato", "records",
    )} == {"clickhouse": 1, "redis": 0, "qdrant": None, "kato": 1, "records": 1}  # fmt: skip


def test_a_store_that_was_not_asked_to_the_end_is_not_said_to_answer() -> None:
    """KATO's own pass leaves no sign in figures that are shown on the way."""
    begun = StoreFigures(Measure.KEYS, StoreState.UNKNOWN, precision=Precision.RUNNING)
    shown = CollectorState(snapshot(keys=begun), refreshing_since=NOW)
    found = told(stores, moment(snapshot(), collector=shown))
    assert value(found, "store_up", store="redis") is None
    assert value(found, "store_up", store="kato") is None
    assert value(found, "store_up", store="clickhouse") == 1
    assert value(found, "store_up", store="records") is None


def _report(*records: Record, unknown: int = 0) -> Report:
    rules = [RuleSummary("a.b", RuleState.PASSED), RuleSummary("c.d", RuleState.FOUND, 1)]
    rules += [RuleSummary("e.f", RuleState.UNKNOWN)] * unknown
    return Report(NOW, 2.5, 80, tuple(rules), records)


def _found(severity: Severity, subject: str, **more: object) -> Record:
    long = NOW - timedelta(days=9)
    return Record(Finding("c.d", subject, severity, "what"), long, NOW, **more)  # type: ignore[arg-type]


def test_findings_by_severity_and_status() -> None:
    accepted = Acceptance("ann", "known", NOW)
    report = _report(
        _found(Severity.HIGH, "1"), _found(Severity.HIGH, "2", looked=False),
        _found(Severity.HIGH, "3", acceptance=accepted),
        _found(Severity.HIGH, "4", resolved_at=NOW),
    )  # fmt: skip
    found = told(findings, moment(books=Books(up=True, report=report)))
    high = {s: value(found, "findings", severity="high", status=s)
            for s in ("new", "open", "accepted", "not_checked", "resolved")}  # fmt: skip
    assert high == {"new": 0, "open": 1, "accepted": 1, "not_checked": 1, "resolved": None}
    assert value(found, "findings", severity="critical", status="open") == 0
    assert value(found, "audit_score_ratio") == 0.8
    assert value(found, "audit_duration_seconds") == 2.5
    assert value(found, "audit_timestamp_seconds") == NOW.timestamp()
    assert value(found, "audit_rules", state="found") == 1
    assert value(found, "audit_rules", state="unknown") == 0


def test_no_findings_are_not_said_where_a_rule_could_not_be_checked() -> None:
    """Those that stand are."""
    report = _report(_found(Severity.HIGH, "1"), unknown=1)
    found = told(findings, moment(books=Books(up=True, report=report)))
    assert value(found, "findings", severity="high", status="open") == 1
    assert value(found, "findings", severity="critical", status="open") is None
    assert value(found, "audit_rules", state="unknown") == 1
    assert told(findings, moment()) == {}


def test_purges_by_state_and_those_that_nobody_runs() -> None:
    at = moment().now
    tally = Tally(
        {JobState.RUNNING: 3, JobState.ENDED: 4}, {Outcome.ERASED: 4},
        (
            Running(at - timedelta(hours=2), at + timedelta(seconds=9)),
            Running(at - timedelta(hours=3), at - timedelta(seconds=9)),
            Running(at, None),
        ),
    )  # fmt: skip
    found = told(purges, moment(books=Books(up=True, tally=tally)))
    assert value(found, "purge_jobs", state="running") == 3
    assert value(found, "purge_jobs", state="failed") == 0
    assert value(found, "purge_outcomes", outcome="erased") == 4
    assert value(found, "purge_unattended") == 2
    assert value(found, "purge_longest_running_seconds") == 3 * 3600


def test_without_a_purge_that_runs_none_is_the_longest() -> None:
    found = told(purges, moment(books=Books(up=True, tally=Tally())))
    assert value(found, "purge_unattended") == 0
    assert value(found, "purge_longest_running_seconds") is None
    assert told(purges, moment()) == {}


def test_other_jobs_by_kind_and_those_that_nobody_runs() -> None:
    """A kind of which there never was one has no series."""
    at = moment().now
    left = Running(at, None), Running(at, at + timedelta(seconds=9))
    tally = JobTally({"archive": {JobState.RUNNING: 2}, "park": {JobState.FAILED: 1}},
                     {"archive": left})  # fmt: skip
    found = told(jobs, moment(books=Books(up=True, jobs=tally)))
    assert value(found, "jobs", kind="archive", state="running") == 2
    assert value(found, "jobs", kind="park", state="failed") == 1
    assert value(found, "jobs", kind="park", state="running") == 0
    assert value(found, "jobs", kind="restore", state="failed") is None
    assert value(found, "jobs_unattended", kind="archive") == 1
    assert value(found, "jobs_unattended", kind="park") == 0
    assert told(jobs, moment()) == {}


def test_backups_by_how_they_stand() -> None:
    hours = timedelta(hours=2)
    every = [
        backed("a", proven=NOW), backed("b", proven=NOW, late=hours), backed("c", problem="full"),
        backed("d"), backed("e", run=False), backed("f", run=False, late=hours),
    ]  # fmt: skip
    found = told(backups, moment(books=Books(up=True, backups=every)))
    states = ("proven", "missed", "failed", "taking", "waiting")
    assert [value(found, "backup_tenants", state=s) for s in states] == [1, 2, 1, 1, 1]
    assert told(backups, moment()) == {}


def test_alerts_that_fire_and_routes_that_fail() -> None:
    """Of a route that was sent nothing it is not known how it does; before a look nothing is."""
    routes = (
        Delivery("ops", Kind.WEBHOOK, NOW, 2, failing_since=NOW), Delivery("b", Kind.WEBHOOK, NOW),
        Delivery("new", Kind.WEBHOOK),
    )  # fmt: skip
    firing = {(Severity.HIGH, False): 2, (Severity.HIGH, True): 1}
    found = told(alerts, moment(books=Books(up=True, alerts=AlertTally(firing, NOW, routes))))
    assert value(found, "alerts", severity="high", silenced="false") == 2
    assert value(found, "alerts", severity="high", silenced="true") == 1
    assert value(found, "alerts", severity="critical", silenced="false") == 0
    assert value(found, "alerts_looked_timestamp_seconds") == NOW.timestamp()
    ups = [value(found, "alert_route_up", route=name) for name in ("ops", "b", "new")]
    assert ups == [0, 1, None]
    assert value(found, "alert_messages_waiting", route="ops") == 2
    assert told(alerts, moment()) == {}
    assert told(alerts, moment(books=Books(up=True, alerts=AlertTally(firing)))) == {}
