"""Ask several unreliable stores at once, each with its own deadline."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from services.errors import Fault, Problem, StoreError, StoreNotConfigured
from services.figures import StoreState

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pass(Generic[T]):
    """How asking one store went: what it brought back, or why it did not.

    `at` is when it ended, `seconds` how long it took. `pending` marks one that has not ended.
    """

    state: StoreState
    reading: T | None
    reason: Problem | None
    at: datetime
    seconds: float
    pending: bool = False

    @classmethod
    def begun(cls, at: datetime) -> Pass[T]:
        """Return the pass of a store whose first answer is not there yet."""
        reason = Problem(fault=Fault.PENDING)
        return cls(StoreState.UNKNOWN, None, reason, at, 0.0, pending=True)


def attempt(ask: Callable[[], T]) -> Pass[T]:
    """Ask a store and say how it went; a StoreError becomes the reason."""
    started = time.monotonic()

    def done(state: StoreState, reading: T | None, reason: Problem | None) -> Pass[T]:
        return Pass(state, reading, reason, datetime.now(UTC), time.monotonic() - started)

    try:
        return done(StoreState.OK, ask(), None)
    except StoreNotConfigured as exc:
        return done(StoreState.NOT_CONFIGURED, None, exc.problem)
    except StoreError as exc:
        return done(StoreState.UNKNOWN, None, exc.problem)
    except Exception as exc:  # a fault of ours must not take the other stores down
        logger.exception("a pass failed")
        reason = f"this product failed while reading it ({type(exc).__name__})"
        return done(StoreState.UNKNOWN, None, Problem(reason))


Emit = Callable[[str, object], None]


def ask_all(
    asks: Mapping[str, Callable[[Emit], object]],
    *,
    deadline: float,
    on_news: Callable[[str, Pass[object]], None] | None = None,
) -> dict[str, Pass[object]]:
    """Run every `ask` in a thread of its own and return how each went, in the order of `asks`.

    An ask is handed a function with which it can hand out what it has so far, by name. `on_news`
    gets that, and each result, in the caller's thread. An ask that takes longer than `deadline`
    seconds is given up: its thread is left behind (it holds no lock and ends by its own
    timeouts) and its pass says so.
    """
    news: queue.Queue[_News] = queue.Queue()
    for name, ask in asks.items():
        thread = threading.Thread(target=_work, args=(name, ask, news), daemon=True)
        thread.start()
    ends, done = time.monotonic() + deadline, dict[str, Pass[object]]()
    while len(done) < len(asks):
        try:
            item = news.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            break
        if item.final:
            done[item.name] = item.result
        if on_news is not None:
            on_news(item.name, item.result)
    late = Problem(f"no answer within {deadline:g} s")
    given_up: Pass[object] = Pass(StoreState.UNKNOWN, None, late, datetime.now(UTC), deadline)
    return {name: done.get(name, given_up) for name in asks}


class Turns:
    """Spaces out something that may take turns for only a part of the time, between 0 and 1."""

    def __init__(self, part: float) -> None:
        self._part = part
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time for the next turn."""
        return time.monotonic() >= self._next

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take a turn: the longer it takes, the later the next is due."""
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self._next = ended + (ended - began) * (1 / self._part - 1)


@dataclass(frozen=True, slots=True)
class _News:
    name: str
    result: Pass[object]
    final: bool


def _work(name: str, ask: Callable[[Emit], object], news: queue.Queue[_News]) -> None:
    def emit(about: str, reading: object) -> None:
        so_far: Pass[object] = Pass(StoreState.OK, reading, None, datetime.now(UTC), 0.0, True)
        news.put(_News(about, so_far, final=False))

    news.put(_News(name, attempt(lambda: ask(emit)), final=True))
