"""`kato-tenants alerts`: what fires, a test of a route, and silences; no store is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cli.main import app
from services.alerts.models import AlertState
from services.alerts.ports import Change
from services.settings.environment import load_settings
from services.stores.records.alerts import AlertRecords
from tests.features.alerts.test_delivery import SECRET
from tests.servers.faults import Answer, HttpServer, Refused
from tests.servers.records import Records
from tests.servers.sqlite import put_tables
from tests.unit.alerts.worlds import alert

NOW = datetime.now(UTC)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    with HttpServer(lambda _: Answer()) as running:
        text = f"[ops]\nwebhook = '{running.url}'\nsecret = '{SECRET}'"
        monkeypatch.setenv("KATO_TENANTS_ALERT_ROUTES", text)
        yield running


@pytest.fixture
def store() -> Iterator[AlertRecords]:
    data = load_settings().data
    put_tables(data)
    records = Records(data, None)
    found = AlertRecords(records.engine())
    firing = alert(began=NOW, facts={"patterns": 5, "patterns_before": 6, "patterns_usual": 0})
    over = replace(firing, id="a2", state=AlertState.RESOLVED, ended=NOW)
    change = Change(NOW, (firing, over), frozenset({"a2"}), (), ())
    assert found.keep(change, after=0)
    yield found
    records.close()


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["alerts", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_what_fires_is_listed_until_it_is_silenced(store: AlertRecords, server: HttpServer) -> None:
    """With 1 for a script to go by; the silence is logged, and ends."""
    code, out = run("list")
    assert (code, "tenant/acme: +5 patterns" in out, "a2" in out) == (1, True, False)
    code, out = run("list", "--past", "--json")
    found = json.loads(out)
    assert [(e["id"], e["state"]) for e in found["alerts"]] == [
        ("a1", "firing"),
        ("a2", "resolved"),
    ]
    assert found["routes"][0]["route"] == "ops"
    code, out = run("silence", "--alert", "a1", "--for", "4h", "--why", "T-1", "--json")
    assert code == 0
    silence = json.loads(out)
    until = datetime.fromisoformat(silence["until"])
    assert timedelta(hours=3) < until - datetime.now(UTC) <= timedelta(hours=4)
    code, out = run("list", "--json")
    assert (code, json.loads(out)["alerts"][0]["silenced_by"]) == (0, silence["id"])
    assert "silenced" in run("list")[1]
    assert run("unsilence", silence["id"])[0] == 0
    assert run("unsilence", silence["id"])[0] == 1
    assert run("list")[0] == 1
    log = CliRunner().invoke(app, ["log", "show", "--json"]).output
    assert "silence alerts" in log
    assert "T-1" in log


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--for", "4h"), "say what is to be silenced"),
        (("--condition", "x", "--for", "4h"), "there is no such condition"),
        (("--alert", "x", "--for", "4h"), "there is no such alert"),
        (("--condition", "growth", "--for", "9999d"), "at most 366 days"),
        (("--condition", "growth", "--for", "soon"), "is no span"),
        (("--alert", "a1", "--tenant", "tenant/a", "--for", "4h"), "--alert stands alone"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(
    store: AlertRecords, arguments: tuple[str, ...], says: str
) -> None:
    code, out = run("silence", *arguments, "--why", "T-1")
    assert code in (1, 2)
    assert says in out
    assert store.silences() == ()


def test_a_route_is_tested_here_and_now(store: AlertRecords, server: HttpServer) -> None:
    """Once: what a test came to is said, and is not tried again."""
    assert run("test", "ops") == (0, "ops took it\n")
    assert server.calls[0].json()["type"] == "test"
    server.fail(Refused(500))
    code, out = run("test", "ops", "--json")
    assert (code, json.loads(out)["given_up"]) == (1, True)
    assert store.waiting() == ()
    assert "did not answer" in run("test", "ops")[1]
    assert "fails since" in run("list")[1]
    assert run("test", "nobody")[0] == 1
