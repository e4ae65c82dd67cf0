"""The guard on a real server, with an app behind it that notes what reaches it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard.app import guard, sockets, turns
from dashboard.app.guard import Guard
from dashboard.app.sockets import Message
from services.settings.environment import load_settings
from tests.servers import issuer
from tests.servers.sockets import free_port
from tests.unit.app.test_guard import SIGN_IN
from tests.waiting import SOON, wait_until

SETTINGS = {**SIGN_IN, "SESSIONS_PER_PERSON": "2", "MESSAGES_PER_SECOND": "4"}
FINISHED = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY).SerializeToString()


class App:
    """Answers every message with the end of a run, at once or when it is told to."""

    def __init__(self) -> None:
        self.connected, self.uploads, self.kinds = 0, 0, list[str]()
        self.quick = True

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.uploads += scope["method"] == "PUT"
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        elif scope["type"] == "websocket":
            await self._serve(receive, send)

    async def _serve(self, receive: Any, send: Any) -> None:
        self.connected += 1
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            self.kinds.append(BackMsg.FromString(message["bytes"]).WhichOneof("type") or "")
            if self.quick:
                await send({"type": "websocket.send", "bytes": FINISHED})


@contextmanager
def serving(app: App, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in settings.items():
        monkeypatch.setenv(f"KATO_TENANTS_{name}", value)
    port = free_port()
    guarded = Guard(app, load_settings())
    config = uvicorn.Config(guarded, port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield f"127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    thread.join(10)


class Clock:
    """The clock by which people wait for their turn: it goes on only while one of them does."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(sockets, "time", found)
    monkeypatch.setattr(sockets, "asyncio", found)
    monkeypatch.setattr(guard, "time", found)
    return found


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture(autouse=True)
def _refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "REFUSED_SECONDS", 0.0)


@pytest.fixture
def server(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serving(app, SETTINGS, monkeypatch) as address:
        yield address


def come(server: str, **more: Any) -> ClientConnection:
    headers = {"X-Token": issuer.secret_token(**more)}
    url = f"ws://{server}/_stcore/stream"
    # Who was thrown out while it sends waits for the server to hang up, which does not.
    return connect(url, additional_headers=headers, legacy=True, close_timeout=0.5)


def asked(kind: str = "rerun_script") -> bytes:
    message = BackMsg()
    field: Any = getattr(message, kind)
    if isinstance(field, bool):
        setattr(message, kind, True)
    else:
        field.SetInParent()
    return bytes(message.SerializeToString())


def click(socket: ClientConnection) -> None:
    """Ask for a run, and wait for its end."""
    socket.send(asked())
    socket.recv(timeout=SOON)


def test_nobody_who_is_not_signed_in_gets_a_connection(app: App, server: str) -> None:
    """Nor one from another page's script, nor can anybody upload."""
    url = f"ws://{server}/_stcore/stream"
    good = issuer.secret_token()
    for headers in (
        {}, {"X-Token": "none"}, {"X-Token": issuer.secret_token(exp=time.time() - 60)},
        {"X-Token": issuer.secret_token("another secret, as long as the shared one is")},
        {"X-Token": good, "Origin": "https://evil.example"},
        {"X-Token": good, "Origin": "http://localhost:3000"},
    ):  # fmt: skip
        with pytest.raises(InvalidStatus):
            connect(url, additional_headers=headers, legacy=True)
    put = httpx.put(f"http://{server}/_stcore/upload_file/s/f", headers={"X-Token": good},
                    content=b"x" * 1000)  # fmt: skip
    assert put.status_code == 404
    assert (app.connected, app.uploads) == (0, 0)
    with come(server) as socket:
        click(socket)
    assert app.connected == 1


def test_a_person_has_so_many_tabs(app: App, server: str) -> None:
    """Another person has as many, and a closed one makes room."""
    with come(server) as first, come(server), come(server, email="bob@example.com"):
        with pytest.raises(InvalidStatus):
            come(server)
        first.close()
        wait_until(lambda: _comes(server))
    assert app.connected == 4


def _comes(server: str) -> bool:
    try:
        come(server).close()
    except InvalidStatus:
        return False
    return True


def test_no_client_clears_a_cache_or_installs_anything(app: App, server: str) -> None:
    with come(server) as socket:
        for kind in ("clear_cache", "file_urls_request", "set_run_on_save", "load_git_info"):
            socket.send(asked(kind))
        click(socket)
    assert app.kinds == ["rerun_script"]


def test_a_flooding_socket_is_slowed_and_then_closed(
    app: App, server: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another person's click is not."""
    monkeypatch.setattr(sockets, "FLOOD_SECONDS", 1.0)
    with come(server) as flood, come(server, email="bob@example.com") as other:
        with pytest.raises(ConnectionClosed):  # noqa: PT012  which of them fails is not known
            for _ in range(1_000):
                flood.send(asked("stop_script"))
            while True:
                flood.recv(timeout=SOON)
        taken = app.kinds.count("stop_script")
        assert 24 <= taken <= 25  # five seconds' worth, and a second's
        now = clock.now
        click(other)
        assert clock.now == now
    with come(server) as again:
        click(again)


def test_one_tabs_run_waits_for_anothers_of_the_same_person(
    app: App, server: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for ever, and not for another person's; a click in the same tab does not wait."""
    monkeypatch.setattr(turns, "SLOW_SECONDS", 0.6)
    app.quick = False
    with come(server) as slow, come(server) as tab, come(server, email="bob@example.com") as other:
        slow.send(asked())
        slow.send(asked())
        _until(app, 2)
        app.quick = True
        began = clock.now
        click(other)
        assert clock.now == began
        click(tab)
        assert 0.6 < clock.now - began < 0.8
        now = clock.now
        click(slow)
        click(tab)
        assert clock.now == now


def _until(app: App, count: int) -> None:
    wait_until(lambda: len(app.kinds) >= count)
