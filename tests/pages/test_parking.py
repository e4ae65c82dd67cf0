"""A tenant's page plans to park it in the background; what was planned before a job is past."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys
from services.bootstrap import Services
from services.parking.planning import KIND
from services.parking.service import ABANDONED
from tests.features.restore.test_restore import ACME
from tests.pages.conftest import Open, Put, SignIn, looked, words
from tests.pages.test_sessions import press

PLAN, PLANNED = "See what goes and what stays", "Goes into the archive, and out of the stores"


def opened(open_page: Open) -> AppTest:
    app = open_page("tenant", tenant=str(ACME))
    app.session_state[state_keys.of(state_keys.PARKING_OPEN, ACME)] = True
    return app.run()


def test_a_plan_is_there_for_whoever_may_plan_until_something_was_begun(
    put: Put, tmp_path: Path, request: pytest.FixtureRequest, open_page: Open, sign_in: SignIn
) -> None:
    put({"ARCHIVES": str(tmp_path / "archives")})
    services: Services = request.getfixturevalue("services")
    app = looked(press(opened(open_page), PLAN), services, KIND)
    for each in (app, opened(open_page)):
        assert PLANNED in words(each)
        assert "Planned" in words(each)
    sign_in("operator", str(ACME))
    assert PLANNED in words(opened(open_page))
    sign_in("admin")
    app = opened(open_page)
    app.text_input(key=state_keys.of(state_keys.PARKING_REASON, ACME)).set_value("OPS-7").run()
    press(app, "Park it now")
    (job,) = services.parking.jobs()
    services.parking.stop(job.id)
    services.parking.run_here(job.id)
    assert services.parking.abandon(job.id).outcome == ABANDONED
    assert PLANNED not in words(opened(open_page))
