"""Asking several stores at once: deadlines, news, and one failure apart from the others."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from services import ask_stores
from services.ask_stores import Pass, ask_all, attempt
from services.errors import (
    NOT_READ,
    Fault,
    Problem,
    StoreError,
    StoreNotConfigured,
    StoreUnavailable,
)
from services.figures import StoreState
from tests.servers.faults import SOON


def refuse() -> int:
    raise StoreUnavailable("redis", "reading", "connection refused")


def test_an_answer_is_ok() -> None:
    done = attempt(lambda: 7)
    assert (done.state, done.reading, done.reason) == (StoreState.OK, 7, None)


def test_a_failure_is_unknown_with_its_reason() -> None:
    done = attempt(refuse)
    assert (done.state, done.reading) == (StoreState.UNKNOWN, None)
    assert str(done.reason) == "Redis did not answer (reading): connection refused"


def test_a_problem_is_read_back_as_it_was_kept() -> None:
    """And as words alone where a version before wrote it, or where its words were forgotten."""
    down = StoreUnavailable("redis", "reading", "connection refused").problem
    for problem in (down, Problem("x"), Problem(), Problem(fault=Fault.PENDING)):
        assert Problem.of_kept(json.loads(json.dumps(problem.kept))) == problem
    assert Problem.of_kept(str(down)).nameless() == Problem(NOT_READ)
    assert Problem.of_kept(["node:1", "node:2", "reading", "why"]) == Problem("why")


@pytest.mark.parametrize("kind", [StoreError, *StoreError.__subclasses__()])
def test_a_problem_says_what_its_error_says(kind: type[StoreError]) -> None:
    """Without names it is the store and what it did, of stores that are named by us."""
    error = kind("qdrant", "reading zed", "zed is gone")
    assert str(error.problem) == str(error)
    assert str(error.problem.nameless()) == f"Qdrant {kind.fault}"
    assert str(kind("zed", "reading", "gone").problem.nameless("-")) == "-"


def test_a_store_without_an_address_is_not_configured() -> None:
    def absent() -> int:
        raise StoreNotConfigured("kato", "reading", "set KATO_API_URL")

    assert attempt(absent).state is StoreState.NOT_CONFIGURED


def test_a_fault_of_ours_is_unknown_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The text of an unforeseen error, which may hold a secret, is not shown."""

    def fault() -> int:
        raise ValueError("password=hunter2")

    done = attempt(fault)
    assert done.state is StoreState.UNKNOWN
    assert "hunter2" not in str(done.reason)
    assert "a pass failed" in caplog.text


def test_one_failure_leaves_the_others() -> None:
    done = ask_all({"a": lambda _: 1, "b": lambda _: refuse(), "c": lambda _: 3}, deadline=5)
    assert {name: result.reading for name, result in done.items()} == {"a": 1, "b": None, "c": 3}


def test_asks_run_at_the_same_time() -> None:
    """Each waits for the other: one after the other they would never end."""
    barrier = threading.Barrier(2, timeout=60)
    done = ask_all({"a": lambda _: barrier.wait(), "b": lambda _: barrier.wait()}, deadline=SOON)
    assert all(result.state is StoreState.OK for result in done.values())


def test_answers_stand_in_the_order_of_the_asks() -> None:
    """Whichever comes first: what is made of them is then the same each time."""
    quick = threading.Event()

    def slow(_: object) -> bool:
        return quick.wait(SOON)

    done = ask_all({"slow": slow, "quick": lambda _: quick.set()}, deadline=SOON)
    assert list(done) == ["slow", "quick"]


def test_what_is_late_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline holds although the ask goes on: it is over once the other has answered."""
    release, late = threading.Event(), [0.0]
    monkeypatch.setattr(
        ask_stores, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + late[0])
    )

    def later(*_: object) -> None:
        late[0] = 2 * SOON

    asks: dict[str, Any] = {"a": lambda _: release.wait(), "b": lambda _: 2}
    done = ask_all(asks, deadline=SOON, on_news=later)
    release.set()
    assert done["b"].reading == 2
    assert done["a"].state is StoreState.UNKNOWN
    assert str(done["a"].reason) == f"no answer within {SOON:g} s"


def test_news_comes_in_the_callers_thread_and_in_order() -> None:
    """What an ask hands out on the way arrives before its result."""
    heard: list[tuple[str, object, bool]] = []

    def ask(emit: object) -> int:
        emit("a", 1)  # type: ignore[operator]
        time.sleep(0.05)
        return 2

    def listen(name: str, result: Pass[object]) -> None:
        heard.append((name, result.reading, threading.current_thread() is threading.main_thread()))

    ask_all({"a": ask}, deadline=5, on_news=listen)
    assert heard == [("a", 1, True), ("a", 2, True)]
