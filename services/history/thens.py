"""Figures of a whole fleet at a moment, kept for a while: people who ask for them see parts of one.

Pure but for the store that it asks.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from services.history.columns import FleetRows
from services.history.models import Figure, Holder
from services.history.ports import HistoryStore

KEPT = 16
"""Moments that are kept: of 10,000 tenants one takes some 2 MB."""

KEPT_SECONDS = 60.0
"""So long one is kept: what came back out of an archive is in the past too."""


class Thens:
    """What every holder had of one quantity at a moment, read once while nothing else is written.

    After the last that was written it is the same at any moment: so how far the past is kept is
    asked for first, which takes less than a millisecond.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._turn = now, threading.Lock()
        self._kept: OrderedDict[object, tuple[float, FleetRows]] = OrderedDict()

    def get(self, store: HistoryStore, at: int, quantity: str) -> dict[Holder, dict[str, Figure]]:
        """Return it at the end of a second. Raises StoreUnavailable."""
        head = store.head()
        key = (head.number, tuple(sorted(head.rolled.items())), min(at, head.last), quantity)
        with self._turn:  # who asks for the same meanwhile waits for it
            read, rows = self._kept.get(key, (0.0, None))
            if rows is None or self._now() - read >= KEPT_SECONDS:
                rows = store.newest(at + 1, frozenset({quantity}))
                self._kept[key] = self._now(), rows
                self._kept.move_to_end(key)
            for old, (made, _) in list(self._kept.items()):
                if len(self._kept) <= KEPT and self._now() - made < KEPT_SECONDS:
                    break
                del self._kept[old]
        return rows.figures_at_end()
