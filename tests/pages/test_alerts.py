"""The Alerts page: what fires, silencing it, how routes do, and what is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import alert_count, cache, navigation, state_keys
from services.alerts.models import Alert, AlertState, Message, Told
from services.alerts.ports import Change
from services.bootstrap import Services
from services.errors import Problem, StoreUnavailable
from services.stores.records.alerts import AlertRecords
from tests.features.alerts.test_delivery import SECRET
from tests.pages.conftest import Open, SignIn, words
from tests.pages.test_sessions import press
from tests.unit.alerts.worlds import ACME, ZED, alert

NOW = datetime.now(UTC)
GROWN = {"patterns": 500, "patterns_before": 600, "patterns_usual": 1}
FIRES = alert("acme1", facts=GROWN, began=NOW, told={"ops": (Told.FIRING, NOW)})


@pytest.fixture
def alerts(restored_services: Services) -> Iterator[AlertRecords]:
    """The records of a dashboard whose own thread looks no more: it is the tests that see."""
    restored_services.alert_worker.stop()
    store = restored_services.alerting.records
    yield store
    put(store)
    for silence in store.silences():
        store.lift(silence.id, datetime.now(UTC))
    cache.clear()


def put(store: AlertRecords, *found: Alert) -> None:
    """Have these alerts be there, and no others."""
    gone = [each.id for each in store.alerts(past=99)]
    before = store.open(NOW)
    over = frozenset(each.id for each in found if each.state is AlertState.RESOLVED)
    change = Change(datetime.now(UTC), (), frozenset(), tuple(gone), ())
    assert store.keep(change, after=before.number)
    later = replace(change, alerts=found, settled=over, forgotten=())
    assert store.keep(later, after=before.number + 1)


def table(app: AppTest, column: str) -> list[dict[str, object]]:
    frame = next((e.value for e in app.dataframe if column in e.value.columns), None)
    return [] if frame is None else frame.to_dict("records")


def test_what_fires_is_there_until_it_is_silenced(alerts: AlertRecords, open_page: Open) -> None:
    """With an end, a reason and a name; and what it says is in the log."""
    over = replace(FIRES, id="old", state=AlertState.RESOLVED, ended=NOW)
    put(alerts, replace(FIRES, told={}), over)
    app = open_page("alerts")
    (row,) = table(app, "Since")
    assert (row["What"], row["Tenant"]) == (
        "+500 patterns since a day's end, from 600 (usual is +1 a day)", "tenant/acme"
    )  # fmt: skip
    assert [each["Id"] for each in table(app, "Ended")] == ["old"]
    app = open_page("alerts", alert="acme1")
    assert "See Usage on the tenant's page" in words(app)
    app = press(app, "Silence 1 alert…")
    press(app, "Silence")  # without a reason
    assert alerts.silences() == ()
    app = press(open_page("alerts", alert="acme1"), "Silence 1 alert…")
    app.text_input(key=state_keys.SILENCE_WHY).set_value("ticket 4711")
    assert alert_count.firing() == 1
    press(app, "Silence")
    assert alert_count.firing() == 0  # at once: the menu is drawn again with the dialog's end
    (silence,) = alerts.silences()
    assert (silence.subject, silence.why) == (FIRES.subject, "ticket 4711")
    assert silence.until - silence.at == timedelta(hours=4)
    app = open_page("alerts")
    assert table(app, "Since")[0]["State"] == "silenced"
    assert table(app, "Silenced")[0]["Why"] == "ticket 4711"
    (entry, *_) = open_page("audit_log").dataframe
    assert "silence alerts" in entry.value.to_string()


def test_a_whole_condition_of_a_tenant_can_be_silenced(
    alerts: AlertRecords, open_page: Open
) -> None:
    put(alerts, replace(FIRES, told={}))
    app = press(open_page("alerts"), "Silence…")
    app.selectbox(key=state_keys.SILENCE_CODE).set_value("growth")
    app.selectbox(key=state_keys.SILENCE_TENANT).set_value(ACME)
    app.text_input(key=state_keys.SILENCE_WHY).set_value("a load that was meant to be")
    press(app, "Silence")
    (silence, *_) = alerts.silences()
    assert (silence.code, silence.subject, silence.tenant) == ("growth", "", ACME)


@pytest.fixture
def route(restored_services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.alerts.routes import read_routes

    text = f'[ops]\nwebhook = "http://x"\nsecret = "{SECRET}"'
    tools = replace(restored_services.alerting.tools, routes=read_routes(text))
    monkeypatch.setitem(vars(restored_services.alerting), "tools", tools)


def test_how_a_route_does_and_a_test_of_it(
    alerts: AlertRecords, route: None, open_page: Open
) -> None:
    """What fails since when and why, without its address."""
    app = press(open_page("alerts"), "Send a test to ops")
    assert "on its way to ops" in words(app)
    (letter,) = alerts.waiting()
    assert letter.message.test
    alerts.failed(letter.message.id, Problem("status 500", "ops"), NOW, next_at=None, refused=True)
    app.run()
    assert "ops did not take the test" in words(app)
    assert "Route ops fails since" in words(app).replace("**", "")
    assert table(app, "Failing since")[0]["State"] == "fails"
    alerts.post(Message("m1", "ops", NOW, ()))
    alerts.sent("m1", NOW + timedelta(minutes=1))
    assert table(open_page("alerts"), "Failing since")[0]["State"] == "works"


def test_nothing_of_others_is_shown(
    alerts: AlertRecords, route: None, sign_in: SignIn, open_page: Open
) -> None:
    """Neither alerts, nor routes of all tenants; the menu counts what is in scope."""
    others = alert("zed1", tenants=(ZED,), facts=GROWN, told={})
    store = alert("s1", "store_unknown", tenants=(), facts={"store": "redis", "fault": ""})
    put(alerts, replace(FIRES, told={}), others, store)
    sign_in("support", "tenant/acme")
    app = open_page("alerts")
    assert {row["Id"] for row in table(app, "Since")} == {"acme1", "s1"}
    assert "Nobody is told of alerts that you may see" in words(app)
    assert next(b for b in app.button if b.label == "Silence…").disabled
    assert "There is no alert zed1" in words(open_page("alerts", alert="zed1"))
    assert alert_count.firing() == 2
    sign_in("admin")
    assert alert_count.firing() == 3


def test_records_that_do_not_answer(
    alerts: AlertRecords, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said of what fires."""

    def down(_: object, **__: object) -> None:
        raise StoreUnavailable("state store", "reading alerts", "gone")

    with monkeypatch.context() as patch:
        patch.setattr(AlertRecords, "alerts", down)
        patch.setattr(AlertRecords, "firing", down)
        app = open_page("alerts")
        assert alert_count.firing() is None
    assert "Alerts cannot be read" in words(app)
    assert "Nothing fires" not in words(app)


def test_the_menu_says_how_many_fire() -> None:
    """And nothing where none does, or it is not known."""
    page = navigation.row("alerts")
    assert [navigation._counted(page, n) for n in (1200, 0, None)] == [
        "Alerts (1,200)", "Alerts", "Alerts",
    ]  # fmt: skip
    assert navigation._counted(navigation.row("find"), 3) == "Find"


def test_a_page_says_when_nobody_looks(
    alerts: AlertRecords, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(alerts)
    assert "Nothing fires." in words(open_page("alerts"))
    monkeypatch.setattr(AlertRecords, "looked_at", lambda _: NOW - timedelta(hours=1))
    assert "Nobody has looked for alerts since" in words(open_page("alerts"))
    monkeypatch.setattr(AlertRecords, "looked_at", lambda _: None)
    app = open_page("alerts")
    assert "Nobody has looked for alerts yet" in words(app)
    assert "as far as is known" in words(app)
