"""The Audit log page in every state, and a tenant's part of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, strategies as st
from sqlalchemy import text as sql
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys as session
from dashboard.audit_log import listing as log_list, tables as log_tables
from dashboard.draw.formatting import visible
from services.access.viewer import Action, Outcome, Role, Viewer
from services.audit_log.models import LogFilter
from services.audit_log.service import Logbook
from services.audit_log.verify import Verifier
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.jobs.models import JobState
from services.purge.job import Job
from services.purge.models import Plan, Request, Surface, Target
from services.stores.records.database import open_database
from services.tenancy.kb_ids import TenantKey
from tests.pages.conftest import Open, SignIn, words
from tests.pages.test_sessions import press

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ANN, BOB = Viewer("=ann", Role.ADMIN), Viewer("bob", Role.SUPPORT)
ACME, HOSTILE = TenantKey("tenant", "acme"), TenantKey("tenant", "O'B\udc80\n")


@pytest.fixture
def kept(reading_services: Services, monkeypatch: pytest.MonkeyPatch) -> Logbook:
    """A log with five entries, the same for all tests that add nothing to it, and not verified."""
    log = reading_services.logbook
    monkeypatch.setattr(log, "_verifier", Verifier(log._store, log.anchoring, None))
    return log if log.page(LogFilter()) else with_entries(log)


def with_entries(log: Logbook) -> Logbook:
    log.end(log.begin(ANN, Action.LOOK, tenants=[ACME], target="patterns"))
    log.refused(BOB, Action.RUN_PURGE, tenants=[HOSTILE], reason="it takes the role admin")
    log.begin(BOB, Action.INSPECT_SESSION, tenants=[ACME])
    log.note(ANN, Action.EXPORT, tenants=[ACME, HOSTILE])
    return log


def listed(app: AppTest) -> Any:
    """The table of entries, if there is one."""
    return next((e.value for e in app.dataframe if "Outcome" in e.value.columns), None)


def numbers(app: AppTest) -> list[int]:
    frame = listed(app)
    return [] if frame is None else list(frame["No."])


def fails(*_: object, **__: object) -> None:
    raise StoreUnavailable("state store", "reading the audit log", "its database gave an error")


def test_the_newest_come_first_with_what_never_ended(kept: Logbook, open_page: Open) -> None:
    assert numbers(open_page("audit_log")) == [5, 4, 3, 2]  # each action once
    frame = listed(open_page("audit_log", every="true"))
    assert list(frame["No."]) == [5, 4, 3, 2, 1]
    assert [outcome for (outcome,) in frame["Outcome"]] == [
        "done", log_tables.NO_END, "refused", "done", "started",
    ]  # fmt: skip
    assert list(frame["Who"]) == ["=ann", "bob", "bob", "=ann", "=ann"]
    assert frame["Tenant"][2] == visible(str(HOSTILE))
    assert frame["Reason"][2] == "it takes the role admin"


@pytest.fixture
def missing(reading_services: Services, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A purge that ended, and whose process died before it was logged."""
    made = Plan(Request(Target(ACME)), Surface(), (), (), (), (), {}, (), NOW, "d" * 64)
    job = Job("j1", made, "ann", "R-1", NOW, JobState.ENDED, ended_at=NOW)
    monkeypatch.setattr(reading_services.jobs, "unlogged", lambda _: (job,), raising=False)
    return job


def test_a_purge_whose_end_was_never_logged_is_shown(missing: Job, open_page: Open) -> None:
    app = open_page("audit_log")
    assert "The purge of tenant/acme (job j1, by ann) ended" in words(app)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({session.LOG_SEARCH: "PATTERNS"}, [2]),
        ({session.LOG_SEARCH: visible(HOSTILE.id)}, [5, 3]),
        ({session.LOG_TENANT: "tenant/acme"}, [5, 4, 2]),
        ({session.LOG_TENANT: visible(str(HOSTILE))}, [5, 3]),
        ({session.LOG_WHO: "bob"}, [4, 3]),
        ({session.LOG_WHO: "nobody"}, []),
        ({session.LOG_ACTION: "run a purge"}, [3]),
        ({session.LOG_OUTCOME: "refused"}, [3]),
        ({session.LOG_UNENDED: "true"}, [4]),
        ({session.LOG_SINCE: "2099-01-01"}, []),
        ({session.LOG_UNTIL: "2021-01-01"}, []),
        ({session.LOG_SINCE: "2021-01-01", session.LOG_UNTIL: "2099-01-01"}, [5, 4, 3, 2]),
    ],
)
def test_every_filter_is_in_the_address(
    kept: Logbook, open_page: Open, query: dict[str, str], expected: list[int]
) -> None:
    """So that it can be pasted into a ticket."""
    app = open_page("audit_log", **query)
    assert numbers(app) == expected
    assert expected or "No entry matches" in words(app)


def test_pages_go_back_and_forth_and_a_filter_begins_anew(
    kept: Logbook, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_list, "PER_PAGE", 2)
    app = open_page("audit_log", every="true")
    assert numbers(app) == [5, 4]
    assert app.button(key="log_newer").disabled
    app = press(app, "Older")
    assert numbers(app) == [3, 2]
    app = press(app, "Older")
    assert numbers(app) == [1]
    assert app.button(key="log_older").disabled
    app = press(app, "Newer")
    assert numbers(app) == [3, 2]
    app.text_input(key=session.LOG_SEARCH).set_value("acme").run()
    assert numbers(app) == [5, 4]
    app = press(press(app, "Older"), "Newest")
    assert numbers(app) == [5, 4]


