"""What the server answers to whom, before Streamlit sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dashboard.app.guard import HEADERS, Guard
from dashboard.app.metrics import Metrics, rules_of
from dashboard.app.sockets import Message
from services.metrics.models import Exposition
from services.settings.environment import Settings, load_settings
from tests.servers import issuer

SIGN_IN = {
    "AUTH": "proxy", "PROXY_HEADER": "X-Token", "PROXY_ISSUER": issuer.ISSUER,
    "PROXY_AUDIENCE": issuer.AUDIENCE,
    "PROXY_SECRET": issuer.SECRET, "DEFAULT_ROLE": "viewer", "DEFAULT_TENANTS": "*",
}  # fmt: skip
LOCAL: dict[str, str] = {}
OPEN = {"ALLOW_OPEN": "1"}
NEAR, FAR = "127.0.0.1", "10.0.0.7"


async def _app(scope: Message, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    started = {"type": "http.response.start", "status": 200,
               "headers": [(b"X-Frame-Options", b"ALLOW")]}  # fmt: skip
    await send(started)
    await send({"type": "http.response.body", "body": b"served"})


def _told(accept: str) -> Exposition:
    return Exposition("text/plain", f"kato_tenants_info 1\n{accept}".encode())


def ask(
    settings: Settings, path: str = "/", *, client: str = NEAR, kind: str = "http",
    method: str = "GET", there: bool = True, **headers: str,
) -> list[Message]:  # fmt: skip
    """Make one request, and return what the server sent."""
    sent: list[Message] = []
    host = headers.pop("host", "localhost:8501")
    named = {"host": host, "x_token": issuer.secret_token(), **headers}
    raw = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in named.items()]
    scope = {"type": kind, "path": path, "headers": raw, "client": (client, 5), "method": method}
    metrics = Metrics(rules_of(settings), lambda: _told if there else None)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    _run(Guard(_app, settings, metrics=metrics)(scope, receive, send))
    return sent


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: this one may have a loop, which a browser left in it."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, serving).result()


def status(*args: Any, **more: Any) -> int:
    return int(ask(*args, **more)[0]["status"])


@pytest.fixture
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in request.param.items():
        monkeypatch.setenv(f"KATO_TENANTS_{name}", value)
    return load_settings()


@pytest.mark.parametrize("settings", [LOCAL, OPEN, SIGN_IN], indirect=True)
def test_every_answer_has_the_headers_once(settings: Settings) -> None:
    """Refusals too, and in place of what the app says."""
    for path in ("/", "/_stcore/agent/mcp", "/_stcore/health"):
        names = [name.lower() for name, _ in ask(settings, path)[0]["headers"]]
        assert all(names.count(name) == 1 for name in HEADERS)


@pytest.mark.parametrize(
    ("settings", "client", "more", "expected"),
    [
        (LOCAL, NEAR, {}, 200),
        (LOCAL, "::1", {"host": "[::1]:8501"}, 200),
        (LOCAL, FAR, {}, 403),
        (LOCAL, NEAR, {"x_forwarded_for": NEAR}, 403),
        (LOCAL, NEAR, {"x_client_ip": FAR}, 403),
        (LOCAL, NEAR, {"x_original_forwarded_for": FAR}, 403),
        (LOCAL, NEAR, {"origin": "http://localhost:8501"}, 200),
        (LOCAL, NEAR, {"origin": "http://localhost:3000"}, 403),
        (LOCAL, NEAR, {"origin": "http://localhost"}, 403),
        (LOCAL, NEAR, {"origin": "null"}, 403),
        (OPEN, NEAR, {"origin": "https://evil.example"}, 403),
        (SIGN_IN, FAR, {"host": "dash.example.com", "origin": "https://dash.example.com"}, 200),
        (LOCAL, NEAR, {"host": "evil.example"}, 400),
        (LOCAL, NEAR, {"host": "localhost.evil.example"}, 400),
        (OPEN, FAR, {"host": "dash.example.com"}, 200),
        ({**OPEN, "ALLOWED_HOSTS": "localhost"}, FAR, {"host": "dash.example.com"}, 400),
        (SIGN_IN, FAR, {"host": "dash.example.com", "x_forwarded_for": FAR}, 200),
        ({**SIGN_IN, "ALLOWED_HOSTS": "*.example.com"}, FAR, {"host": "dash.example.com"}, 200),
        ({**SIGN_IN, "ALLOWED_HOSTS": "*.example.com"}, FAR, {"host": "evil.test"}, 400),
        (SIGN_IN, FAR, {"host": "dash.example.com", "origin": "https://evil.example"}, 403),
        (SIGN_IN, FAR, {"host": "dash.example.com", "origin": "http://localhost:3000"}, 403),
        (SIGN_IN, FAR, {"x_token": "none"}, 401),
        (SIGN_IN, FAR, {"x_token": issuer.secret_token("another secret, as long as that is")}, 401),
        (SIGN_IN, FAR, {"host": ""}, 400),
        (SIGN_IN, FAR, {"host": "a b"}, 400),
    ],
    indirect=["settings"],
)
def test_who_is_served(
    settings: Settings, client: str, more: dict[str, str], expected: int
) -> None:
    assert status(settings, "/", client=client, **more) == expected
    sent = ask(settings, "/_stcore/stream", client=client, kind="websocket", **more)
    served = {"type": "websocket.accept"}
    assert sent == [served if expected == 200 else {"type": "websocket.close", "code": 1008}]
    assert status(settings, "/_stcore/health", client=client, **more) == 200
    assert status(settings, "/x/_stcore/health", client=client, **more) == expected


@pytest.mark.parametrize(
    ("settings", "client", "more", "expected"),
    [
        (LOCAL, NEAR, {}, 200),
        (SIGN_IN, NEAR, {}, 200),
        (SIGN_IN, FAR, {}, 403),
        (SIGN_IN, NEAR, {"host": "dash.example.com"}, 403),
        (SIGN_IN, NEAR, {"x_forwarded_for": NEAR}, 403),
        (OPEN, FAR, {}, 403),
        ({**SIGN_IN, "OPEN_METRICS": "1"}, FAR, {}, 200),
    ],
    indirect=["settings"],
)
def test_metrics_are_not_for_strangers(
    settings: Settings, client: str, more: dict[str, str], expected: int
) -> None:
    """Under a base path neither."""
    for path in ("/_stcore/metrics", "/kato/_stcore/metrics"):
        assert status(settings, path, client=client, **more) == expected


TOKEN = "0123456789abcdef.~+/-_=="
BY_TOKEN = {"METRICS_TOKEN": f"{'o' * 20}, {TOKEN}"}
BY_NETWORK = {"METRICS_NETWORKS": "10.0.0.0/24, ::1"}
BEARER = {"authorization": f"Bearer {TOKEN}"}
POD = {"host": "10.1.2.3:8501"}


@pytest.mark.parametrize(
    ("settings", "client", "more", "expected"),
    [
        (LOCAL, NEAR, {}, 200),
        (LOCAL, NEAR, {"x_forwarded_for": NEAR}, 403),
        (LOCAL, NEAR, {"host": "evil.example"}, 400),
        (LOCAL, NEAR, {"origin": "http://localhost:3000"}, 403),
        (OPEN, NEAR, {}, 200),
        (OPEN, FAR, {}, 403),
        (OPEN, NEAR, {"host": "dash.example.com"}, 403),
        (SIGN_IN, NEAR, {}, 403),
        (SIGN_IN, FAR, {}, 403),
        ({**SIGN_IN, **BY_TOKEN}, NEAR, {}, 401),
        ({**SIGN_IN, **BY_TOKEN}, FAR, BEARER, 200),
        ({**SIGN_IN, **BY_TOKEN}, FAR, {**BEARER, "x_forwarded_for": FAR}, 200),
        ({**SIGN_IN, **BY_TOKEN}, FAR, {"authorization": "bearer  " + "o" * 20}, 200),
        ({**SIGN_IN, **BY_TOKEN}, FAR, {"authorization": TOKEN}, 401),
        ({**SIGN_IN, **BY_TOKEN}, FAR, {"authorization": f"Basic {TOKEN}"}, 401),
        ({**SIGN_IN, **BY_TOKEN}, FAR, {"authorization": f"Bearer {TOKEN}x"}, 401),
        ({**SIGN_IN, **BY_TOKEN}, FAR, {"authorization": "Bearer "}, 401),
        ({**SIGN_IN, **BY_TOKEN}, FAR, {"authorization": "Bearer \xff\xfe"}, 401),
        ({**SIGN_IN, **BY_TOKEN, "ALLOWED_HOSTS": "x"}, FAR, {**BEARER, **POD}, 200),
        ({**LOCAL, **BY_TOKEN}, NEAR, {}, 401),
        ({**LOCAL, **BY_TOKEN}, FAR, BEARER, 200),
        ({**SIGN_IN, **BY_NETWORK}, FAR, {}, 200),
        ({**SIGN_IN, **BY_NETWORK}, "::ffff:10.0.0.7", {}, 200),
        ({**SIGN_IN, **BY_NETWORK}, "::1", {}, 200),
        ({**SIGN_IN, **BY_NETWORK}, "10.0.1.7", {}, 403),
        ({**SIGN_IN, **BY_NETWORK}, "unix", {}, 403),
        ({**SIGN_IN, **BY_NETWORK}, FAR, {"x_forwarded_for": FAR}, 403),
        ({**SIGN_IN, **BY_NETWORK}, FAR, {"origin": "https://evil.example"}, 403),
        ({**SIGN_IN, **BY_NETWORK, "ALLOWED_HOSTS": "x"}, FAR, POD, 400),
        ({**OPEN, **BY_NETWORK}, FAR, {}, 200),
        ({**SIGN_IN, **BY_NETWORK, **BY_TOKEN}, FAR, {}, 401),
        ({**SIGN_IN, **BY_NETWORK, **BY_TOKEN}, "10.0.1.7", BEARER, 403),
        ({**SIGN_IN, **BY_NETWORK, **BY_TOKEN}, FAR, BEARER, 200),
    ],
    indirect=["settings"],
)
def test_who_reads_the_fleets_metrics(
    settings: Settings, client: str, more: dict[str, str], expected: int
) -> None:
    """Being signed in is not enough, nor is it needed; headers are as with every answer."""
    started, body = ask(settings, "/metrics", client=client, **more)
    assert started["status"] == expected
    assert (b"kato_tenants_info" in body["body"]) == (expected == 200)
    headers = dict(started["headers"])
    assert headers.items() >= HEADERS.items()
    assert (b"www-authenticate" in headers) == (expected == 401)


@pytest.mark.parametrize("settings", [LOCAL], indirect=True)
def test_metrics_are_read_and_nothing_else(settings: Settings) -> None:
    """Nor is a path served that only looks like theirs."""
    whole = ask(settings, "/metrics")
    head = ask(settings, "/metrics", method="HEAD")
    assert head[1]["body"] == b""
    assert head[0] == whole[0]
    refused = ask(settings, "/metrics", method="POST")[0]
    assert (refused["status"], dict(refused["headers"])[b"allow"]) == (405, b"GET, HEAD")
    assert ask(settings, "/metrics/x")[1]["body"] == b"served"
    assert ask(settings, "/metrics", kind="websocket") == [{"type": "websocket.accept"}]


@pytest.mark.parametrize("settings", [LOCAL], indirect=True)
def test_metrics_of_what_has_not_started_are_not_there(settings: Settings) -> None:
    """And nobody waits for the start."""
    assert ask(settings, "/metrics", there=False)[0]["status"] == 503


@pytest.mark.parametrize("settings", [LOCAL, OPEN, SIGN_IN], indirect=True)
def test_what_no_page_uses_is_not_there(settings: Settings) -> None:
    """Under a base path neither."""
    for path in ("agent/interact", "agent/mcp", "upload_file/session/file", "script-health-check"):
        for base in ("", "/kato"):
            assert status(settings, f"{base}/_stcore/{path}") == 404


@pytest.mark.parametrize("settings", [SIGN_IN], indirect=True)
def test_behind_a_proxy_the_token_comes_before_the_connection(settings: Settings) -> None:
    """Nothing of the reason is markup, and the metrics have a rule of their own."""
    started, body = ask(settings, "/", x_token="")
    assert (started["status"], b"You are not signed in" in body["body"]) == (401, True)
    assert ask(settings, "/_stcore/stream", kind="websocket", x_token="") == [
        {"type": "websocket.close", "code": 1008}
    ]
    assert status(settings, "/_stcore/metrics", x_token="") == 200


@pytest.mark.parametrize("settings", [SIGN_IN], indirect=True)
def test_two_hosts_are_none(settings: Settings) -> None:
    """What is checked has to be what is served."""
    scope = {"type": "http", "path": "/", "client": (NEAR, 5),
             "headers": [(b"host", b"localhost"), (b"Host", b"localhost")]}  # fmt: skip
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    _run(Guard(_app, settings)(scope, send, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 400
