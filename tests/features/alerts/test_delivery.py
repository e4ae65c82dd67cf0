"""Alerts over real sockets: to receivers that are down, slow, refuse it, or drop half-way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.alerts.deliver import Deliverer
from services.alerts.models import AlertState, Letter, Message, Verdict
from services.alerts.routes import read_routes
from services.alerts.worker import AlertWorker
from services.errors import SettingsError
from services.stores.receivers import post
from services.stores.receivers.open import receivers
from services.stores.records.alerts import AlertRecords
from services.tenancy.kb_ids import TenantKey
from tests.servers.faults import Answer, Dropped, HttpServer, Refused, Slow
from tests.servers.letters import letters
from tests.servers.records import Records
from tests.servers.sqlite import put_tables
from tests.unit.alerts.worlds import NOW, alert, condition, sighting
from tests.waiting import wait_until

SECRET = base64.b64encode(b"k" * 32).decode()
KINDS = ("webhook", "alertmanager", "apprise")
WAIT = 120.0


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda _: Answer()) as running:
        yield running


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    put_tables(tmp_path / "records")
    with closing(Records(tmp_path / "records", None)) as found:
        yield found


@pytest.fixture
def store(records: Records) -> AlertRecords:
    return AlertRecords(records.engine())


class Sender:
    """The routes of a setting over a journal, at a time that is set by hand."""

    def __init__(self, store: AlertRecords, stack: ExitStack, text: str) -> None:
        self.store, self.now = store, NOW
        made = receivers(
            read_routes(text), stack, deployment="prod", url="https://kato.example.com"
        )
        self.deliverer = Deliverer(store, made, now=lambda: self.now)

    def round(self) -> list[Letter]:
        """Send what is due and return what is kept of it, the oldest first."""
        self.deliverer.round()
        assert self.deliverer.wait(WAIT)
        return letters(self.store._engine, "ops")


def setting(kind: str, url: str) -> str:
    if kind == "apprise":
        url = url.replace("http://", "json://anna:geheim@")
    more = f'secret = "whsec_{SECRET}"' if kind == "webhook" else ""
    return f'[ops]\n{kind} = "{url}/hook"\n{more}'


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as closing:
        yield closing


def message(message_id: str = "m1") -> Message:
    hostile = TenantKey("tenant", "ac\ud800me\n")
    over = alert("a2", "store_unknown", tenants=(), state=AlertState.RESOLVED, ended=NOW,
                 facts={"store": "redis", "fault": "did not answer"})  # fmt: skip
    firing = alert("a1", "growth", tenants=(hostile,),
                   facts={"keys": 5_000, "keys_before": 10_000, "keys_usual": 3})  # fmt: skip
    return Message(message_id, "ops", NOW, (firing, over))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fault", [Refused(500), Dropped(0.0), "down"], ids=["500", "drops", "down"]
)
def test_it_is_sent_until_it_was_taken(
    kind: str, fault: Any, server: HttpServer, store: AlertRecords, stack: ExitStack
) -> None:
    """By the same id, in its order, and not before its time."""
    sender = Sender(store, stack, setting(kind, server.url))
    store.post(message())
    store.post(message("m2"))
    server.go_down() if fault == "down" else server.fail(fault)
    first, second = sender.round()
    assert (first.sent_at, first.tries, second.tries) == (None, 1, 0)
    assert first.problem is not None
    assert "geheim" not in str(first.problem)
    assert str(server.port) not in str(first.problem)
    server.come_back() if fault == "down" else server.heal()
    calls = len(server.calls)
    sender.round()
    assert len(server.calls) == calls
    sender.now += timedelta(minutes=1)
    assert [each.sent_at for each in sender.round()] == [sender.now, None]
    assert [each.sent_at for each in sender.round()] == [sender.now, sender.now]


def test_who_is_slow_holds_up_nobody_else(
    server: HttpServer, store: AlertRecords, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is given up after a while, as if it were down."""
    monkeypatch.setattr(post, "SECONDS", 0.5)
    other = stack.enter_context(HttpServer(lambda _: Answer()))
    text = "\n".join(
        f'[{name}]\nwebhook = "{url}"\nsecret = "{SECRET}"'
        for name, url in (("ops", f"{server.url}/slow"), ("b", other.url))
    )
    sender = Sender(store, stack, text)
    server.fail(Slow())
    store.post(message())
    store.post(Message("m2", "b", NOW, (alert(),)))
    (slow,) = sender.round()
    assert (slow.sent_at, str(slow.problem)) == (
        None,
        "ops did not answer (sending alerts): no answer",
    )
    wait_until(lambda: other.calls)  # which a busy machine may take later
    assert len(other.calls) == 1


def test_who_refuses_one_gets_the_next(
    server: HttpServer, store: AlertRecords, stack: ExitStack
) -> None:
    sender = Sender(store, stack, setting("webhook", server.url))
    store.post(message())
    store.post(message("m2"))
    server.fail(Refused(400))
    sender.round()
    server.heal()
    assert [each.sent_at for each in sender.round()] == [None, NOW]


def test_a_webhook_is_signed_as_the_standard_says(
    server: HttpServer, store: AlertRecords, stack: ExitStack
) -> None:
    """Over id, timestamp and body; the receiver needs the secret and nothing else."""
    sender = Sender(store, stack, setting("webhook", server.url))
    store.post(message())
    sender.round()
    (call,) = server.calls
    signed = b".".join((b"m1", call.headers["webhook-timestamp"].encode(), call.body))
    mac = hmac.new(b"k" * 32, signed, hashlib.sha256).digest()
    assert call.headers["webhook-id"] == "m1"
    assert call.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
    age = datetime.now(UTC).timestamp() - int(call.headers["webhook-timestamp"])
    assert -1 <= age < WAIT
    body = call.json()
    assert (body["id"], body["deployment"], body["type"]) == ("m1", "prod", "alerts")
    assert [each["state"] for each in body["alerts"]] == ["firing", "resolved"]
    assert body["alerts"][0]["url"] == "https://kato.example.com/alerts?alert=a1"
    assert "+5,000 keys" in body["alerts"][0]["summary"]


LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def test_alertmanager_gets_what_its_api_takes(
    server: HttpServer, store: AlertRecords, stack: ExitStack
) -> None:
    """`postableAlerts` of its API v2; what fires ends in a while, what is over has ended."""
    text = setting("alertmanager", server.url).replace("/hook", "") + '\ntoken = "t0ken"'
    sender = Sender(store, stack, text)
    store.post(message())
    store.post(Message("m2", "ops", NOW, (), test=True))
    sender.round()
    sender.round()
    test, call = server.calls
    assert (call.path, call.headers["authorization"]) == ("/api/v2/alerts", "Bearer t0ken")
    assert call.headers["content-type"] == "application/json"
    for each in (*call.json(), *test.json()):
        assert each.keys() <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
        for words in (each["labels"], each["annotations"]):
            assert all(LABEL.fullmatch(name) and text for name, text in words.items())
            assert all(isinstance(text, str) for text in words.values())
        assert TIME.fullmatch(each["startsAt"])
        assert TIME.fullmatch(each["endsAt"])
        assert each["generatorURL"].startswith("https://")
        assert datetime.fromisoformat(each["startsAt"]) <= datetime.fromisoformat(each["endsAt"])
    firing, over = call.json()
    assert firing["labels"]["alertname"] == "growth"
    assert firing["labels"]["tenant"] == "tenant/ac\\ud800me\\n"
    assert datetime.fromisoformat(firing["endsAt"]) > datetime.now(UTC)
    assert datetime.fromisoformat(over["endsAt"]) == NOW
    assert test.json()[0]["labels"]["alertname"] == "test"


def test_apprise_sends_and_its_log_says_nothing(
    server: HttpServer, store: AlertRecords, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    """It would quote the URL, where the password is."""
    with caplog.at_level(logging.DEBUG):
        sender = Sender(store, stack, setting("apprise", server.url))
        store.post(message())
        sender.round()
        server.go_down()
        store.post(message("m2"))
        sender.round()
        server.come_back()
    told = server.calls[0].json()
    assert told["title"] == "[prod] 2 conditions: 1 firing, 1 resolved"
    assert "tenant/ac\\ud800me\\n: +5,000 keys" in told["message"]
    assert "RESOLVED · high · Redis did not answer" in told["message"]
    assert not [each for each in caplog.records if each.name.startswith("apprise")]
    assert "geheim" not in caplog.text
    with pytest.raises(SettingsError) as wrong:
        receivers(read_routes('[a]\napprise = "nothing://geheim@x"'), stack)
    assert "geheim" not in str(wrong.value)
    assert "a is no URL that Apprise knows" in str(wrong.value)


def test_what_died_between_sending_and_noting_is_sent_again(
    server: HttpServer, store: AlertRecords, stack: ExitStack
) -> None:
    """After its claim has run out, by another dashboard, under its id."""
    sender = Sender(store, stack, setting("webhook", server.url))
    store.post(message())
    assert store.claim("m1", at=NOW, until=NOW + timedelta(minutes=2))
    assert sender.round()[0].sent_at is None
    sender.now += timedelta(minutes=3)
    assert sender.round()[0].sent_at == sender.now
    assert [call.headers["webhook-id"] for call in server.calls] == ["m1"]


def test_the_thread_looks_and_sends_in_one_dashboard(
    server: HttpServer, store: AlertRecords, stack: ExitStack, records: Records
) -> None:
    """What fires is told once; when the first dashboard ends the other goes on."""
    arrived = threading.Semaphore(0)

    def answer(_: Any) -> Answer:
        arrived.release()
        return Answer()

    server.answer = answer
    routes = read_routes(setting("webhook", server.url))
    table = {"growth": condition("growth")}
    seen = {"growth": Verdict((sighting("a"),))}

    def dashboard(name: str) -> AlertWorker:
        own = AlertRecords(records.engine())
        deliverer = Deliverer(own, receivers(routes, stack), now=lambda: datetime.now(UTC))
        return AlertWorker(own, deliverer, lambda _: seen, table=table, routes=routes, owner=name,
                           now=lambda: datetime.now(UTC))  # fmt: skip

    one, two = dashboard("one"), dashboard("two")
    one.start()
    stack.callback(one.stop)
    assert arrived.acquire(timeout=WAIT)
    assert not two.run_once()
    one.stop()
    seen["growth"] = Verdict((sighting("a"), sighting("b")))
    assert two.run_once()
    assert len(server.calls) == 1  # it waits for what else may come
    assert {each.subject for each in store.firing()} == {"a", "b"}


def test_a_route_that_is_gone_keeps_its_messages_for_a_while(
    store: AlertRecords, stack: ExitStack, server: HttpServer
) -> None:
    """Then they are given up, which is logged."""
    sender = Sender(store, stack, setting("webhook", server.url))
    store.post(Message("m1", "gone", NOW, (alert(),)))
    sender.round()
    assert len(store.waiting()) == 1
    sender.now += timedelta(days=8)
    sender.round()
    assert [each.given_up for each in store.sendings(["gone"])] == [True]
