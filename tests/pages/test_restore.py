"""An archive's page: a restore is planned, begun, followed, and its receipt has an address."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys
from dashboard.restore import tables
from services.archive.models import Archive
from services.bootstrap import Services
from services.jobs.models import JobState
from services.purge.models import Target
from services.restore.models import Outcome, Receipt
from tests.features.restore.test_restore import archived, erased
from tests.pages.conftest import Open, Put, SignIn, refresh, words
from tests.pages.test_sessions import press
from tests.servers.deployment import Deployment


@pytest.fixture
def archives(put: Put, tmp_path: Path) -> None:
    put({"ARCHIVES": str(tmp_path / "archives"), "SETTLE_SECONDS": "0"})


@pytest.fixture
def archive(archives: None, services: Services) -> Archive:
    return archived(services)


def asked(open_page: Open, archive: Archive, named: str = "") -> AppTest:
    """An archive's page, where it is said as whom it is to come back."""
    app = open_page("archive", archive=archive.id)
    app.session_state[f"{state_keys.RESTORE_OPEN}_{archive.id}"] = True
    app.run()
    if named:
        app.segmented_control(key=f"{state_keys.RESTORE_AS}_{archive.id}").set_value(
            "As another tenant"
        ).run()
        app.text_input(key=f"{state_keys.RESTORE_NAMED}_{archive.id}").set_value(named).run()
    return app


def planned(open_page: Open, archive: Archive, named: str = "") -> AppTest:
    app = asked(open_page, archive, named)
    press(app, "Plan (changes nothing)")
    return app


def begun(app: AppTest, archive: Archive) -> AppTest:
    key = f"{state_keys.RESTORE_REASON}_{archive.id}"
    app.text_input(key=key).set_value("OPS-9").run()
    press(app, "Restore it")
    return app


def test_what_was_erased_is_planned_brought_back_and_its_receipt_found_by_its_address(
    archive: Archive, services: Services, open_page: Open
) -> None:
    erased(services)
    app = planned(open_page, archive)
    assert "A purge erased this" in words(app)
    begun(app, archive)
    (job,) = services.restore.jobs()
    assert app.query_params[state_keys.RESTORE] == job.id
    assert job.reason == "OPS-9"
    services.restore.run_here(job.id)
    app = open_page("archive", restore=job.id)
    assert "Every row, key and point is as in the archive." in words(app)
    listed = open_page("archive").dataframe[1].value
    assert list(listed["State"]) == ["Restored"]
    assert "Restores of it" in words(open_page("archive", archive=archive.id))


def test_what_is_kept_here_is_said_in_words_and_not_by_the_names_of_parts() -> None:
    """A day that is not over is not said to be known otherwise."""
    kept = {"records/cards": 1, "records/owners": 2, "records/history": 3}
    receipt = Receipt(
        Outcome.RESTORED, "a", "", Target(), None, (), datetime(2026, 5, 1, tzinfo=UTC), (),
        kept=kept,
    )  # fmt: skip
    assert list(tables.kept_words(receipt)) == [
        "1 card with other words on it here, and kept.",
        "2 confirmed owners not brought back: something here speaks against it.",
        "3 days of usage otherwise here or not over yet, and not brought back.",
    ]


def test_as_a_tenant_whose_names_are_others_it_does_not_begin(
    archive: Archive, services: Services, open_page: Open
) -> None:
    """As setup refuses it: `acme_corp` and `acme-corp` have one kb_id."""
    services.state.record_nodes({"tenant:acme_two:user:bob": "session"}, services.now())
    app = planned(open_page, archive, "tenant/acme-two")
    assert "others have" in words(app).lower()
    assert "tenant/acme_two" in words(app)
    app.text_input(key=f"{state_keys.RESTORE_REASON}_{archive.id}").set_value("OPS-9").run()
    assert app.button(key="restore_begin").disabled
    assert asked(open_page, archive, "nonsense").button(key="restore_plan").disabled


def test_one_is_stopped_and_goes_on(archive: Archive, services: Services, open_page: Open) -> None:
    erased(services)
    begun(planned(open_page, archive), archive)
    (job,) = services.restore.jobs()
    app = open_page("archive", restore=job.id)
    press(app, "Stop")
    assert services.restore.run_here(job.id).state is JobState.STOPPED
    app.run()
    assert "It was stopped." in words(app)
    press(app, "Go on")
    assert services.restore.run_here(job.id).outcome == "restored"


def test_a_file_is_restored_by_its_address_by_who_sees_all(
    archive: Archive, services: Services, open_page: Open, sign_in: SignIn, tmp_path: Path
) -> None:
    app = open_page("archive")
    app.session_state[state_keys.RESTORE_OPEN] = True
    app.run()
    address = f"{tmp_path}/archives/{archive.name}"
    app.text_input(key=state_keys.RESTORE_FILE).set_value(address).run()
    press(app, "Plan (changes nothing)")
    app.text_input(key=f"{state_keys.RESTORE_REASON}_{address}").set_value("OPS-9").run()
    press(app, "Restore it")
    (job,) = services.restore.jobs()
    assert job.plan["url"] == address
    offered = "Restore a file by its address…"
    assert offered in [each.label for each in open_page("archive").expander]
    sign_in("admin", "tenant/acme")
    assert offered not in [each.label for each in open_page("archive").expander]


def test_with_a_store_down_nothing_is_planned_and_it_says_why(
    archive: Archive, services: Services, open_page: Open, kato: Deployment
) -> None:
    kato.fail("redis", "down")
    refresh(services)
    button = asked(open_page, archive).button(key="restore_plan")
    assert button.disabled
    assert "Redis" in (button.help or "")


def test_who_is_confined_sees_and_restores_what_is_theirs(
    archive: Archive, services: Services, open_page: Open, sign_in: SignIn
) -> None:
    sign_in("operator", "tenant/globex")
    assert "cannot be shown" in words(open_page("archive", archive=archive.id))
    sign_in("operator", "tenant/acme")
    app = planned(open_page, archive)
    button = app.button(key="restore_begin")
    assert button.disabled
    assert "admin" in (button.help or "")
    plan = services.restore.plan(archive.name)
    job = services.restore.begin(plan, by="ada", reason="secret")
    app = open_page("archive", restore=job.id)
    assert "tenant/acme" in words(app)
    assert "secret" not in words(app)
    sign_in("operator", "tenant/globex")
    assert "cannot be shown" in words(open_page("archive", restore=job.id))
    assert "secret" not in words(open_page("archive"))
