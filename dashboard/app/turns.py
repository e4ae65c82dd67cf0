"""How much one person may ask of the server: messages a second, and seconds of running scripts.

No Streamlit and no socket here; times are in seconds of any steady clock.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

BURST_SECONDS = 5.0
"""So much of what is allowed a second may be asked for at once."""

RUN_SECONDS, RUN_SHARE = 10.0, 1 / 3
"""A person's scripts may run so long at once, and then for this share of the time."""

LONGEST_RUN = 3.0
"""More of one run does not count: it waits for a store, most likely."""

SLOW_SECONDS = 2.0
"""A run that lasts longer waits for a store, most likely: another tab's need not wait for it."""

MOST_RUNNING = 2
"""So many tabs' scripts of one person run at once: one, and where it is slow another."""

LOST_SECONDS = 120.0
"""A run of which no end was seen for so long is in nobody's way: Streamlit dropped it, it seems."""

YIELD_SECONDS = 2.0
"""So long a run of somebody who has run much waits for those of others."""


class Allowance:
    """What fills up at a rate a second to an upper bound, and may be taken as long as it is there.

    What is taken at last may be more than is there: then it has to fill up again.
    """

    def __init__(self, rate: float, most: float, *, now: float) -> None:
        self._rate, self._most = rate, most
        self._left, self._at = most, now

    def wait(self, now: float) -> float:
        """Return in how many seconds there is something again; 0 where there is."""
        self._fill(now)
        return 0.0 if self._left > 0 else (-self._left + _LITTLE) / self._rate

    def take(self, amount: float, now: float) -> None:
        """Take some of it."""
        self._fill(now)
        self._left -= amount

    def is_full(self, now: float) -> bool:
        """Whether as much is there as there can be."""
        self._fill(now)
        return self._left >= self._most

    def is_low(self, now: float) -> bool:
        """Whether less than half of that is there."""
        self._fill(now)
        return self._left < self._most / 2

    def _fill(self, now: float) -> None:
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now


_LITTLE = 1e-6


class Pace:
    """An allowance that threads share: `take` says whether one more is within it now."""

    def __init__(
        self, *, rate: float, most: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._turn = clock, threading.Lock()
        self._allowance = Allowance(rate, most, now=clock())

    def take(self) -> bool:
        """Take one where there is one."""
        with self._turn:
            now = self._clock()
            if self._allowance.wait(now):
                return False
            self._allowance.take(1, now)
            return True


@dataclass(slots=True)
class Person:
    """One person's sockets, and what is left of what they may ask for."""

    messages: Allowance
    runs: Allowance
    sockets: int = 0
    running: dict[object, float] = field(default_factory=dict)  # which socket, since when

    @classmethod
    def new(cls, rate: float, *, now: float) -> Person:
        """Return somebody of whom nothing was seen so far; `rate` is of messages a second."""
        messages = Allowance(rate, max(1.0, rate * BURST_SECONDS), now=now)
        return cls(messages, Allowance(RUN_SHARE, RUN_SECONDS, now=now))

    def is_quiet(self, now: float) -> bool:
        """Whether nothing is left to remember."""
        return not self.sockets and self.messages.is_full(now) and self.runs.is_full(now)

    def may_run(self, socket: object, now: float) -> bool:
        """Whether no other socket's script is in the way of this one's."""
        ages = [now - since for other, since in self.running.items() if other is not socket]
        others = [age for age in ages if age < LOST_SECONDS]
        return len(others) < MOST_RUNNING and all(age > SLOW_SECONDS for age in others)

    def begin(self, socket: object, now: float) -> None:
        """Note that a socket's script runs; one that ran is interrupted by it."""
        self.finish(socket, now)
        self.running[socket] = now

    def finish(self, socket: object, now: float) -> None:
        """Note that it has ended, where it ran."""
        began = self.running.pop(socket, None)
        if began is not None:
            self.runs.take(min(now - began, LONGEST_RUN), now)


class Census:
    """Who has how many sockets: of one person, and from one address."""

    def __init__(self, *, per_person: int, per_address: int, rate: float) -> None:
        self._per_person, self._per_address, self._rate = per_person, per_address, rate
        self._people: dict[str, Person] = {}
        self._addresses: Counter[str] = Counter()

    def enter(self, who: str, address: str, now: float) -> Person | None:
        """Count one socket more; None where that is one too many."""
        person = self._people.get(who)
        if self._addresses[address] >= self._per_address:
            return None
        if person is None:
            self._forget_quiet(now)
            person = self._people[who] = Person.new(self._rate, now=now)
        if person.sockets >= self._per_person:
            return None
        person.sockets += 1
        self._addresses[address] += 1
        return person

    def leave(self, person: Person, address: str) -> None:
        """Count one socket less."""
        person.sockets -= 1
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    def has_to_yield(self, person: Person, now: float) -> bool:
        """Whether somebody has run so much that whatever else runs now goes first.

        So what all together ask for who ask for too much runs one by one, and beside nobody else.
        """
        return person.runs.is_low(now) and any(
            other.running for other in self._people.values() if other is not person
        )

    def _forget_quiet(self, now: float) -> None:
        quiet = [who for who, person in self._people.items() if person.is_quiet(now)]
        for who in quiet:
            del self._people[who]
