"""KATO's calls about one session: as recorded, against the stand-in, and when they go wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from services.embedded.kato.server import StandInServer
from services.errors import (
    SessionGone,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.stores.kato.api import KatoApi
from services.stores.kato.connect import client_at
from tests.engines.kato.test_api import EXCHANGES, answer_of, answering
from tests.servers.faults import SOON, Answer, Dropped, HttpServer, Refused, Request, Slow
from tests.waiting import wait_until

MAY_BE_DONE = "it may have been done all the same"
SESSION = "session-e606fb4f7ff24b4dacb134ddd8898497-1795415127925"
Ask = Callable[[KatoApi, str], object]

CALLS: dict[str, Ask] = {
    "extend": lambda api, session: api.extend(session, ttl_seconds=120),
    "clear": lambda api, session: api.clear_stm(session),
    "configure": lambda api, session: api.configure(session, {"max_predictions": 7}),
    "delete": lambda api, session: api.delete(session),
    "exists": lambda api, session: api.exists(session),
}
CHANGES = [name for name in CALLS if name != "exists"]
ROUTES = {
    "extend": ("POST", "/extend?ttl_seconds=120"),
    "clear": ("POST", "/clear-stm"),
    "configure": ("POST", "/config"),
    "delete": ("DELETE", ""),
    "exists": ("GET", "/exists"),
}
HOSTILE = [
    "a?b#c",
    "a%2Fb",
    "ünï 日本",
    "a b&c=d",
    "nul\x00l",
    "line\nbreak",
    "count",
    "{id}",
    "'\"",
]


def recorded(name: str, status: int = 200) -> dict[str, Any]:
    """The recorded exchange of a call."""
    method, rest = ROUTES[name]
    return next(
        e for e in EXCHANGES
        if (e["method"], e["status"]) == (method, status)
        and e["path"].split("?")[0].endswith(rest.split("?")[0] or e["path"].split("/")[-1])
        and e["path"].count("/") == (2 if name == "delete" else 3)
    )  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_sent_and_read_as_recorded(name: str) -> None:
    """The method and path that go out are the recorded ones."""
    exchange = recorded(name)
    api, sent = answering(200, exchange["response"])
    session = exchange["response"]["session_id"]
    found = CALLS[name](api, session)
    assert found is (True if name == "exists" else None)
    assert [(r.method, r.url.raw_path.decode()) for r in sent] == [
        (exchange["method"], exchange["path"])
    ]
    assert json.loads(sent[0].content or b"null") == exchange["request"]


def test_the_recorded_absence_is_no_error() -> None:
    """`exists` of a session that is not there is False."""
    exchange = next(e for e in EXCHANGES if e["path"] == "/sessions/nope/exists")
    api, _ = answering(200, exchange["response"])
    assert api.exists("nope") is False


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("exchange", [e for e in EXCHANGES if e["status"] == 404])
def test_both_404s_say_that_the_session_is_gone(name: str, exchange: dict[str, Any]) -> None:
    """In words of their own, and a gone session is not asked for twice."""
    api, sent = answering(404, exchange["response"])
    with pytest.raises(SessionGone, match="no such session"):
        CALLS[name](api, "nope")
    assert len(sent) == 1


@pytest.mark.parametrize("name", CALLS)
def test_a_404_of_another_api_is_not_taken_for_a_gone_session(name: str) -> None:
    api, _ = answering(404, {"detail": "Not Found"})
    with pytest.raises(StoreMisconfigured, match="does not know this call"):
        CALLS[name](api, "nope")


@pytest.mark.parametrize("name", CALLS)
def test_each_refusal_has_its_own_message(name: str) -> None:
    """400 and 422 name the field; 500 says that it may have been done."""
    messages = set()
    for status in (400, 422, 500):
        exchange = next(e for e in EXCHANGES if e["status"] == status)
        body = exchange["response"]
        api, sent = answering(status, body if status < 500 else body.encode())
        with pytest.raises(StoreRejected) as caught:
            CALLS[name](api, SESSION)
        messages.add(caught.value.reason)
        assert len(sent) == 1, "a refusal is final"
        assert (MAY_BE_DONE in caught.value.reason) == (status == 500 and name != "exists")
    assert len(messages) == 3


class Kato:
    """A KATO on a real socket that does what it is asked, and counts."""

    def __init__(self) -> None:
        self.live = {SESSION}
        self.done: list[str] = []

    def __call__(self, request: Request) -> Answer:
        name = next(n for n, (m, _) in ROUTES.items() if m == request.method and _fits(n, request))
        self.done.append(name)
        if SESSION not in self.live:
            return answer_of(recorded("delete", 404))
        if name == "delete":
            self.live.clear()
        return Answer.json({**recorded(name)["response"], "session_id": SESSION})


def _fits(name: str, request: Request) -> bool:
    return request.path.endswith(ROUTES[name][1].split("?")[0] or SESSION)


@pytest.fixture
def kato() -> Kato:
    return Kato()


@pytest.fixture
def server(kato: Kato) -> Iterator[HttpServer]:
    with HttpServer(kato) as running:
        yield running


@pytest.fixture
def api(server: HttpServer) -> Iterator[KatoApi]:
    with client_at(server.url, timeout_seconds=60) as client:
        yield KatoApi(client)


class DropsOnce:
    """Does what it is asked, and hangs up in place of the first answer."""

    def __init__(self, kato: Kato) -> None:
        self.kato, self.dropped = kato, False

    def strike(self, answer: Callable[[], Answer], _: object) -> Answer | None:
        made = answer()
        if not self.dropped:
            self.dropped = True
            return None
        return made


@pytest.mark.parametrize("name", CALLS)
def test_a_lost_answer_is_asked_for_once_more(
    server: HttpServer, api: KatoApi, kato: Kato, name: str
) -> None:
    """Repeating is safe: what was done the first time, a deletion included, counts as done."""
    server.fail(DropsOnce(kato))
    CALLS[name](api, SESSION)
    assert kato.done == [name, name]


@pytest.mark.parametrize("name", CALLS)
def test_a_connection_that_drops_each_time_is_given_up(
    server: HttpServer, api: KatoApi, name: str
) -> None:
    server.fail(Dropped(0.0))
    with pytest.raises(StoreUnavailable, match="dropped the connection") as caught:
        CALLS[name](api, SESSION)
    assert len(server.calls) == 2
    assert (MAY_BE_DONE in str(caught.value)) == (name != "exists")


@pytest.mark.parametrize("name", CALLS)
def test_a_timeout_is_not_waited_for_twice(server: HttpServer, name: str) -> None:
    server.fail(Slow(30))
    started = time.monotonic()
    with (
        client_at(server.url, timeout_seconds=0.5) as client,
        pytest.raises(StoreUnavailable, match=r"no answer within 0\.5 s"),
    ):
        CALLS[name](KatoApi(client), SESSION)
    assert time.monotonic() - started < SOON
    wait_until(lambda: server.calls)  # a busy machine may take what was sent later
    assert len(server.calls) == 1


@pytest.mark.parametrize("name", CALLS)
def test_a_kato_that_is_down_has_done_nothing(
    server: HttpServer, api: KatoApi, kato: Kato, name: str
) -> None:
    server.go_down()
    with pytest.raises(StoreUnavailable, match="nothing answers") as caught:
        CALLS[name](api, SESSION)
    assert MAY_BE_DONE not in str(caught.value)
    assert kato.done == []


def test_a_guard_before_kato_is_asked_once(server: HttpServer, api: KatoApi) -> None:
    server.fail(Refused(403))
    with pytest.raises(StoreError, match="refused"):
        api.delete(SESSION)
    assert len(server.calls) == 1


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_about_another_session_is_not_believed(name: str) -> None:
    api, _ = answering(200, {**recorded(name)["response"], "session_id": "another"})
    with pytest.raises(StoreMisconfigured, match="another session"):
        CALLS[name](api, SESSION)


@pytest.mark.parametrize("session", ["", ".", "..", "a/b", "../count", "\udcff"])
@pytest.mark.parametrize("name", CALLS)
def test_an_id_that_no_path_can_hold_never_reaches_kato(name: str, session: str) -> None:
    """`DELETE /sessions/` or `/sessions/../x` would be about something else."""
    api, sent = answering(200, {})
    with pytest.raises(StoreRejected, match="cannot be written"):
        CALLS[name](api, session)
    assert sent == []


@pytest.mark.parametrize("ttl", [0, -5])
def test_no_time_to_live_never_reaches_kato(ttl: int) -> None:
    """KATO deletes a session that is extended by 0."""
    api, sent = answering(200, {})
    with pytest.raises(StoreRejected):
        api.extend(SESSION, ttl_seconds=ttl)
    assert sent == []


@pytest.fixture
def standin(valkey: redis.Redis) -> Iterator[KatoApi]:
    """The client on the stand-in."""
    running = StandInServer(valkey)
    with client_at(running.url, timeout_seconds=60) as client:
        yield KatoApi(client)
    running.close()


def test_the_stand_in_does_what_kato_does(standin: KatoApi, valkey: redis.Redis) -> None:
    """Extended until the next access, cleared, deleted, gone; looking extends nothing."""
    session = standin.create_session("tenant:a:user:b", ttl_seconds=100).session_id
    key = f"kato:session:{session}"
    standin.extend(session, ttl_seconds=9000)
    assert valkey.ttl(key) > 8000
    valkey.expire(key, 50)
    assert standin.exists(session)
    assert valkey.ttl(key) <= 50
    record = json.loads(valkey.get(key) or b"")
    valkey.set(key, json.dumps({**record, "stm": [["a"]]}), keepttl=True)
    standin.clear_stm(session)
    assert json.loads(valkey.get(key) or b"")["stm"] == []
    standin.delete(session)
    assert not valkey.exists(key)
    assert not standin.exists(session)
    for name in CHANGES:
        with pytest.raises(SessionGone):
            CALLS[name](standin, session)


@pytest.mark.parametrize("session", HOSTILE)
def test_hostile_ids_reach_their_session_and_no_other(
    standin: KatoApi, valkey: redis.Redis, session: str
) -> None:
    """Quoted in the path, each is the one it is."""
    made = standin.create_session("tenant:a:user:b").session_id
    raw = json.loads(valkey.get(f"kato:session:{made}") or b"")
    valkey.set(f"kato:session:{session}", json.dumps({**raw, "session_id": session}), ex=500)
    assert standin.exists(session)
    standin.extend(session, ttl_seconds=7000)
    assert valkey.ttl(f"kato:session:{session}") > 6000
    standin.delete(session)
    assert not valkey.exists(f"kato:session:{session}")
    assert valkey.exists(f"kato:session:{made}")