def verified(app: AppTest, log: Logbook) -> AppTest:
    """Press the button, and wait until it is done."""
    app = press(app, "Verify the log")
    thread = log._verifier._thread
    assert thread is not None
    thread.join()
    return app.run()


def test_a_log_is_empty_then_verified_and_broken_once_somebody_wrote_into_it_by_hand(
    open_page: Open, services: Services
) -> None:
    app = open_page("audit_log")
    assert "Nothing was logged yet" in words(app)
    assert "Not verified since this dashboard was started" in words(app)
    assert listed(app) is None
    log = with_entries(services.logbook)
    log.anchoring.anchor()
    app = verified(open_page("audit_log"), log)
    text = words(app)
    assert "Anchored through entry 5." in text
    assert "Every entry is as it was written, up to number 5." in text
    assert "Verified " in text
    assert not app.error
    engine = open_database(services.settings.data)
    with engine.begin() as connection:
        connection.execute(sql("DROP TRIGGER audit_log_no_update"))
        connection.execute(sql(
            "UPDATE audit_log SET \"at\" = 'soon', who = 'bob', hash = x'ff' WHERE number = 2"
        ))  # fmt: skip
    engine.dispose()
    app = verified(open_page("audit_log"), log)
    assert "The log is broken" in app.error[0].value
    assert "Entry 2 was edited" in words(app)
    assert numbers(app) == [5, 4, 3, 2]  # what began and its end are one row


def test_a_broken_log_is_said_first(
    kept: Logbook, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = list(kept._store.kept())
    with monkeypatch.context() as patch:
        patch.setattr(kept._store, "kept", lambda: iter([rows[0], *rows[2:]]))
        app = verified(open_page("audit_log"), kept)
    assert "The log is broken" in app.error[0].value
    assert "Entry 2 is missing" in words(app)
    assert numbers(app) == [5, 4, 3, 2]


def test_while_it_is_verified(
    kept: Logbook, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Verifier, "_work", lambda *_: None)  # never comes to an end
    app = press(open_page("audit_log"), "Verify the log")
    assert "0 entries so far" in words(app)
    assert app.button(key="log_verify").disabled


def test_records_that_do_not_answer(
    kept: Logbook, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error, and not an empty log; verifying says so, too."""
    for name in ("page", "kept", "people"):
        monkeypatch.setattr(kept._store, name, fails)
    app = verified(open_page("audit_log"), kept)
    text = words(app)
    assert "The audit log cannot be read" in text
    assert "The log could not be verified" in text
    assert "Nothing was logged" not in text


def test_an_anchor_that_fails_is_said(
    kept: Logbook, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept.anchoring, "state", kept.anchoring.state)
    monkeypatch.setattr(kept._store, "head", fails)
    kept.anchoring.anchor()
    assert "its database gave an error" in words(open_page("audit_log"))


def test_a_tenants_page_shows_what_was_done_to_it(kept: Logbook, open_page: Open) -> None:
    app = open_page("tenant", tenant="tenant/acme", tab="History")
    assert "What was done to it" in words(app)
    frame = listed(app)
    assert list(frame["Action"]) == ["export", "inspect a session", "look into a tenant"]
    other = open_page("tenant", tenant="tenant/O'Brien & Söhne", tab="History")
    assert listed(other) is None
    assert "What was done to it" not in words(other)
    assert "The audit log has no entry of it" in words(other)


def test_a_tenants_history_that_is_not_for_a_role_says_so(
    kept: Logbook, open_page: Open, sign_in: SignIn
) -> None:
    """A tab is never empty."""
    sign_in("viewer")
    app = open_page("tenant", tenant="tenant/acme", tab="History")
    assert listed(app) is None
    assert "no entry of it" not in words(app)
    locked = [each.value for each in app.caption if ":material/lock:" in each.value]
    assert any("support" in text for text in locked), locked


def test_what_was_done_to_a_tenant_that_is_no_more(kept: Logbook, open_page: Open) -> None:
    """After a purge, that is what is asked."""
    app = open_page("tenant", tenant=visible(str(HOSTILE)))
    assert list(listed(app)["Action"]) == ["export", "run a purge"]


def test_a_tenants_page_without_records(
    kept: Logbook, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept._store, "page", fails)
    app = open_page("tenant", tenant="tenant/acme", tab="History")
    assert "What was done to it cannot be read" in words(app)
    assert len(app.metric) == 4


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (log_list.as_csv, lambda data: pd.read_csv(io.BytesIO(data))),
        (log_list.as_parquet, lambda data: pd.read_parquet(io.BytesIO(data))),
        (log_list.as_jsonl, lambda data: pd.DataFrame(map(json.loads, data.splitlines()))),
    ],
)
def test_every_file_holds_every_entry(
    kept: Logbook, write: Callable[..., bytes], read: Callable[[bytes], pd.DataFrame]
) -> None:
    """No cell is a formula, and every tenant is named."""
    data = write(kept.page(LogFilter(outcomes=(Outcome.DONE, Outcome.REFUSED))))
    assert len(read(data)) == 3
    assert b"\n=ann" not in data
    assert b",=ann" not in data


@given(st.text(st.characters()))
def test_what_is_visible_can_be_typed(text: str) -> None:
    """Every name that the page shows can be searched for as it shows it."""
    assert log_tables.raw_of(visible(text)) == text
