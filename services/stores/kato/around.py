"""Asking KATO's several workers the same: each new connection is answered by whichever takes it.

Which one that will be cannot be chosen. So several connections are made at a time, and then more,
until answers stop bringing anything new; how many got no answer is told, since a worker can hang
for good while its siblings answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.errors import StoreError, StoreUnavailable
from services.stores.kato.connect import STORE

AT_ONCE = 4
"""Connections at a time; KATO's own deployment starts four workers."""

QUIET = 8
"""Answers in a row without anything new, after which no more are asked for.

Of four workers that take turns at random, one is missed by so many in a tenth of all cases; what
each pass brings is recorded, so that it is the next pass's turn then.
"""

MOST = 40
"""Connections at most."""

GRACE_SHARE = 0.2
"""How long those under way are waited for while others have answered, as a share of the time given.

So what is slow because it is busy is not taken for what hangs where more time was given.
"""

_SPARE_SECONDS = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Around(Generic[T]):
    """What the workers answered, one an answer, and how many connections got none."""

    answers: tuple[T, ...]
    unanswered: int


def ask_around(
    ask: Callable[[], T],
    *,
    news: Callable[[T], Iterable[Hashable]],
    operation: str,
    seconds: float,
) -> Around[T]:
    """Ask over new connections until nothing new comes; takes at most some `seconds`.

    `ask` makes one connection, which takes at most `seconds` too; it runs in several threads at
    once, each of which ends with its first failure. `news` is what of an answer may be new. Raises
    the first StoreError where nobody answered.
    """
    asking = _Asking(ask, news, ends=time.monotonic() + seconds)
    for _ in range(AT_ONCE):
        threading.Thread(target=asking.go, daemon=True).start()
    with asking.changed:
        asking.wait(seconds)
        if asking.answers:
            return Around(tuple(asking.answers), asking.asked - len(asking.answers))
        if asking.failures:
            raise asking.failures[0]
        raise StoreUnavailable(STORE, operation, f"no answer within {seconds:g} s")


class _Asking(Generic[T]):
    """What the threads share: what came so far, under one lock."""

    def __init__(
        self, ask: Callable[[], T], news: Callable[[T], Iterable[Hashable]], *, ends: float
    ) -> None:
        self._ask, self._news, self._ends = ask, news, ends
        self._seen: set[Hashable] = set()
        self._quiet = 0
        self.changed = threading.Condition()
        self.answers: list[T] = []
        self.failures: list[StoreError] = []
        self.asked = self.under_way = 0
        self._at_work = AT_ONCE

    @property
    def settled(self) -> bool:
        """Whether enough answers brought nothing new."""
        return self._quiet >= QUIET

    def wait(self, seconds: float) -> None:
        """Wait until there is enough, or nothing more comes; the lock is held.

        A first answer may take `seconds`; then each gap, and what is under way at the end, take
        GRACE_SHARE of that at most.
        """
        grace = seconds * GRACE_SHARE
        self.changed.wait_for(lambda: self.answers or not self._at_work, seconds + _SPARE_SECONDS)
        while self._at_work and not self.settled and time.monotonic() < self._ends:
            if not self.changed.wait(grace):
                return
        self.changed.wait_for(lambda: not self.under_way, grace)

    def go(self) -> None:
        """Ask again and again, until there is enough or one was in vain."""
        try:
            while self._takes_a_turn():
                self._keep(self._ask())
        except StoreError as exc:
            with self.changed:
                self.under_way -= 1
                self.failures.append(exc)
        finally:
            with self.changed:
                self._at_work -= 1
                self.changed.notify_all()

    def _takes_a_turn(self) -> bool:
        with self.changed:
            if self.settled or self.asked >= MOST or time.monotonic() >= self._ends:
                return False
            self.asked += 1
            self.under_way += 1
            return True

    def _keep(self, answer: T) -> None:
        found = set(self._news(answer))
        with self.changed:
            self.under_way -= 1
            self.answers.append(answer)
            self._quiet = 0 if found - self._seen else self._quiet + 1
            self._seen |= found
            self.changed.notify_all()
