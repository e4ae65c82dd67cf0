"""A KATO of several workers, each of which has its own memory, on real sockets."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from hypothesis import given, settings, strategies as st

from services.errors import StoreDenied, StoreError, StoreUnavailable
from services.stores.kato import around
from services.stores.kato.api import KatoApi
from services.stores.kato.around import AT_ONCE, MOST, QUIET, ask_around
from services.stores.kato.connect import client_at
from services.usage.readings import ProcessorReading
from tests.servers.faults import SOON, HttpServer, Refused
from tests.servers.kato_workers import Worker, kato_of

WORKERS = tuple(Worker([f"tenant:t{number}:user:u", "tenant:all:user:u"]) for number in range(4))
GRACE = 3  # seconds: a busy machine lets nobody speak for one
NODES = {"tenant:all:user:u", *(f"tenant:t{number}:user:u" for number in range(4))}


def processors(server: HttpServer, *, alone: bool = False, seconds: float = 20) -> ProcessorReading:
    with client_at(server.url, timeout_seconds=seconds) as client:
        return KatoApi(client, alone=alone).cached_processors()


def nodes(reading: ProcessorReading) -> list[str]:
    return [each.node_id for each in reading.processors]


def test_what_every_worker_has_is_brought_together_once() -> None:
    """Over a connection an answer; and what is known to be one process is asked once."""
    with kato_of(WORKERS) as server:
        reading = processors(server)
        assert reading.unanswered == 0
        assert sorted(nodes(reading)) == sorted(NODES)
        assert QUIET < len(server.calls) <= MOST
        assert len({call.connection for call in server.calls}) == len(server.calls)
        server.calls.clear()
        assert len(nodes(processors(server, alone=True))) == 2
        assert len(server.calls) == 1


def test_a_worker_that_hangs_is_told_of_and_hides_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it waited for much longer than its siblings take."""
    monkeypatch.setattr(around, "GRACE_SHARE", GRACE / 60)
    for workers, left in ((WORKERS, NODES - {"tenant:t2:user:u"}), ((*WORKERS, *WORKERS), NODES)):
        with kato_of(workers, hung={2}) as server:
            began = time.monotonic()
            reading = processors(server, seconds=60)
            assert time.monotonic() - began < SOON
        assert reading.unanswered >= 1
        assert set(nodes(reading)) == left


def test_nobody_who_answers_is_an_error_and_not_an_empty_memory() -> None:
    with kato_of(WORKERS, hung=range(4)) as server, pytest.raises(StoreUnavailable) as caught:
        processors(server, seconds=0.3)
    assert "no answer within" in str(caught.value)
    with kato_of(WORKERS) as server:
        server.fail(Refused())
        with pytest.raises(StoreDenied):
            processors(server)
        assert len(server.calls) == AT_ONCE


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(0, 5)) | st.none(), min_size=1, max_size=60))
def test_it_asks_until_nothing_new_comes_and_never_for_ever(
    told: list[set[int] | None],
) -> None:
    """Whatever the workers say, in whatever order; None is a connection without an answer."""
    drawn, lock, endless = list[set[int] | None](), threading.Lock(), itertools.cycle(told)

    def ask() -> set[int]:
        with lock:
            drawn.append(next(endless))
            found = drawn[-1]
        if found is None:
            raise StoreUnavailable("kato", "asking", "it hung up")
        return found

    try:
        found = ask_around(ask, news=lambda each: each, operation="asking", seconds=20)
    except StoreError:
        assert set(map(type, drawn)) == {type(None)}
        return
    answered = [each for each in drawn if each is not None]
    assert sorted(map(sorted, found.answers)) == sorted(map(sorted, answered))
    assert found.unanswered == len(drawn) - len(answered) <= AT_ONCE
    assert len(drawn) <= MOST
    stopped_early = found.unanswered < AT_ONCE and len(drawn) < MOST
    if stopped_early:
        came = found.answers  # among which enough in a row had nothing new
        starts = range(len(came) - QUIET + 1)
        assert any(set().union(*came[at : at + QUIET]) <= set().union(*came[:at]) for at in starts)


def test_what_came_late_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer after enough others did not bring anything new is let go."""
    monkeypatch.setattr(around, "GRACE_SHARE", GRACE / 60)
    number, late = itertools.count(), threading.Event()

    def ask() -> int:
        if next(number) == 0:
            late.wait(60)
        return 1

    found = ask_around(ask, news=lambda each: [each], operation="asking", seconds=60)
    late.set()
    assert found.answers.count(1) >= QUIET
    assert found.unanswered >= 1
