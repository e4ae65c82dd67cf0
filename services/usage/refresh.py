"""Keeps the last snapshot fresh in the background, one refresh at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from services.errors import KatoTenantsError, Problem
from services.usage.collect import UsageService
from services.usage.snapshot import Snapshot

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectorState:
    """What the collector has and does.

    `snapshot` is None before the first figures; `problem` says why the last refresh as a whole
    failed, None when it did not. `seconds` is how long the refresh took that brought the snapshot,
    None for one that is shown before its passes have ended.
    """

    snapshot: Snapshot | None = None
    refreshing_since: datetime | None = None
    problem: Problem | None = None
    seconds: float | None = None


class Collector:
    """Refreshes the usage snapshot every `interval` seconds, and when asked.

    Single-flight: however many ask, one refresh runs. Readers take `state`, which is replaced
    whole and never waited for; `begun` counts the refreshes that began, `rounds` those that ended,
    `failures` those of them that as a whole failed. `then` is called with each new snapshot, which
    is a part of its refresh: one may not have ended though nothing is refreshed any more.
    """

    def __init__(
        self, usage: UsageService, *, interval: float,
        then: Callable[[Snapshot], object] = lambda _: None,
    ) -> None:  # fmt: skip
        self._usage = usage
        self._interval = interval
        self._then = then
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._finished = threading.Condition()
        self._begun = self.rounds = self.failures = 0
        self._thread: threading.Thread | None = None
        self.state = CollectorState()

    @property
    def begun(self) -> int:
        """How many refreshes have begun."""
        return self._begun

    @property
    def collects(self) -> bool:
        """Whether this dashboard reads the stores, and not another one on the same records."""
        return True

    @property
    def dashboards(self) -> int | None:
        """How many dashboards are on the same records; None where that is not known."""
        return 1

    @property
    def shown(self) -> CollectorState:
        """What there is, with the times of this host's clock."""
        return self.state

    def start(self) -> None:
        """Begin to refresh; the first refresh starts at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="collector", daemon=True)
            self._thread.start()

    def stop(self, *, timeout: float = 5.0) -> None:
        """Stop refreshing, and wait at most `timeout` seconds for the refresh under way."""
        self._stopped.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def refresh(self) -> None:
        """Ask for a refresh now; while one is under way, one more follows it, however many ask.

        The one under way may have passed what the caller has just written.
        """
        self._wanted.set()

    def take(self, snapshot: Snapshot) -> None:
        """Have what somebody else read, where nobody refreshes in this process: a command."""
        if self._thread is None:
            self._set(snapshot)

    def wait(self, *, rounds: int = 1, timeout: float) -> bool:
        """Wait until `rounds` refreshes have ended since the start; False when time ran out."""
        with self._finished:
            return self._finished.wait_for(lambda: self.rounds >= rounds, timeout)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wanted.clear()
            self._begun += 1
            self._refresh()
            self._ended(self.rounds + 1)
            self._wanted.wait(self._interval)

    def _refresh(self) -> None:
        before, began = self.state.snapshot, time.monotonic()
        self._set(before, refreshing=True, seconds=self.state.seconds)
        cold = before is None or not before.settled
        try:
            snapshot = self._usage.collect(progress=self._show if cold else None)
            self._found(snapshot, time.monotonic() - began)
        except KatoTenantsError as exc:
            self._failed(exc)
        except Exception as exc:  # the thread has to outlive a fault of ours
            logger.exception("a refresh failed")
            self._gave_up(Problem(f"a fault in this product: {type(exc).__name__}"))

    def _found(self, snapshot: Snapshot, seconds: float) -> None:
        self._set(snapshot, seconds=seconds)
        if not self._stopped.is_set():  # what follows may be closed by now
            self._then(snapshot)

    def _ended(self, rounds: int) -> None:
        with self._finished:
            self.rounds = rounds
            self._finished.notify_all()

    def _failed(self, exc: KatoTenantsError) -> None:
        self._gave_up(exc.problem)

    def _gave_up(self, problem: Problem) -> None:
        self.failures += 1
        self._set(self.state.snapshot, problem=problem, seconds=self.state.seconds)

    def _show(self, snapshot: Snapshot) -> None:
        self._set(snapshot, refreshing=True)

    def _set(
        self, snapshot: Snapshot | None, *, refreshing: bool = False,
        problem: Problem | None = None, seconds: float | None = None,
    ) -> None:  # fmt: skip
        since = (self.state.refreshing_since or self._now()) if refreshing else None
        self.state = CollectorState(snapshot, since, problem, seconds)

    def _now(self) -> datetime:
        return datetime.now(UTC)
