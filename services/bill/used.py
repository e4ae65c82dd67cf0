"""What months came to, of which nothing is read twice that does not change any more."""

from __future__ import annotations

from datetime import datetime

from services.bill.reckon import WANTED
from services.history.models import moment
from services.history.read import HistoryService
from services.history.totals import Totals

MONTHS = 14
"""How many are held: a year with its neighbours; one of 10,000 tenants takes about 10 MiB."""


class UsedMonths:
    """Holds the days of months that have ended, and reads what came since.

    Days that are rolled up stay as they are, so that each is read once. Raises StoreUnavailable.
    """

    def __init__(self, history: HistoryService) -> None:
        self._history = history
        self._held: dict[datetime, Totals] = {}

    def of(self, since: datetime, until: datetime) -> Totals:
        """Return what a month came to, or came to so far."""
        began, ended = (moment(self._history.boundary(each)) for each in (since, until))
        settled = min(self._history.settled(), ended)
        if settled <= began:
            return self._history.totals(since, until, WANTED)
        held = self._ended(began, settled)
        if settled == ended:
            return held
        rest = self._history.totals(settled, until, WANTED)
        return held + rest if rest.began < rest.ended else held

    def _ended(self, began: datetime, settled: datetime) -> Totals:
        held = self._held.pop(began, None)
        if held is None or held.ended > settled:
            held = self._history.totals(began, settled, WANTED)
        elif held.ended < settled:
            held += self._history.totals(held.ended, settled, WANTED)
        self._held[began] = held  # behind all that was asked for before
        while len(self._held) > MONTHS:
            del self._held[next(iter(self._held))]
        return held
