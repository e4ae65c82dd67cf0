"""KATO's HTTP client against what a real KATO answered, and against everything that goes wrong."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreNotConfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.kato.api import KatoApi
from services.stores.kato.connect import client_at
from services.usage.readings import CachedProcessor
from tests.conftest import capture_rows
from tests.servers.faults import SOON, Answer, Dropped, Garbage, HttpServer, Refused, Request, Slow
from tests.waiting import wait_until

EXCHANGES = capture_rows("kato_http.jsonl")
CREATED = [
    e for e in EXCHANGES if (e["method"], e["path"], e["status"]) == ("POST", "/sessions", 200)
]
REFUSED = [
    e for e in EXCHANGES if (e["method"], e["path"], e["status"]) == ("POST", "/sessions", 422)
]
MAY_EXIST = "the session may exist all the same"


def recorded(method: str, path: str) -> dict[str, Any]:
    """The last recorded exchange of a call."""
    return next(e for e in reversed(EXCHANGES) if (e["method"], e["path"]) == (method, path))


def answer_of(exchange: dict[str, Any]) -> Answer:
    """A recorded answer, to send again."""
    body = exchange["response"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Answer(exchange["status"], raw, {"Content-Type": exchange["content_type"]})


def kato(request: Request) -> Answer:
    """A KATO that answers as recorded."""
    if request.method == "POST":
        exchange = dict(CREATED[0], response=dict(CREATED[0]["response"]))
        exchange["response"]["node_id"] = request.json()["node_id"]
        return answer_of(exchange)
    return answer_of(recorded("GET", request.path))


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A KATO on a real socket that fails on demand."""
    with HttpServer(kato) as running:
        yield running


@pytest.fixture
def api(server: HttpServer) -> Iterator[KatoApi]:
    """The client, given so long that a busy machine is no slow KATO."""
    with client_at(server.url, timeout_seconds=60) as client:
        yield KatoApi(client)


@pytest.fixture
def impatient(server: HttpServer) -> Iterator[KatoApi]:
    """The client, given 0.5 s."""
    with client_at(server.url, timeout_seconds=0.5) as client:
        yield KatoApi(client)


def answering(
    status: int, body: object, *, content_type: str = "application/json"
) -> tuple[KatoApi, list[httpx.Request]]:
    """A client whose every request gets this answer, and the requests that it sent."""
    sent: list[httpx.Request] = []
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(status, content=raw, headers={"content-type": content_type})

    transport = httpx.MockTransport(handle)
    return KatoApi(httpx.Client(base_url="http://kato", transport=transport, timeout=1)), sent


def test_the_recorded_answers_read_as_health(api: KatoApi) -> None:
    """Version, state and latency of a healthy KATO."""
    began = time.monotonic()
    health = api.health()
    took = time.monotonic() - began
    assert (health.store, health.version) == ("kato", "3.10.1")
    assert health.detail == "KATO API: healthy"
    assert 0 < health.latency <= took


def test_an_unhealthy_kato_is_told_of_and_not_hidden() -> None:
    """A 503 of /health is an answer; its issues are shown, in one line."""
    root, unwell = recorded("GET", "/"), recorded("GET", "/health")
    said = {
        **unwell["response"],
        "status": "degraded",
        "issues": ["qdrant\nis down", "b", "c", "d"],
    }

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/":
            return httpx.Response(200, json=root["response"])
        return httpx.Response(503, json=said)

    api = KatoApi(httpx.Client(base_url="http://k", transport=httpx.MockTransport(handle)))
    assert api.health().detail == "KATO API: degraded (qdrant is down; b; c)"


def test_the_recorded_status_reads_as_processors(api: KatoApi) -> None:
    """node_id and kb_id of all 20 that were cached."""
    processors = api.cached_processors().processors
    assert len(processors) == 20
    assert (
        CachedProcessor("tenant:acme-corp:user:bob", "tenant_acme_corp_user_bob_kato") in processors
    )


