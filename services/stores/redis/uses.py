"""For how long keys were not used, all counted back from one moment.

OBJECT IDLETIME counts back from a clock of whole seconds that goes on while keys are looked at: of
two keys that were used at once the one looked at later would seem to be older, and would go first.
INFO tells that clock, so that this can be taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import hiredis

from services.stores.redis.link import Link, packed
from services.stores.redis.server import asked, is_withheld

IDLE, FREQ = "IDLETIME", "FREQ"
"""How a server tells the use of keys, as OBJECT has it: FREQ where its policy counts uses (LFU)."""

_MOST_USED = 255
_TRIES = 5
_ROUND = 1 << 24  # seconds, after which the clock begins anew
_CLOCK = packed("INFO", "server")
_TIME = packed("TIME")
_TOLD = re.compile(rb"lru_clock:(\d+)")
_LFU = re.compile(rb"maxmemory_policy:[a-z]+-lfu")
_LRM = re.compile(rb"maxmemory_policy:[a-z]+-lrm")


class Uses:
    """Asks one server over one link, from the moment `at` on.

    Idle times are seconds before that moment, less than none for what was used since; under an
    LFU policy they are less the more a key was used, and under an LRM policy (Redis 8.6) they are
    of changes alone: `of_changes`. A server that does not tell its clock is taken at its word. Of
    a cluster one clock stands for all, which is right to a second.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self.at = datetime.now(UTC)
        first = link.primaries[0]
        facts, clock = asked(first, ("INFO", "memory"), ("INFO", "server"))
        self._tick = _CLOCK
        if link.is_cluster:
            self._tick, clock = _TIME, link.ask("TIME")
        self.kind = FREQ if facts is not None and _LFU.search(facts) else IDLE
        self.of_changes = facts is not None and _LRM.search(facts) is not None
        self._began = self._clock(clock)
        self._again = 0

    def question(self, key: bytes) -> bytes:
        """Return what asks for the use of one key."""
        return packed("OBJECT", self.kind, key)

    def timed(self, questions: Iterable[bytes]) -> bytes:
        """Return the same questions with those for the clock, before and after them."""
        return b"".join([self._tick, *questions, self._tick])

    def read(self, uses: Sequence[Any], *, before: Any, after: Any) -> list[Any] | None:
        """Return the idle time of each key that was answered; what is no number, as it is.

        None where the clock went on while they were asked: they are to be asked again. A server
        so slow that it always does is taken at its word after some tries.
        """
        now = self._clock(after)
        if self._clock(before) != now and self._again < _TRIES:
            self._again += 1
            return None
        self._again = 0
        return [self._idle(use, now) if isinstance(use, int) else use for use in uses]

    def of(self, keys: Sequence[bytes]) -> list[Any]:
        """Return the same of keys, asked for now."""
        found = None
        while found is None:
            self._link.send(self.timed(map(self.question, keys)))
            before, *uses, after = self._link.replies(len(keys) + 2)
            found = self.read(uses, before=before, after=after)
        return found

    def _clock(self, reply: Any) -> int | None:
        if isinstance(reply, hiredis.ReplyError) and not is_withheld(reply):
            raise self._link.error(reply)
        if self.kind == FREQ:
            return None
        if isinstance(reply, list):
            return int(reply[0])
        found = _TOLD.search(reply) if isinstance(reply, bytes) else None
        return None if found is None else int(found[1])

    def _idle(self, use: int, now: int | None) -> int:
        if self.kind == FREQ:
            return _MOST_USED - use
        if self._began is None or now is None:
            return use
        return use - (now - self._began) % _ROUND
