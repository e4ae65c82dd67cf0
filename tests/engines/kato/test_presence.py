"""Whether KATO is there, on real sockets: stopped is only what refuses every connection."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.errors import StoreNotConfigured
from services.purge.ports import KatoState, Presence
from services.stores.absent import absent
from services.stores.kato.api import KatoApi
from services.stores.kato.connect import client_at
from services.stores.kato.presence import CONNECTIONS
from tests.servers.faults import (
    SOON,
    Answer,
    Dropped,
    Fault,
    Garbage,
    HttpServer,
    Refused,
    Request,
    Slow,
    free_port,
)

UNSTEADY = Presence(KatoState.UNSTEADY)


def healthy(uptime: object, status: int = 200) -> Answer:
    return Answer.json({"status": "healthy", "uptime_seconds": uptime}, status)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda _: healthy(100.0)) as server:
        yield server


def presence(url: str) -> Presence:
    with client_at(url, timeout_seconds=30) as client:
        return KatoApi(client).presence()


def is_about(found: datetime | None, seconds_ago: float) -> bool:
    assert found is not None
    return abs(datetime.now(UTC) - found - timedelta(seconds=seconds_ago)) < timedelta(seconds=20)


def test_every_worker_that_is_asked_answers(server: HttpServer) -> None:
    """Each over a connection of its own; nothing else is asked."""
    found = presence(server.url)
    assert found.state is KatoState.RUNNING
    assert is_about(found.started_at, 100)
    assert [(call.method, call.path) for call in server.calls] == [("GET", "/health")] * CONNECTIONS


def test_the_oldest_worker_tells_since_when(server: HttpServer) -> None:
    """One that was started anew by itself does not make its siblings forget what they use."""
    uptimes = itertools.cycle((5_000, 70.5, 900_000))
    server.answer = lambda _: healthy(next(uptimes))
    assert is_about(presence(server.url).started_at, 900_000)


@pytest.mark.parametrize("uptime", [None, "9", True, -1, 1e300, float("nan")])
def test_a_worker_that_does_not_tell_leaves_it_unknown(server: HttpServer, uptime: object) -> None:
    uptimes = itertools.chain([uptime], itertools.repeat(5))
    server.answer = lambda _: healthy(next(uptimes))
    assert presence(server.url) == Presence(KatoState.RUNNING)


def test_one_that_says_it_is_unhealthy_is_there(server: HttpServer) -> None:
    server.answer = lambda _: healthy(100, 503)
    assert presence(server.url).state is KatoState.RUNNING


def test_one_at_whose_address_nobody_listens_is_stopped() -> None:
    assert presence(f"http://127.0.0.1:{free_port()}") == Presence(KatoState.STOPPED)
    assert presence(f"http://localhost:{free_port()}") == Presence(KatoState.STOPPED)


def test_one_that_was_stopped_and_started_again(server: HttpServer) -> None:
    server.go_down()
    assert presence(server.url).state is KatoState.STOPPED
    server.come_back()
    assert presence(server.url).state is KatoState.RUNNING


@pytest.mark.parametrize(
    "fault", [Slow(), Dropped(0.0), Dropped(), Garbage(), Refused(), Refused(502)]
)
def test_one_that_does_not_answer_as_kato_is_not_stopped(server: HttpServer, fault: Fault) -> None:
    """Nor is it waited for longer than a few seconds, although its timeout is 30 s."""
    server.fail(fault)
    began = time.monotonic()
    assert presence(server.url) == UNSTEADY
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("fault", [Slow(), Dropped(0.0)])
def test_a_worker_that_hangs_while_its_siblings_answer(server: HttpServer, fault: Fault) -> None:
    server.fail(fault, after=CONNECTIONS - 1)
    found = presence(server.url)
    assert found.state is KatoState.UNSTEADY
    assert is_about(found.started_at, 100)


def test_a_name_that_does_not_resolve_says_nothing() -> None:
    assert presence("http://no-such-kato.invalid:8000") == UNSTEADY


def test_a_refusal_of_a_proxy_is_not_katos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the address either; but it is not reached that way."""
    url = f"http://127.0.0.2:{free_port()}"
    assert presence(url).state is KatoState.STOPPED
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert presence(url) == UNSTEADY


def test_one_that_is_not_configured_is_told() -> None:
    with pytest.raises(StoreNotConfigured):
        absent("kato", "KATO_API_URL").presence()


def test_an_answer_that_is_no_object_is_not_katos(server: HttpServer) -> None:
    def answer(_: Request) -> Answer:
        return Answer.json({"uptime_seconds": 5})

    server.answer = answer
    assert presence(server.url) == UNSTEADY
