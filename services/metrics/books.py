"""What this product's own records say, without a scrape that waits for them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.alerts.tally import AlertTally
from services.backups.models import Standing as BackupStanding
from services.errors import KatoTenantsError
from services.isolation.models import Report
from services.limits.models import Standings
from services.metrics.models import Books, JobTally, Tally
from services.usage.snapshot import Snapshot

PATIENCE = 0.5
"""So many seconds a scrape waits for the records; then it has what they said last."""

FORGOTTEN = 60.0
"""What they said is not known any more after so many seconds."""

BACKUPS_EVERY = 60.0
"""Backups are read at most so often, in seconds: of many tenants it takes a while."""

logger = logging.getLogger(__name__)


class Purges(Protocol):
    """The purge jobs that are kept."""

    def tally(self, since: datetime) -> Tally:
        """Count them, with who was purged after a time. Raises StoreUnavailable."""


class Audits(Protocol):
    """The isolation audit."""

    def report_or_none(self) -> Report | None:
        """Return the last audit; None also where the records do not answer."""


class Limits(Protocol):
    """The limits, and where tenants stand to them."""

    def version(self) -> int:
        """Return a number that is another one after any change. Raises StoreUnavailable."""

    def standings(self, snapshot: Snapshot) -> Standings:
        """Return where the tenants of a snapshot stand. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is read of the records. The functions raise StoreUnavailable.

    `jobs` counts the jobs that are no purges, `backups` tells of tenants that a rule has backed up.
    """

    purges: Purges
    audits: Audits
    limits: Limits
    alerts: Callable[[], AlertTally]
    jobs: Callable[[], JobTally]
    backups: Callable[[], Sequence[BackupStanding]]


class Bookkeeper:
    """Reads the records in a thread of its own, one reading at a time, when it is asked."""

    def __init__(
        self, sources: Sources, *, patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._sources, self._patience, self._clock = sources, patience, clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._turn = threading.Lock()
        self._asked: Future[Books] | None = None
        self._last: tuple[float, Books] | None = None
        self._stood: tuple[Snapshot, int, Standings] | None = None
        self._backed: tuple[float, Sequence[BackupStanding]] | None = None

    def now(self, since: datetime, snapshot: Snapshot | None) -> Books:
        """Return what the records say, or said last where they take longer than the patience.

        With who was purged after a time, and where the tenants of a snapshot stand to their limits.
        Where nothing was said of late nothing is known.
        """
        with self._turn:
            if self._asked is None or self._asked.done():
                self._asked = self._thread.submit(self._read, since, snapshot)
            asked = self._asked
        try:
            return asked.result(self._patience)
        except TimeoutError:
            last = self._last
            lately = last is not None and self._clock() - last[0] < FORGOTTEN
            return last[1] if last and lately else Books()

    def close(self) -> None:
        """Read no more; a reading under way ends by its own limits."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _read(self, since: datetime, snapshot: Snapshot | None) -> Books:
        found = self._reading(since, snapshot)
        self._last = (self._clock(), found)
        return found

    def _reading(self, since: datetime, snapshot: Snapshot | None) -> Books:
        sources = self._sources
        try:
            return Books(
                True, sources.purges.tally(since), sources.audits.report_or_none(),
                self._standings(snapshot) if snapshot is not None else None, sources.alerts(),
                sources.jobs(), self._backups(),
            )  # fmt: skip
        except KatoTenantsError:
            return Books(up=False)
        except Exception:  # a scrape has to outlive a fault of ours
            logger.exception("reading the records failed")
            return Books()

    def _standings(self, snapshot: Snapshot) -> Standings:
        """Return where tenants stand, the same object until the figures or a limit change."""
        limits, last = self._sources.limits, self._stood
        version = limits.version()
        if last is None or last[0] is not snapshot or last[1] != version:
            last = snapshot, version, limits.standings(snapshot)
            self._stood = last
        return last[2]

    def _backups(self) -> Sequence[BackupStanding]:
        now, last = self._clock(), self._backed
        if last is None or now - last[0] >= BACKUPS_EVERY:
            last = now, self._sources.backups()
            self._backed = last
        return last[1]