@pytest.mark.parametrize("exchange", CREATED, ids=range(len(CREATED)))
def test_every_recorded_creation_is_sent_and_read_as_recorded(exchange: dict[str, Any]) -> None:
    """The body that goes out is the recorded one, and all of the answer comes back."""
    api, sent = answering(200, exchange["response"])
    asked, said = exchange["request"], exchange["response"]
    session = api.create_session(
        asked["node_id"],
        ttl_seconds=asked.get("ttl_seconds"),
        metadata=asked.get("metadata"),
        config=asked.get("config"),
    )
    assert [(r.method, r.url.path) for r in sent] == [("POST", "/sessions")]
    assert json.loads(sent[0].content) == {"metadata": {}, **asked}
    assert session.session_id == said["session_id"]
    assert session.node_id == said["node_id"]
    assert session.ttl_seconds == said["ttl_seconds"]
    assert session.metadata == said["metadata"]
    assert session.config == said["session_config"]
    assert session.created_at is not None
    assert session.created_at.isoformat() == said["created_at"].replace("Z", "+00:00")
    assert session.expires_at is not None
    assert session.expires_at > session.created_at


@pytest.mark.parametrize("exchange", REFUSED, ids=range(len(REFUSED)))
def test_every_recorded_422_says_which_field_and_why(exchange: dict[str, Any]) -> None:
    """KATO's reasons per field, as one line."""
    api, _ = answering(422, exchange["response"])
    problem = exchange["response"]["detail"][0]
    with pytest.raises(StoreRejected) as caught:
        api.create_session("x")
    assert problem["msg"] in caught.value.reason
    assert str(problem["loc"][-1]) in caught.value.reason
    assert MAY_EXIST not in caught.value.reason


def test_a_recorded_400_says_which_entry_and_why() -> None:
    """The shape of a refused config."""
    refused = next(e for e in EXCHANGES if e["status"] == 400)
    api, _ = answering(400, refused["response"])
    with pytest.raises(StoreRejected, match=r"recall_threshold: Must be a number between 0\.0"):
        api.create_session("x")


@pytest.mark.parametrize("exchange", [e for e in EXCHANGES if e["status"] == 404])
def test_both_recorded_404s_mean_no_such_session(exchange: dict[str, Any]) -> None:
    """KATO has two shapes for one thing."""
    api, _ = answering(404, exchange["response"])
    with pytest.raises(StoreRejected, match="no such session"):
        api.cached_processors()


def test_the_recorded_500_says_that_the_session_may_exist() -> None:
    """Text and no JSON, and KATO may have stored the session before it failed."""
    failed = next(e for e in EXCHANGES if e["status"] == 500)
    api, sent = answering(500, failed["response"].encode(), content_type=failed["content_type"])
    with pytest.raises(StoreRejected, match=rf"failed inside.*500.*{MAY_EXIST}"):
        api.create_session("x")
    assert len(sent) == 1


def test_a_negative_ttl_is_refused_before_it_reaches_kato() -> None:
    """KATO would fail on it and drop the connection."""
    api, sent = answering(200, {})
    with pytest.raises(StoreRejected, match="below 0"):
        api.create_session("x", ttl_seconds=-1)
    assert sent == []


def test_metadata_that_is_no_json_is_refused_before_it_reaches_kato() -> None:
    """Neither objects nor NaN."""
    api, sent = answering(200, {})
    for value in (object(), float("nan")):
        with pytest.raises(StoreRejected, match="cannot be written as JSON"):
            api.create_session("x", metadata={"a": value})
    assert sent == []


READS: tuple[Callable[[KatoApi], object], ...] = (KatoApi.health, KatoApi.cached_processors)
CALLS = (*READS, lambda api: api.create_session("tenant:a:user:b"))
CALL_IDS = ("health", "processors", "create")


@pytest.mark.parametrize("call", CALLS, ids=CALL_IDS)
def test_a_kato_that_is_down_is_unavailable_and_no_session_exists(
    server: HttpServer, api: KatoApi, call: Callable[[KatoApi], object]
) -> None:
    """A refused connection: nothing was sent, and the error does not claim otherwise."""
    server.go_down()
    with pytest.raises(StoreUnavailable, match="nothing answers") as caught:
        call(api)
    assert MAY_EXIST not in str(caught.value)
    server.come_back()
    call(api)


