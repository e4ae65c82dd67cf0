"""An archive's page: a restore is planned, begun, followed, and its receipt has an address."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys
from dashboard.restore import tables
from services.archive import hearing
from services.archive.models import Archive
from services.audit_log.models import LogFilter
from services.bootstrap import Services
from services.figures import Measure
from services.jobs.models import JobState
from services.purge.models import Target
from services.restore.models import GivenUp, Outcome, Receipt
from services.restore.planning import KIND as PLANNING
from tests.features.restore.test_restore import archived, erased
from tests.pages.conftest import Open, Put, SignIn, looked, refresh, words
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


def planned(open_page: Open, services: Services, archive: Archive, named: str = "") -> AppTest:
    app = asked(open_page, archive, named)
    press(app, "Plan (changes nothing)")
    return looked(app, services, PLANNING)


def begun(app: AppTest, archive: Archive) -> AppTest:
    key = f"{state_keys.RESTORE_REASON}_{archive.id}"
    app.text_input(key=key).set_value("OPS-9").run()
    press(app, "Restore it")
    return app


def test_what_was_erased_is_planned_brought_back_and_its_receipt_found_by_its_address(
    archive: Archive, services: Services, open_page: Open
) -> None:
    erased(services)
    refresh(services)
    gone = words(open_page("tenant", tenant="tenant/acme"))
    assert "Nothing in the stores belongs to tenant/acme" in gone
    assert "Newest proven archive: taken" in gone
    app = planned(open_page, services, archive)
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


def test_what_is_left_out_of_a_copy_is_said_with_why_and_takes_no_room_where_nothing_is(
    archive: Archive, services: Services, open_page: Open
) -> None:
    """The plan and the receipt say it alike; a plan of what was erased has no such column."""
    app = planned(open_page, services, archive, "tenant/fresh")
    assert "4 sessions left out: their ids live on as another tenant's" in words(app)
    assert "is not copied" in words(app)
    (parts,) = [each.value for each in app.dataframe if tables.THERE in each.value]
    (sessions,) = parts[parts["Part"] == "Sessions"].to_dict("records")
    assert (sessions[tables.THERE], sessions[tables.LEFT_OUT]) == (0, 4)
    app = begun(app, archive)
    (job,) = services.restore.jobs()
    services.restore.run_here(job.id)
    app = open_page("archive", restore=job.id)
    assert "Every row, key and point but what was left out is as in the archive." in words(app)
    assert "4 sessions left out" in words(app)
    app = planned(open_page, services, archive)
    assert not [each for each in app.dataframe if tables.LEFT_OUT in each.value]


def test_as_a_tenant_whose_names_are_others_it_does_not_begin(
    archive: Archive, services: Services, open_page: Open
) -> None:
    """As setup refuses it: `acme_corp` and `acme-corp` have one kb_id."""
    services.state.record_nodes({"tenant:acme_two:user:bob": "session"}, services.now())
    app = planned(open_page, services, archive, "tenant/acme-two")
    assert "others have" in words(app).lower()
    assert "tenant/acme_two" in words(app)
    app.text_input(key=f"{state_keys.RESTORE_REASON}_{archive.id}").set_value("OPS-9").run()
    assert app.button(key="restore_begin").disabled
    assert asked(open_page, archive, "nonsense").button(key="restore_plan").disabled


def test_one_is_stopped_and_goes_on(archive: Archive, services: Services, open_page: Open) -> None:
    erased(services)
    begun(planned(open_page, services, archive), archive)
    (job,) = services.restore.jobs()
    app = open_page("archive", restore=job.id)
    press(app, "Stop")
    assert services.restore.run_here(job.id).state is JobState.STOPPED
    app.run()
    assert "It was stopped." in words(app)
    press(app, "Go on")
    assert services.restore.run_here(job.id).outcome == "restored"


def test_a_plan_is_made_while_nobody_looks_and_is_there_when_the_page_is_opened_again(
    archive: Archive, services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is followed and stopped meanwhile; what it came to is not read again to begin."""
    held = threading.Event()
    real = hearing._Heard.read

    def slowly(self: Any, size: int = -1) -> bytes:
        assert held.wait(240)
        return real(self, size)

    monkeypatch.setattr(hearing._Heard, "read", slowly)
    press(asked(open_page, archive), "Plan (changes nothing)")
    app = asked(open_page, archive)  # another tab, of the same or another person
    assert "This tab can be closed" in words(app)
    assert not [each for each in app.button if each.label == "Plan (changes nothing)"]
    press(app, "Stop")
    held.set()
    assert "Planning was stopped" in words(looked(app, services, PLANNING))
    press(app, "Plan (changes nothing)")
    looked(app, services, PLANNING)
    app = asked(open_page, archive)
    assert "Planned " in words(app)
    monkeypatch.setattr("services.restore.service.plan", Mock(side_effect=AssertionError))
    begun(app, archive)
    (job,) = services.restore.jobs()
    assert services.restore.run_here(job.id).outcome == "restored"


def test_one_that_cannot_go_on_is_given_up_with_a_reason(
    archive: Archive, services: Services, open_page: Open, tmp_path: Path
) -> None:
    """What may not be done says why; the page of it says what stays, also with a legal hold."""
    plan = services.restore.plan(archive.name)
    (tmp_path / "archives" / archive.name).unlink()  # before the job is there to be run
    job = services.restore.begin(plan, by="ada", reason="OPS-9")
    assert services.restore.run_here(job.id).state is JobState.FAILED
    app = open_page("archive", restore=job.id)
    assert app.button(key="restore_give_up").disabled
    app.text_input(key=f"{state_keys.RESTORE_WHY_UP}_{job.id}").set_value("deleted [x](y)").run()
    app.button(key="restore_give_up").click().run()
    assert not app.exception
    assert "nothing had been written" in words(app)
    assert "Given up" in words(app)
    ended = services.restore.job(job.id)
    assert (ended.state, ended.outcome) == (JobState.ENDED, Outcome.GIVEN_UP)
    entry = services.logbook.page(LogFilter(text="restore an archive"))[0].event
    assert (entry.reason, entry.tenants) == ("deleted [x](y)", ("tenant/acme",))
    assert list(open_page("archive").dataframe[1].value["State"]) == ["Given up"]


def test_what_stays_of_one_that_was_given_up_is_said_as_far_as_it_is_known() -> None:
    told = GivenUp("ada", "gone", ("patterns", "keys"), {Measure.PATTERNS: 3, Measure.KEYS: None},
                   None)  # fmt: skip
    frame = tables.there_frame(told)
    assert frame["There then"].isna().tolist() == [False, True]
    assert tables.begun_words(told) == ["write the patterns", "write the keys"]


def test_a_file_is_restored_by_its_address_by_who_sees_all(
    archive: Archive, services: Services, open_page: Open, sign_in: SignIn, tmp_path: Path
) -> None:
    app = open_page("archive")
    app.session_state[state_keys.RESTORE_OPEN] = True
    app.run()
    address = f"{tmp_path}/archives/{archive.name}"
    app.text_input(key=state_keys.RESTORE_FILE).set_value(address).run()
    press(app, "Plan (changes nothing)")
    looked(app, services, PLANNING)
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
    app = planned(open_page, services, archive)
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
