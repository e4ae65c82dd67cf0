"""Deployments take turns to read; one that hangs keeps nobody waiting for long."""

from __future__ import annotations

import threading
import time

from services.usage.turns import Turns


class Reads:
    """What is read until it is let go."""

    def __init__(self) -> None:
        self.began, self.goes_on = threading.Event(), threading.Event()

    def collect(self, turns: Turns) -> None:
        with turns.turn():
            self.began.set()
            self.goes_on.wait(30)


def run(reads: Reads, turns: Turns) -> threading.Thread:
    thread = threading.Thread(target=reads.collect, args=(turns,))
    thread.start()
    return thread


def test_so_many_at_a_time() -> None:
    turns, each = Turns(2, patience=30), [Reads() for _ in range(3)]
    threads = [run(reads, turns) for reads in each[:2]]
    assert all(reads.began.wait(10) for reads in each[:2])
    threads.append(run(each[2], turns))
    assert not each[2].began.wait(0.05)
    each[0].goes_on.set()
    assert each[2].began.wait(10)
    for reads in each:
        reads.goes_on.set()
    for thread in threads:
        thread.join(10)


def test_who_waited_long_goes_on_and_takes_no_turn_away() -> None:
    turns, hangs, other = Turns(1, patience=0.05), Reads(), Reads()
    other.goes_on.set()
    thread = run(hangs, turns)
    assert hangs.began.wait(10)
    began = time.monotonic()
    other.collect(turns)
    assert 0.05 <= time.monotonic() - began < 5
    hangs.goes_on.set()
    thread.join(10)
    with turns.turn():  # a turn that nobody had would be given back too often, which raises
        assert not turns._free.acquire(blocking=False)