@pytest.mark.parametrize("call", CALLS, ids=CALL_IDS)
def test_a_kato_that_is_slow_is_given_up_in_time(
    server: HttpServer, impatient: KatoApi, call: Callable[[KatoApi], object]
) -> None:
    """Half a second was given, and not the thirty until it answers."""
    server.fail(Slow(30))
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"no answer within 0\.5 s"):
        call(impatient)
    assert time.monotonic() - started < SOON


@pytest.mark.parametrize("part", [0.0, 0.5])
@pytest.mark.parametrize("call", CALLS, ids=CALL_IDS)
def test_a_dropped_connection_is_unavailable(
    server: HttpServer, api: KatoApi, call: Callable[[KatoApi], object], part: float
) -> None:
    """Before the answer or half-way through it."""
    server.fail(Dropped(part))
    with pytest.raises(StoreUnavailable, match="dropped the connection"):
        call(api)


@pytest.mark.parametrize("fault", [Slow(30), Dropped(0.0), Dropped(0.5), Garbage()])
def test_a_creation_whose_answer_is_lost_says_so_and_is_sent_once(
    server: HttpServer, api: KatoApi, impatient: KatoApi, fault: Slow | Dropped | Garbage
) -> None:
    """Sending it again could make two sessions."""
    server.fail(fault)
    with pytest.raises(StoreError, match=MAY_EXIST):
        (impatient if isinstance(fault, Slow) else api).create_session("x")
    wait_until(lambda: server.calls)  # a busy machine may take what was sent later
    assert len(server.calls) == 1


def test_an_answer_that_never_ends_is_given_up_in_time() -> None:
    """Each piece comes in time; the whole does not."""

    class Drip(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                time.sleep(0.02)
                yield b" "

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Drip()))
    api = KatoApi(httpx.Client(base_url="http://k", transport=transport, timeout=0.2))
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match="did not end in time"):
        api.cached_processors()
    assert time.monotonic() - started < SOON


def test_an_answer_of_endless_size_is_given_up() -> None:
    """Not even at full speed."""
    api, _ = answering(200, b"[" + b"1," * 5_000_000)
    with pytest.raises(StoreMisconfigured, match="far too long"):
        api.cached_processors()


@pytest.mark.parametrize("call", CALLS, ids=CALL_IDS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_guard_before_kato_means_denied(
    server: HttpServer, api: KatoApi, call: Callable[[KatoApi], object], status: int
) -> None:
    """KATO asks for nothing, what stands before it may."""
    server.fail(Refused(status))
    with pytest.raises(StoreDenied):
        call(api)


@pytest.mark.parametrize("call", CALLS, ids=CALL_IDS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<!doctype html><title>It works!</title>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"service": "Grafana", "version": "1", "processors": {"processors": [1]}}'),
        (200, b"\xff\xfe"),
        (302, b""),
        (404, b'{"detail": "Not Found"}'),
        (404, b"<html>"),
        (405, b'{"detail": "Method Not Allowed"}'),
        (418, b"teapot"),
    ],
)
def test_what_is_no_kato_is_misconfigured(
    call: Callable[[KatoApi], object], status: int, body: bytes
) -> None:
    """Pages, other APIs, redirects: the address is wrong."""
    api, _ = answering(status, body, content_type="text/html")
    with pytest.raises(StoreMisconfigured):
        call(api)


@pytest.mark.parametrize(("status", "word"), [(429, "too many"), (502, "gateway"), (503, "ready")])
def test_a_gateway_before_kato_means_unavailable(status: int, word: str) -> None:
    """It may be well again in a moment."""
    api, _ = answering(status, b"<html>", content_type="text/html")
    with pytest.raises(StoreUnavailable, match=word):
        api.cached_processors()


def test_an_answer_about_another_node_is_not_believed() -> None:
    """Whatever answered, it did not do what was asked."""
    api, _ = answering(200, CREATED[0]["response"])
    with pytest.raises(StoreMisconfigured, match="another node_id"):
        api.create_session("tenant:someone:user:else")


def test_what_kato_says_is_shown_cut_and_in_one_line() -> None:
    """A hostile or long reason cannot fill the screen or break a log line."""
    detail = [{"loc": ["body", "a\x1b[31m"], "msg": "bad\n" + "x" * 500}] * 9
    api, _ = answering(422, {"detail": detail})
    with pytest.raises(StoreRejected) as caught:
        api.create_session("x")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1200
    assert "and 4 more" in str(caught.value)


