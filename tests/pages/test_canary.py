"""The canary test's section: before, while and after a run, and when it failed."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from services.bootstrap import Services
from services.canary.models import CanaryReport, CanaryState, Observation, Outcome, Probe
from tests.pages.conftest import words
from tests.pages.test_sessions import press
from tests.servers.faults import SOON
from tests.waiting import wait_until


@pytest.fixture
def services(reading_services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Those of one deployment for all, in which the canary test has not run yet."""
    monkeypatch.setattr(reading_services.canary, "state", CanaryState())
    monkeypatch.setattr(reading_services.canary, "_tools", reading_services.canary._tools)
    return reading_services


def _script() -> None:
    from dashboard.isolation import canary as canary_part

    canary_part.draw()


def drawn() -> AppTest:
    """The section alone."""
    app = AppTest.from_function(_script, default_timeout=240).run()
    assert not app.exception, app.exception
    return app


def a_report(**changes: object) -> CanaryReport:
    """A small report that passed."""
    probe = Probe("list the patterns", "tenant/canary-a", "tenant/canary-b", Outcome.PASSED)
    seen = Observation("a *thing*", "It `was` seen.", {"TTL": "1 s"})
    report = CanaryReport(datetime.now(UTC), 2.0, "a_da", "KATO API 3.10.1", (probe,), (seen,), ())
    return replace(report, **changes)  # type: ignore[arg-type]


def test_it_says_what_it_does_before_it_does_it(services: Services) -> None:
    """And nothing runs until the button is pressed."""
    text = words(drawn())
    assert "It writes into this deployment" in text
    assert "Not run yet" in text
    assert services.canary.state == CanaryState()


def test_a_run_from_the_button_to_the_result(services: Services) -> None:
    """Progress while it runs, then probes, observations, and that all is clean."""
    gate, real = threading.Event(), services.canary._tools.observe

    def observe():  # type: ignore[no-untyped-def]
        assert gate.wait(SOON)
        return real()

    services.canary._tools = replace(services.canary._tools, observe=observe)
    app = press(drawn(), "Run the canary test")
    assert "Running for" in words(app)
    assert next(b for b in app.button if b.label == "Run the canary test").disabled
    gate.set()
    wait_until(lambda: services.canary.state.report is not None)
    app = drawn()
    text = words(app)
    assert "neither tenant was given anything of the other's" in text
    assert "seen to be gone" in text
    table = app.dataframe[0].value
    assert {result for (result,) in table["Result"]} == {"passed"}
    assert len(table) > 40
    assert any("two tenants" in each.label for each in app.expander)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (CanaryState(a_report(left=("1 `key` of x",))), "the next run tries again"),
        (CanaryState(a_report(left=("1 `key` of x",))), "1 `key` of x"),
        (CanaryState(problem="state did *not* answer"), "did *not* answer"),
        (
            CanaryState(a_report(probes=(replace(
                a_report().probes[0], outcome=Outcome.FAILED, leaked=("its `key`",)),))),
            "1 of 1 question brought back",
        ),
        (
            CanaryState(a_report(probes=(replace(
                a_report().probes[0], outcome=Outcome.UNKNOWN, reason="down"),))),
            "It is not known",
        ),
    ],
)  # fmt: skip
def test_what_did_not_go_well_is_said(services: Services, state: CanaryState, said: str) -> None:
    """What is left, what leaked, what is not known: each in words, and as it is written."""
    services.canary.state = state
    assert said in words(drawn())
