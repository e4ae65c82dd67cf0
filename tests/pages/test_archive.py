"""The page Archives: one is taken, followed, proven and compared; a tenant's page leads to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.app import state_keys
from services.archive.models import State
from services.bootstrap import Services
from tests.pages.conftest import Open, Put, words
from tests.pages.test_sessions import press

ACME = "tenant/acme"


def test_one_is_taken_proven_and_found_from_its_tenant(
    request: pytest.FixtureRequest, put: Put, tmp_path: Path
) -> None:
    put({"ARCHIVES": str(tmp_path / "archives")})
    services: Services = request.getfixturevalue("services")
    open_page: Open = request.getfixturevalue("open_page")
    app = open_page("archive", tenant=ACME)
    assert "None yet." in words(app)
    app.text_input(key=state_keys.ARCHIVE_REASON).set_value("ticket 4711").run()
    press(app, "Take archive")
    (archive,) = services.archive.archives()
    assert (str(archive.target), archive.reason) == (ACME, "ticket 4711")
    services.archive.run_here(archive)
    app.run()
    assert "Proven" in words(app)
    press(app, "Compare with the stores")
    assert "It is as it was written." in words(app)
    assert "The stores hold the same." in words(app)
    (tmp_path / "archives" / archive.name).write_bytes(b"cut")
    press(app, "Verify")
    assert "is refused" in words(app)
    assert services.archive.archive(archive.id).state is State.BROKEN
    press(app, "All archives")
    (take,) = (button for button in app.button if button.label == "Take archive")
    assert take.disabled  # what was typed before is not on the screen any more
    assert "No proven archive of it is known." in words(open_page("tenant", tenant=ACME))


def test_without_a_place_it_says_which_setting_is_missing(
    services: Services, open_page: Open
) -> None:
    app = open_page("archive", tenant=ACME)
    app.text_input(key=state_keys.ARCHIVE_REASON).set_value("x").run()
    press(app, "Take archive")
    assert "KATO_TENANTS_ARCHIVES" in words(app).replace("\\", "")
