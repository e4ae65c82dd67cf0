"""The part of a finding's page that takes a shared kb_id apart: said, planned, done and told."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys
from services.apart import work
from services.apart.models import ApartRefused, Words
from services.apart.planning import KIND
from services.apart.work import ApartWork, StepName
from services.bootstrap import Services
from services.isolation.models import Report
from services.jobs.models import JobState, Result
from tests.features.apart.shared import BEGAN, FIRST, KB, SECOND
from tests.pages.conftest import Open, SignIn, looked, words
from tests.pages.test_pages import fill
from tests.pages.test_sessions import press, table

NEW = "tenant:acme-corp:user:robert"


def finding_of(services: Services, code: str = "collision.shared-kb") -> str:
    report: Report | None = services.isolation.report()
    assert report is not None
    return next(
        record.finding.id for record in report.records
        if record.finding.code == code and KB in record.finding.kb_ids
    )  # fmt: skip


def offered(app: AppTest) -> bool:
    return any(each.label == "Take apart…" for each in app.expander)


def opened(open_page: Open, finding: str) -> AppTest:
    """The page with what can be said drawn."""
    app = open_page("isolation", finding=finding)
    app.session_state[state_keys.of(state_keys.APART_OPEN, KB)] = True
    app.run()
    assert not app.exception, app.exception
    return app


def test_it_is_said_planned_and_done_and_told_afterwards(
    services: Services, open_page: Open
) -> None:
    app = opened(open_page, finding_of(services))
    began = app.text_input(key=state_keys.of(state_keys.APART_BEGAN, SECOND))
    began.set_value("tomorrow").run()
    assert "a time is written as" in words(press(app, "See what can be told apart"))
    app.text_input(key=state_keys.of(state_keys.APART_BEGAN, SECOND)).set_value(
        f"{BEGAN.replace(minute=28):%Y-%m-%dT%H:%M:%S}"
    ).run()
    app.text_input(key=state_keys.of(state_keys.APART_NAME, FIRST)).set_value(NEW).run()
    app = looked(press(app, "See what can be told apart"), services, KIND)
    shares = next(each.value for each in app.dataframe if "First seen" in each.value.columns)
    assert list(shares["By"]) == ["nobody said", "a person's word"]
    assert NEW in set(shares["node_id from now on"])
    assert "in one mutation" in words(app)
    begin = next(each for each in app.button if each.label == "Take apart now")
    assert begin.disabled
    said = state_keys.of(state_keys.APART_NAME, FIRST)
    app.text_input(key=said).set_value(f"{NEW}-2").run()  # and not planned anew
    assert not any(each.label == "Take apart now" for each in app.button)
    assert "not what was planned" in words(app)
    app = opened(open_page, finding_of(services))  # with what was said for the plan
    assert app.text_input(key=said).value == NEW
    assert "Planned" in words(app)
    app.text_input(key=state_keys.of(state_keys.APART_REASON, KB)).set_value("OPS-16").run()
    app = press(app, "Take apart now")
    (job,) = services.apart.jobs()
    assert job.reason == "OPS-16"
    assert "Taking it apart" in words(app)
    services.cards.hold([SECOND], reason="a court's order", by="ann")
    assert services.apart.run_here(job.id).state is JobState.FAILED
    app = open_page("isolation", finding=finding_of(services))
    assert any("legal hold" in each.value for each in app.error)
    services.cards.lift([SECOND], by="ann")
    press(app, "Go on")
    services.apart.run_here(job.id)
    app = open_page("isolation", finding=finding_of(services))
    assert "Taken apart" in words(app)
    assert NEW in table(app)
    moved = next(each.value for each in app.dataframe if "Where" in each.value.columns)
    assert "to tenant/acme-corp" in set(moved["Where"])
    for page in (
        open_page("find", find="tenant:acme-corp:user:bob"),
        open_page("tenant", tenant="tenant/acme-corp"),
        fill(open_page("new_session"), "acme-corp", "bob"),
    ):
        said = next(each.value for each in page.info if "taken apart" in each.value)
        assert NEW in said.replace("\\", "")


def test_given_up_it_says_where_sessions_went(
    services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: ApartWork) -> Result:
        raise ApartRefused("somebody writes there")

    monkeypatch.setitem(work.DOES, StepName.REST, fails)  # type: ignore[arg-type]
    plan = services.apart.plan(KB, Words())
    job = services.apart.begin(plan, by="ada", reason="OPS-16")
    assert services.apart.run_here(job.id).state is JobState.FAILED
    app = open_page("isolation", finding=finding_of(services))
    assert "somebody writes there" in words(app)
    app = press(app, "Give up")
    assert any("given up" in each.value for each in app.info)
    assert any(each.label == "Sessions by their new ids" for each in app.expander)
    assert offered(app)


def test_it_is_offered_to_who_may_plan_it_and_has_everybody_in_scope(
    reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    finding = finding_of(reading_services)
    assert offered(open_page("isolation", finding=finding))
    for role, scope, is_offered in (
        ("operator", ["tenant/acme-corp", "tenant/acme_corp"], True),
        ("support", ["*"], False), ("operator", ["tenant/acme-corp"], False),
    ):  # fmt: skip
        sign_in(role, *scope)
        assert offered(open_page("isolation", finding=finding)) == is_offered, (role, scope)


def test_it_is_not_offered_where_nothing_is_shared(
    reading_services: Services, open_page: Open
) -> None:
    report = reading_services.isolation.report()
    assert report is not None
    others = [
        record.finding.id for record in report.records
        if not record.finding.code.startswith("collision.")
    ]  # fmt: skip
    assert not offered(open_page("isolation", finding=others[0]))
