"""A tenant's page moves it: planned, copied, cut over by a word; then pages say where it is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dashboard.app import state_keys
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.jobs.looks import Tells
from services.move.models import Outcome, Phase, Plan, phase_of
from services.move.planning import KIND
from tests.features.move.conftest import OTHER, move_to, other, without_acme
from tests.features.restore.test_restore import ACME
from tests.pages.conftest import Open, Put, looked, refresh, words
from tests.pages.test_sessions import press
from tests.servers.sockets import free_port

__all__ = ["move_to", "other", "without_acme"]  # fixtures

NAME, DOWN = str(ACME), "us-1"
PLAN = "See what goes and what stays"


def test_a_tenant_moves(
    request: pytest.FixtureRequest, put: Put, move_to: str, tmp_path: Path
) -> None:
    (tmp_path / "down.env").write_text(f"REDIS_URL=redis://127.0.0.1:{free_port()}/0", "utf-8")
    to = f"{move_to}\n{DOWN} = {tmp_path / 'down.env'}"
    put({"ARCHIVES": str(tmp_path / "archives"), "MOVE_TO": to})
    services: Services = request.getfixturevalue("services")
    open_page: Open = request.getfixturevalue("open_page")
    app = open_page("tenant", tenant=NAME)
    app.session_state[state_keys.of(state_keys.MOVE_OPEN, ACME)] = True
    app.run()
    app.selectbox(key=state_keys.of(state_keys.MOVE_TO, ACME)).set_value(DOWN).run()
    press(app, PLAN)
    looked(app, services, KIND)
    assert f"{DOWN}: " in words(app)  # as it is called, and not with a capital letter
    app.selectbox(key=state_keys.of(state_keys.MOVE_TO, ACME)).set_value(OTHER).run()
    assert "Planned" not in words(app)
    press(app, PLAN)
    looked(app, services, KIND)
    app = open_page("tenant", tenant=NAME)  # by whomever, and whenever
    app.session_state[state_keys.of(state_keys.MOVE_OPEN, ACME)] = True
    app.run()
    app.selectbox(key=state_keys.of(state_keys.MOVE_TO, ACME)).set_value(OTHER).run()
    assert "Planned" in words(app)
    assert f"Copied to {OTHER}, and erased here after the cut-over" in words(app)
    app.text_input(key=state_keys.of(state_keys.MOVE_REASON, ACME)).set_value("OPS-7").run()
    press(app, "Begin to move it")
    (job,) = services.move.jobs()
    assert phase_of(services.move.run_here(job.id)) is Phase.WAITING
    app = open_page("tenant", tenant=NAME)
    assert f"Copied to {OTHER}" in words(app)
    assert not {"Move it", "Park it"} & {each.label for each in app.expander}
    (cut_over,) = (button for button in app.button if button.label == "Cut over")
    assert cut_over.disabled
    app.checkbox(key=state_keys.of(state_keys.MOVE_STOPPED, ACME)).check().run()
    press(app, "Cut over")
    assert services.move.run_here(job.id).outcome == Outcome.MOVED
    refresh(services)
    app = open_page("tenant", tenant=NAME)
    assert f"Moved to {OTHER}" in words(app)
    assert "Nothing in the stores" not in words(app)
    assert NAME in [header.value for header in app.header]
    assert "Moved" in [header.value for header in open_page("tenants").header]
    assert f"{NAME} moved to {OTHER}" in words(open_page("find", find=NAME))
    app = open_page("tenant", tenant=NAME)
    press(app, "Forget that it moved")
    assert services.move.moved(ACME) is None


def test_a_plan_that_is_stopped_or_fails_says_so(
    request: pytest.FixtureRequest, put: Put, move_to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is followed meanwhile, and nobody begins another; where it fails no other is shown."""
    put({"MOVE_TO": move_to})
    services: Services = request.getfixturevalue("services")
    open_page: Open = request.getfixturevalue("open_page")
    begun, held = threading.Event(), threading.Event()

    def waits(*_: object, tells: Tells) -> Plan:
        tells("reading all of it")
        begun.set()
        assert held.wait(240)
        tells("reading more")
        raise StoreUnavailable("redis", "reading", "it is down")

    monkeypatch.setattr(services.move, "plan", waits)
    app = open_page("tenant", tenant=NAME)
    app.session_state[state_keys.of(state_keys.MOVE_OPEN, ACME)] = True
    app.run()
    press(app, PLAN)
    assert begun.wait(240)
    app.run()
    assert "This tab can be closed" in words(app)
    assert PLAN not in [each.label for each in app.button]
    press(app, "Stop")
    held.set()
    assert "Planning was stopped" in words(looked(app, services, KIND))
    press(app, PLAN)
    assert "Redis did not answer (reading): it is down." in words(looked(app, services, KIND))


def test_where_nothing_is_set_nothing_is_offered(services: Services, open_page: Open) -> None:
    assert services.move.destinations() == ()
    app = open_page("tenant", tenant=NAME)
    assert "Move it" not in [each.label for each in app.expander]
