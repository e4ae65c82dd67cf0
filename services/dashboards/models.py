"""Who of several dashboards collects, as one of them sees it: frozen values. Pure.

Times are by the clock of the database in which the records are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LEASE = timedelta(seconds=10)
"""A dashboard that collects and says nothing for so long is replaced by another."""

BEAT = 2.0
"""Seconds between two words of a dashboard: LEASE and one of these go by until it is replaced."""

GONE = timedelta(seconds=30)
"""A dashboard that says nothing for so long is not counted any more."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who collects, and how far that is, as one dashboard sees it at `now`.

    `number` is the fencing token of whoever collects, `mine` whether that is this dashboard.
    `wanted` and `audits_wanted` count how often somebody asked, `audits_done` which of these were
    served; `begun` and `ended` count rounds, `began_at` is when the one under way did.
    `published` is another number for each snapshot, `dashboards` is how many are there.
    """

    now: datetime
    number: int
    mine: bool
    wanted: int
    audits_wanted: int
    audits_done: int
    begun: int
    ended: int
    began_at: datetime | None
    published: int
    dashboards: int
