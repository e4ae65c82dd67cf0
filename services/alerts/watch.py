"""Looks at what was collected anyway, and says what each condition sees."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from services.alerts.ahead import Coming
from services.alerts.growth import Growth
from services.alerts.look import Chain, Look, Thresholds
from services.alerts.models import Condition, Verdict
from services.audit_log.service import Logbook
from services.backups.models import Standing as Backed
from services.errors import KatoTenantsError, Problem
from services.isolation.models import Report
from services.jobs.models import Job as AnyJob
from services.limits.models import Standings
from services.purge.came_back import came_back
from services.purge.job import Job, Tombstone
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot

T = TypeVar("T")

logger = logging.getLogger(__name__)

_FIRST = Problem("no figures were collected yet")
_UNSETTLED = Problem("figures are being worked out")
_NO_AUDIT = Problem("no audit was made yet")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything is. Each raises KatoTenantsError where it cannot be read."""

    snapshot: Callable[[], Snapshot | None]
    report: Callable[[], Report | None]
    ownership: Callable[[], Ownership]
    jobs: Callable[[], tuple[Job, ...]]
    tombstones: Callable[[Iterable[str]], tuple[Tombstone, ...]]
    chain: Callable[[], Chain]
    growth: Callable[[Snapshot], Mapping[TenantKey, tuple[Growth, ...]]]
    standings: Callable[[Snapshot], Standings]
    coming: Callable[[Snapshot, Standings], tuple[Coming, ...]]
    retention: Callable[[], tuple[AnyJob, ...]] = tuple
    backups: Callable[[], tuple[Backed, ...]] = tuple
    others: Callable[[], tuple[AnyJob, ...]] = tuple


class Watch:
    """Judges every condition. What goes by the snapshot alone is worked out once for each."""

    def __init__(
        self, sources: Sources, table: Mapping[str, Condition], *, thresholds: Thresholds,
        since: datetime,
    ) -> None:  # fmt: skip
        self._sources, self._table = sources, table
        self._thresholds, self._since = thresholds, since
        self._seen: tuple[Snapshot, _OfSnapshot] | None = None

    def __call__(self, now: datetime) -> Mapping[str, Verdict]:
        """Return what each condition sees. Raises StoreError where nobody's names are known."""
        sources = self._sources
        snapshot = known(lambda: sources.snapshot() or _FIRST)
        there = self._of(snapshot)
        report = known(lambda: sources.report() or _NO_AUDIT)
        look = Look(
            now, self._since, sources.ownership(), snapshot, report, known(sources.jobs),
            there.back, known(sources.chain), there.growth, there.standings, there.coming,
            known(sources.retention), known(sources.backups), known(sources.others),
            self._thresholds,
        )  # fmt: skip
        return {code: _judged(condition, look) for code, condition in self._table.items()}

    def _of(self, snapshot: Snapshot | Problem) -> _OfSnapshot:
        if isinstance(snapshot, Problem):
            return _OfSnapshot(snapshot, snapshot, snapshot, snapshot)
        if not snapshot.settled:
            return _OfSnapshot(_UNSETTLED, _UNSETTLED, _UNSETTLED, _UNSETTLED)
        if self._seen is None or self._seen[0] is not snapshot:
            self._seen = snapshot, self._worked_out(snapshot)
        return self._seen[1]

    def _worked_out(self, snapshot: Snapshot) -> _OfSnapshot:
        sources = self._sources
        standings = known(lambda: sources.standings(snapshot))
        return _OfSnapshot(
            known(lambda: came_back(snapshot, sources.tombstones(snapshot.kb_ids))),
            known(lambda: sources.growth(snapshot)),
            standings,
            known(lambda: self._coming(snapshot, standings)),
        )

    def _coming(
        self, snapshot: Snapshot, standings: Standings | Problem
    ) -> tuple[Coming, ...] | Problem:
        if isinstance(standings, Problem):
            return standings
        return self._sources.coming(snapshot, standings)


@dataclass(frozen=True, slots=True)
class _OfSnapshot:
    back: tuple[Tombstone, ...] | Problem
    growth: Mapping[TenantKey, tuple[Growth, ...]] | Problem
    standings: Standings | Problem
    coming: tuple[Coming, ...] | Problem


def known(read: Callable[[], T | Problem]) -> T | Problem:
    """Return what is read or judged, or why it could not be."""
    try:
        return read()
    except KatoTenantsError as exc:
        return exc.problem
    except Exception as exc:  # a fault of ours in one must not hide the others
        logger.exception("something that alerts go by could not be known")
        return Problem(f"a fault in this product: {type(exc).__name__}")


def _judged(condition: Condition, look: Look) -> Verdict:
    found = known(lambda: condition.look(look))
    return Verdict(unknown=found) if isinstance(found, Problem) else found


EVERY, FIRST_AFTER = timedelta(days=1), timedelta(hours=1)
"""How often the whole log is verified, and how long after the start that is first done."""


class LogChain:
    """Says how the log is, and has it verified when that is due, in a thread of the log's own."""

    def __init__(self, book: Logbook, *, began: datetime, now: Callable[[], datetime]) -> None:
        self._book, self._began, self._now = book, began, now

    def __call__(self) -> Chain:
        """Return what is known now."""
        state = self._book.verifying
        last = state.at or self._began - EVERY + FIRST_AFTER
        if state.since is None and self._now() - last >= EVERY:
            self._book.start_verifying()
        return Chain(self._book.anchoring.state.changed, state.result)
