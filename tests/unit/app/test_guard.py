"""What the server answers to whom, before Streamlit sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dashboard.app.guard import HEADERS, Guard
from dashboard.app.sockets import Message
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


def ask(
    settings: Settings, path: str = "/", *, client: str = NEAR, kind: str = "http",
    **headers: str,
) -> list[Message]:  # fmt: skip
    """Make one request, and return what the server sent."""
    sent: list[Message] = []
    host = headers.pop("host", "localhost:8501")
    named = {"host": host, "x_token": issuer.secret_token(), **headers}
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in named.items()]
    scope = {"type": kind, "path": path, "headers": raw, "client": (client, 5)}

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    _run(Guard(_app, settings)(scope, receive, send))
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
