"""Faults that befall dashboards on one PostgreSQL, drawn from a seed, and what holds after each."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.servers.dashboards import Dashboards
from tests.servers.postgres import Postgres
from tests.waiting import wait_until

NAMES = "abcd"


@dataclass
class Faults:
    """One after another. `server` is where the records are."""

    many: Dashboards
    server: Postgres
    chance: random.Random

    def befall(self, steps: int) -> Iterator[str]:
        """Have so many happen, and say each once everything is well again after it."""
        self._ensure(2)
        for _ in range(steps):
            fault = self.chance.choice(self._faults())
            told = fault()
            began = time.monotonic()
            self._well()
            yield f"{told}: well after {time.monotonic() - began:.1f} s"

    def _faults(self) -> list[Callable[[], str]]:
        found = [self._sleeps, self._records_still, self._asks, self._comes]
        return [*found, self._dies, self._ends] if len(self.many.processes) > 1 else found

    def _any(self) -> str:
        return self.chance.choice(sorted(self.many.processes))

    def _mostly_who_collects(self) -> str:
        return (self.many.collecting() if self.chance.random() < 0.7 else "") or self._any()

    def _dies(self) -> str:
        name = self._mostly_who_collects()
        self.many.kill(name)
        return f"{name} dies"

    def _ends(self) -> str:
        name = self._any()
        self.many.stop(name)
        return f"{name} ends"

    def _comes(self) -> str:
        missing = [name for name in NAMES if name not in self.many.processes]
        if not missing:
            return self._asks()
        ahead = self.chance.choice((0, 300, -300))
        self.many.start(missing[0], ahead=ahead)
        return f"{missing[0]} comes, its clock {ahead} s ahead"

    def _sleeps(self) -> str:
        """Stop one for about a lease, at any point of what it does or right before a write."""
        name, late = self._mostly_who_collects(), self.chance.random() < 0.5
        if late and self.many.said(name).get("collects"):
            self.many.tell(name, "sleep")
            time.sleep(self.many.lease)
        else:
            self.many.send(name, signal.SIGSTOP)
        time.sleep(self.many.lease * self.chance.uniform(0.5, 2))
        self.many.send(name, signal.SIGCONT)
        self.many.forget(name, "sleep")
        return f"{name} sleeps{' before it writes' if late else ''}"

    def _records_still(self) -> str:
        seconds = self.many.lease * self.chance.uniform(0.2, 1.5)
        with self.server.standing_still():
            time.sleep(seconds)
        return f"PostgreSQL stands still for {seconds:.1f} s"

    def _asks(self) -> str:
        name, word = self._any(), self.chance.choice(("refresh", "audit"))
        self.many.tell(name, word)
        return f"{name} asks for {word}"

    def _ensure(self, number: int) -> None:
        for name in NAMES[:number]:
            self.many.start(name)
        self._well()

    def _well(self) -> None:
        """Wait until one collects and all show what it read, and nobody else wrote."""
        self.many.one_collects()
        self.many.after(1)
        wait_until(self.many.same)
        assert self.many.trespasses() == []