def test_no_secret_of_the_address_is_in_any_error() -> None:
    """The URL may hold a password."""
    settings = Settings(KATO_API_URL="http://admin:hunter2@127.0.0.1:9")
    with closing(Stores(settings)) as stores, pytest.raises(StoreUnavailable) as caught:
        stores.kato.health()
    assert not {"hunter2", "admin"} & set(str(caught.value).replace("/", " ").split())
    assert "hunter2" not in str(caught.value)


def test_without_an_address_kato_is_not_configured() -> None:
    """And the error says what to set."""
    with pytest.raises(StoreNotConfigured, match="KATO_API_URL"):
        Stores(Settings(REDIS_URL="redis://r")).kato.health()


@pytest.mark.parametrize("url", ["http://[::1", "http://host:port", "http://"])
def test_an_address_that_cannot_be_used_is_misconfigured(url: str) -> None:
    """Whether that shows at once or at the first call."""
    with pytest.raises(StoreMisconfigured, match="address cannot be used"):
        KatoApi(client_at(url, timeout_seconds=1)).health()


def test_https_to_something_that_speaks_http_is_misconfigured(server: HttpServer) -> None:
    """It is not down: it does not speak TLS, as is known once it has said nothing for so long."""
    url = server.url.replace("http://", "https://")
    with (
        client_at(url, timeout_seconds=2) as client,
        pytest.raises(StoreMisconfigured, match="TLS"),
    ):
        KatoApi(client).health()


def test_only_harmless_calls_are_made(server: HttpServer, api: KatoApi) -> None:
    """Never a session's GET, which extends it, nor a node-scoped call, which can delete vectors."""
    for call in CALLS:
        call(api)
    made = {(request.method, request.path) for request in server.calls}
    assert made == {("GET", "/"), ("GET", "/health"), ("GET", "/status"), ("POST", "/sessions")}


def test_an_address_with_a_path_keeps_it(server: HttpServer) -> None:
    """KATO may live below a path of a gateway."""
    url = f"{server.url}/kato/v3/"
    with client_at(url, timeout_seconds=60) as client, pytest.raises(StoreError):
        KatoApi(client).health()
    assert {call.path for call in server.calls} == {"/kato/v3/", "/kato/v3/health"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"status": "success", "session_id": "s 1"}, True),
        (200, {"status": "disabled", "reason": "no cache"}, True),
        (404, {"detail": "Not Found"}, False),
    ],
)
def test_caches_are_invalidated_where_there_is_such_a_call(
    status: int, body: object, expected: bool
) -> None:
    """An older KATO does not know it, which is no failure."""
    api, sent = answering(status, body)
    assert api.invalidate_caches("s 1&x") is expected
    (request,) = sent
    assert request.method == "POST"
    assert request.url.path == "/cache/invalidate"
    assert dict(request.url.params) == {"session_id": "s 1&x"}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"status": "error"}, StoreRejected),
        (200, {}, StoreRejected),
        (404, {"message": "no such page"}, StoreRejected),
        (404, b"<html>", StoreMisconfigured),
        (403, {"detail": "Not Found"}, StoreDenied),
        (500, {"detail": "x"}, StoreRejected),
    ],
)
def test_what_does_not_say_that_caches_are_forgotten_is_told(
    status: int, body: object, error: type[StoreError]
) -> None:
    api, _ = answering(status, body)
    with pytest.raises(error):
        api.invalidate_caches("s")


def test_a_worker_that_hangs_is_told_of_by_how_many_were_answered(api: KatoApi) -> None:
    """Its siblings answer at once, and which of them a connection reaches is left to chance."""
    asked = itertools.count()
    root, well = (recorded("GET", path)["response"] for path in ("/", "/health"))

    def handle(request: httpx.Request) -> httpx.Response:
        if next(asked) % 4 == 1:
            raise httpx.ReadTimeout("no answer", request=request)
        return httpx.Response(200, json=root if request.url.path == "/" else well)

    hanging = KatoApi(httpx.Client(base_url="http://k", transport=httpx.MockTransport(handle)))
    with pytest.raises(StoreUnavailable, match="only 12 of 16 new connections were answered"):
        hanging.health()
