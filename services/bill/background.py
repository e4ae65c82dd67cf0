"""Reckons months in a thread of its own: a large fleet's takes longer than a page may."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from services.bill.models import Bill
from services.bill.month import Month
from services.bill.prices import Terms

PATIENCE = 0.4
"""So many seconds whoever asks waits for a bill; then it has the last one, if there is one."""

FRESH = 60.0
"""So many seconds a bill is shown before it is reckoned anew, unless nothing of it can change."""

MONTHS = 6
"""Bills that are held."""

THREAD = "bill"


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A month's bill as it was reckoned last, None before that; and whether it is being so now."""

    bill: Bill | None
    under_way: bool = False


@dataclass(slots=True)
class _Kept:
    terms: Terms | None
    last: Bill | None
    asked: Future[tuple[Bill, float]]
    told: bool = False


class Background:
    """Reckons one month at a time, when it is asked for one, and holds the last ones."""

    def __init__(
        self, reckon: Callable[[Month, Terms | None], Bill], *,
        final: Callable[[Month, Terms | None], bool],
        patience: float | None = None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._reckon, self._final = reckon, final
        self._patience = PATIENCE if patience is None else patience
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=THREAD)
        self._turn = threading.Lock()
        self._kept: dict[Month, _Kept] = {}

    def now(self, month: Month, terms: Terms | None) -> Reckoned:
        """Return a month at these prices, or as it was last where that takes longer.

        Raises what reckoning raised, once: it is tried again when it is asked for next.
        """
        with self._turn:
            kept = self._asked(month, terms)
        wait([kept.asked], self._patience)
        if not kept.asked.done():
            return Reckoned(kept.last, under_way=True)
        kept.told = True
        bill, _ = kept.asked.result()
        return Reckoned(bill, under_way=kept.terms != terms)

    def _asked(self, month: Month, terms: Terms | None) -> _Kept:
        """Return what is held of a month; it is reckoned anew unless it is so or was of late."""
        kept = self._kept.pop(month, None)
        if kept is None or (kept.asked.done() and not self._serves(kept, terms)):
            asked = self._thread.submit(self._work, month, terms)
            kept = _Kept(terms, None if kept is None else _bill_of(kept), asked)
        self._kept[month] = kept  # behind all that was asked for before
        while len(self._kept) > MONTHS:
            del self._kept[next(iter(self._kept))]
        return kept

    def _work(self, month: Month, terms: Terms | None) -> tuple[Bill, float]:
        """Reckon a month, and say until when that is shown."""
        final = self._final(month, terms)
        bill = self._reckon(month, terms)
        return bill, math.inf if final else self._clock() + FRESH

    def _serves(self, kept: _Kept, terms: Terms | None) -> bool:
        if kept.terms != terms:
            return False
        if kept.asked.exception() is not None:
            return not kept.told
        _, until = kept.asked.result()
        return self._clock() < until

    def close(self) -> None:
        """Reckon no more; a month under way is reckoned to its end."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _bill_of(kept: _Kept) -> Bill | None:
    """Return the bill that was reckoned, or the one before where that failed."""
    return kept.last if kept.asked.exception() is not None else kept.asked.result()[0]
