"""Limits: set on their page once it was seen what they come to, and told wherever a tenant is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import rule_keys
from dashboard.draw import limits
from services.access.viewer import TenantPattern
from services.audit_log.models import LogFilter
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.history.models import second
from services.limits.models import Rule, State
from services.limits.preview import Changes
from services.settings.environment import Settings
from tests.pages.conftest import Open, Put, SignIn, refresh, words
from tests.pages.test_history import recording
from tests.pages.test_sessions import press
from tests.unit.history.snapshots import snapshot

ACME, OTHER = "tenant/acme-corp", "tenant/globex"
OVER = "**Over a limit.** Patterns: 9 of 8 (its own limit)"


def rule(scope: str, quantity: str, most: int | None) -> Rule:
    return Rule(TenantPattern.parse(scope), quantity, most)


def have(services: Services, *rules: Rule) -> None:
    """Set limits, as they were before the page was opened."""
    services.limits.change(Changes(rules), by="zoe", why="globex pays more")


def table(app: AppTest, column: str) -> dict[str, object]:
    """A column of the first table that has it, by the row's first cell."""
    frame = next(each.value for each in app.dataframe if column in each.value.columns)
    return dict(zip(frame[frame.columns[0]], frame[column], strict=True))


def test_a_limit_is_set_seen_everywhere_and_removed(
    kato_settings: Settings, request: pytest.FixtureRequest, open_page: Open
) -> None:
    """With what it would come to before; each place says how much of which limit is used."""
    began = second(datetime.now(UTC) - timedelta(hours=2))
    with recording(kato_settings) as one:
        one.follow(snapshot(began, {"acme-corp": 5}))
        one.follow(snapshot(began + 1200, {"acme-corp": 7}))
    services: Services = request.getfixturevalue("services")
    app = open_page("limits", limit_tenant=ACME)
    assert "No limit is set." in words(app)
    app.text_input(key=rule_keys.LIMIT_MOST).set_value("8GB").run()
    assert "A limit is a whole number" in words(app)
    app.text_input(key=rule_keys.LIMIT_WHY).set_value("ticket 4711")
    app.text_input(key=rule_keys.LIMIT_MOST).set_value("8").run()
    assert "This would hold for 1 tenant: 1 over." in words(app)
    assert services.limits.rules() == ()
    app = press(app, "Set limit")
    assert "1 limit set." in words(app)
    (kept,) = services.limits.rules()
    assert (kept.rule, kept.why) == (rule(ACME, "patterns", 8), "ticket 4711")
    assert table(app, "Over") == {ACME: 1}

    have(services, rule("*", "keys", 10**9))
    app = open_page("tenants")
    assert table(app, limits.STATE)[ACME] == "over: Patterns"
    app = open_page("tenants", limits="over")
    assert table(app, limits.LIMIT) == {ACME: 1.125}
    assert "1 tenant is over a limit: tenant/acme-corp." in words(open_page())
    app = open_page("tenant", tenant=ACME, tab="Usage")
    assert OVER in words(app)
    assert list(table(app, "Limit for").values()) == ["every tenant", ACME][::-1]
    (chart,) = app.get("plotly_chart")
    assert json.loads(chart.proto.spec)["data"][-1]["y"] == [8, 8]
    assert "The limit is 8: the dashed line." in words(app)
    app = open_page("find", find=ACME)
    assert "Patterns: 9 of 8" in words(app)
    assert table(app, limits.STATE)[ACME] == "over: Patterns"

    services.limits.change(Changes((), (kept.rule.key,)), by="zoe", why="")
    assert "over a limit" not in words(open_page())


def test_a_session_over_a_limit_takes_a_word(
    put: Put, request: pytest.FixtureRequest, open_page: Open
) -> None:
    """Which is in the log; by default it is only said."""
    put({"LIMIT_SESSIONS": "refuse"})
    services: Services = request.getfixturevalue("services")
    have(services, rule("*", "patterns", 1))

    def typed() -> AppTest:
        app = open_page("new_session", tenant=ACME)
        field = next(each for each in app.text_input if each.label == "User")
        return field.set_value("new-user").run()

    app = typed()
    assert "tenant/acme-corp has reached its limits.** Patterns: 9 of 1" in words(app)
    (create,) = (button for button in app.button if button.label == "Create session")
    assert create.disabled
    why = next(each for each in app.text_input if "all the same" in each.label)
    app = press(why.set_value("signed yesterday").run(), "Create session")
    assert "The session was created." in words(app)
    assert services.logbook.page(LogFilter(text="over a limit: signed yesterday"))


def test_who_is_confined_sees_their_own(
    sign_in: SignIn, request: pytest.FixtureRequest, open_page: Open
) -> None:
    """No limit of others, nor who set one and why; and no form."""
    sign_in("admin", ACME)
    services: Services = request.getfixturevalue("services")
    have(services, rule(ACME, "patterns", 8), rule(OTHER, "patterns", 439),
         rule("*", "keys", 10**9), rule("org/*", "keys", 5))  # fmt: skip
    app = open_page("limits")
    frame = next(each.value for each in app.dataframe if "Holds for" in each.value.columns)
    assert list(frame["For"]) == ["*", ACME]
    assert list(frame["Over"]) == [0, 1]
    shown = f"{words(app)} {frame.to_csv()}"
    assert not any(each in shown for each in ("globex", "439", "zoe"))
    assert "It concerns every tenant" in words(app)
    assert not [each for each in app.text_input if each.label == "Limit"]
    assert OVER in words(open_page("tenant", tenant=ACME))


def test_where_the_records_do_not_answer_nobody_is_said_to_be_under(
    reading_services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page says so, and is drawn all the same."""

    def down(_: object) -> int:
        raise StoreUnavailable("state store", "reading limits", "it gave no answer in time")

    monkeypatch.setattr("services.stores.records.limits.LimitBook.version", down)
    for page, said in (("", "Who is over a limit is unknown"), ("tenants", "limit is unknown"),
                       ("limits", "Which limits are set cannot be read")):  # fmt: skip
        assert said in words(open_page(*filter(None, [page])))
    told = words(open_page("tenant", tenant=ACME, tab="Usage"))
    assert "Unknown: this product's own records" in told
    assert limits.UNKNOWN in told
    assert limits.UNKNOWN in words(open_page("find", find=ACME))


def test_a_file_is_looked_at_before_it_is_taken(services: Services, open_page: Open) -> None:
    """Lines that cannot be taken are named, and with one of these nothing is removed."""
    have(services, rule(OTHER, "keys", 5))
    app = open_page("limits")
    app.session_state[f"{rule_keys.LIMIT_TEXT}_open"] = True
    app.run()
    pasted = "for,measure,limit\n*,keys,1\nx,keys,1\n"
    app.text_area(key=rule_keys.LIMIT_TEXT).set_value(pasted).run()
    assert "1 line cannot be taken." in words(app)
    app.checkbox(key=rule_keys.LIMIT_INSTEAD).set_value(True).run()
    (button,) = (each for each in app.button if each.label.startswith("Import "))
    assert button.disabled
    app.checkbox(key=rule_keys.LIMIT_INSTEAD).set_value(False).run()
    app = press(app, "Import 1 limit")
    assert {str(each.rule.scope) for each in services.limits.rules()} == {"*", OTHER}
    refresh(services)
    found = services.limits.standings(services.usage.collect())
    assert all(each.since for each in found.every if each.state is State.OVER)
    assert found.tenants(State.OVER)
