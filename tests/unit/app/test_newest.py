"""One result for each who sees the same: of the newest, made once, bounded, and freed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from dashboard.app.newest import IDLE_SECONDS, Newest


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def made(log: list[str], name: str) -> Callable[[], str]:
    def make() -> str:
        log.append(name)
        return name

    return make


def test_it_is_made_once_for_each_who_sees_the_same_and_anew_for_what_is_newer() -> None:
    kept, log = Newest[str](), list[str]()
    assert kept.get("all", "snapshot 1", made(log, "a")) == "a"
    assert kept.get("all", "snapshot 1", made(log, "b")) == "a"
    assert kept.get("some", "snapshot 1", made(log, "c")) == "c"
    assert kept.get("all", "snapshot 2", made(log, "d")) == "d"
    assert (log, len(kept)) == (["a", "c", "d"], 2)


def test_an_error_is_not_kept_and_keeps_nothing_of_before() -> None:
    kept, log = Newest[str](), list[str]()
    kept.get("all", "1", made(log, "a"))

    def failing() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        kept.get("all", "2", failing)
    assert kept.get("all", "2", made(log, "b")) == "b"
    assert kept.get("all", "1", made(log, "c")) == "c"


def test_it_is_made_anew_after_its_time() -> None:
    clock, log = Clock(), list[str]()
    kept = Newest[str](seconds=5, now=clock)
    kept.get("all", "1", made(log, "a"))
    clock.now += 4.9
    assert kept.get("all", "1", made(log, "b")) == "a"
    clock.now += 0.2
    assert kept.get("all", "1", made(log, "c")) == "c"


def test_who_came_last_stays_and_what_nobody_asks_for_is_freed() -> None:
    clock, log = Clock(), list[str]()
    kept = Newest[str](entries=3, now=clock)
    for who in "abcda":
        kept.get(who, "1", made(log, who))
    assert (log, len(kept)) == (list("abcda"), 3)
    clock.now += IDLE_SECONDS
    kept.get("e", "1", made(log, "e"))
    assert len(kept) == 1


def test_many_at_a_time_have_it_made_once() -> None:
    kept, log, together = Newest[str](), list[str](), threading.Barrier(8)
    found = list[str]()

    def ask() -> None:
        together.wait()
        found.append(kept.get("all", "1", made(log, "a")))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (log, found) == (["a"], ["a"] * 8)
