"""A run of retention that failed, or left something, asks for somebody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.alerts.models import Verdict
from services.alerts.words import line_of
from services.errors import Problem
from services.jobs.models import Job, JobState
from tests.unit.access.keeping import RUN
from tests.unit.alerts.test_conditions import seen
from tests.unit.alerts.worlds import NOW, alert

RAN = replace(RUN, ended_at=NOW, created_at=NOW)


def found(*jobs: Job) -> Verdict:
    return seen("retention_failed", retention=jobs)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"outcome": "partial"}, "partial"),
        ({"outcome": "unknown"}, "unknown"),
        ({"outcome": "partial", "ended_at": NOW - timedelta(days=8)}, ""),
        ({"state": JobState.FAILED, "outcome": None}, "failed"),
        ({"state": JobState.RUNNING, "outcome": None}, ""),
    ],
)
def test_a_run_that_did_not_do_all(changes: dict[str, object], why: str) -> None:
    """For who sees all tenants: it names none."""
    job = replace(RAN, **changes)  # type: ignore[arg-type]
    told = found(job).seen
    assert [each.facts["why"] for each in told] == ([why] if why else [])
    for each in told:
        assert (each.tenants, each.concerns) == ((), None)
        assert job.id in line_of(alert(code="retention_failed", facts=each.facts))


def test_a_later_run_that_did_ends_it() -> None:
    failed = replace(RAN, state=JobState.FAILED, outcome=None)
    later = replace(RAN, created_at=NOW + timedelta(days=1))
    assert found(failed, later) == Verdict()
    assert seen("retention_failed", retention=Problem("x")).unknown
