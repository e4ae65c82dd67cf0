"""What runs in the background has its end in the log, in the name of who began it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from services.access.viewer import Action, Outcome, Role, Viewer
from services.audit_log.models import Event
from services.canary.access import log_canary
from services.canary.models import CanaryReport, CanaryState, Outcome as Came, Probe
from services.jobs.models import JobState
from services.purge.job import Outcome as Purged
from services.purge.log_ends import Ends, log_purge
from tests.servers.logbooks import SqliteLog, sqlite_log
from tests.unit.access.desks import JOB

ANN = Viewer("ann", Role.ADMIN)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    found = sqlite_log(tmp_path)
    yield found
    found.engine.dispose()


def only(log: SqliteLog) -> Event:
    (entry,) = log.entries()
    return entry.event


@pytest.mark.parametrize(
    ("ran", "logged", "reason"),
    [
        ({"outcome": Purged.ERASED, "state": JobState.ENDED}, Outcome.DONE, "ticket"),
        ({"outcome": Purged.PARTIAL, "state": JobState.ENDED}, Outcome.FAILED, "ticket: partial"),
        ({"state": JobState.STOPPED}, Outcome.FAILED, "ticket: stopped"),
        ({"state": JobState.FAILED, "problem": "redis: no answer"}, Outcome.FAILED,
         "ticket: failed: redis: no answer"),
    ],
)  # fmt: skip
def test_how_far_a_purge_came_is_logged(
    log: SqliteLog, ran: dict[str, Any], logged: Outcome, reason: str
) -> None:
    job = replace(JOB, **{"problem": "", **ran})
    log_purge(log.logbook, Mock(spec=Ends), job)
    event = only(log)
    assert (event.who, event.action, event.tenants) == ("ann", "run a purge", ("tenant/acme",))
    assert (event.outcome, event.reason, event.digest) == (logged, reason, job.plan.digest)
    assert job.id in event.target


def test_a_long_ticket_leaves_room_for_what_came_of_it(log: SqliteLog) -> None:
    """A reason of a purge may be longer than what an entry has for it."""
    long = "ticket " * 200
    job = replace(JOB, state=JobState.FAILED, reason=long, problem="redis: no answer")
    log_purge(log.logbook, Mock(spec=Ends), job)
    request = log.logbook.begin(ANN, Action.RUN_PURGE, reason=long)
    log.logbook.end(request, Outcome.FAILED, reason="redis: no answer")
    for event in (log.entries()[0].event, log.entries()[-1].event):
        assert event.reason.startswith("ticket ticket")
        assert event.reason.endswith(": redis: no answer")


def test_a_refusal_is_without_the_ticket(log: SqliteLog) -> None:
    """A confined viewer is told why others were refused, and a ticket may name anybody."""
    request = log.logbook.begin(ANN, Action.RUN_PURGE, reason="as globex asked")
    log.logbook.end(request, Outcome.REFUSED, reason="a second person has to approve")
    begun, refused = (entry.event.reason for entry in log.entries())
    assert (begun, refused) == ("as globex asked", "a second person has to approve")


def test_a_purge_that_still_runs_has_no_end(log: SqliteLog) -> None:
    running = replace(JOB, state=JobState.RUNNING)
    log_purge(log.logbook, Mock(spec=Ends), running)
    assert not log.entries()


def report(*outcomes: Came, left: tuple[str, ...] = ()) -> CanaryReport:
    """What a run found, when every probe came to one of these."""
    probes = tuple(Probe("asked", "a", "b", outcome) for outcome in outcomes)
    return CanaryReport(JOB.created_at, 1.0, "ann", "KATO", probes, (), left)


@pytest.mark.parametrize(
    ("state", "logged", "reason"),
    [
        (CanaryState(report(Came.PASSED)), Outcome.DONE, "verdict: passed"),
        (CanaryState(report(Came.FAILED)), Outcome.DONE, "verdict: failed"),
        (CanaryState(report(Came.PASSED, left=("a key",))), Outcome.FAILED, "verdict: unknown"),
        (CanaryState(problem="redis: no answer"), Outcome.FAILED, "redis: no answer"),
        (CanaryState(report(Came.PASSED), problem="it was interrupted"), Outcome.FAILED,
         "it was interrupted"),
    ],
)  # fmt: skip
def test_what_a_canary_test_came_to_is_logged(
    log: SqliteLog, state: CanaryState, logged: Outcome, reason: str
) -> None:
    """A test that found a leak was done; one that left something, or came to nothing, was not."""
    log_canary(log.logbook, "ann", state)
    event = only(log)
    assert (event.who, event.action) == ("ann", Action.RUN_CANARY.value)
    assert (event.outcome, event.reason) == (logged, reason)


def test_a_log_that_is_gone_stops_nothing_that_has_ended(
    log: SqliteLog, caplog: pytest.LogCaptureFixture
) -> None:
    log.break_for_good()
    log_purge(log.logbook, Mock(spec=Ends), JOB)
    log_canary(log.logbook, "ann", CanaryState(report(Came.PASSED)))
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
