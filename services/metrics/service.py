"""What is answered to a scrape: the figures that are there, and how this product is now.

No store is asked, and no refresh is waited for. The series of the holders are written once a
snapshot; what changes by itself (ages, jobs, findings, the process) is written for each scrape.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector as Collects

from services.limits.models import Standings, State
from services.metrics.alerts import alerts
from services.metrics.backups import backups
from services.metrics.books import Bookkeeper
from services.metrics.findings import findings
from services.metrics.formats import Format, format_of
from services.metrics.holders import holders_text
from services.metrics.jobs import jobs
from services.metrics.largest import Largest
from services.metrics.limits import counted, limits, limits_text
from services.metrics.models import Books, Exposition, Moment
from services.metrics.purges import purges
from services.metrics.stores import about, measures, stores
from services.tenancy.kb_ids import TenantKey
from services.usage.refresh import Collector, CollectorState
from services.usage.snapshot import Snapshot

AREAS: tuple[Callable[[Moment], Iterator[Metric]], ...] = (
    about, measures, stores, limits, findings, purges, jobs, backups, alerts,
)  # fmt: skip
"""What tells of the whole deployment: one function an area."""

_process = ProcessCollector(registry=None)


@dataclass(frozen=True, slots=True)
class _Written:
    """The series of one snapshot, without those who were purged since: of holders and limits."""

    snapshot: Snapshot | None = None
    purged: frozenset[TenantKey] = frozenset()
    holders: bytes = b""
    named: Sequence[TenantKey] = ()
    others: int = 0
    standings: Standings | None = None
    limits: bytes = b""
    limited: Mapping[State, int] | None = None


class _Told(NamedTuple):
    """What one scrape is told: what is written for it, and lines that are there already."""

    moment: Moment
    holders: bytes
    limits: bytes


class MetricsService:
    """Tells the metrics of this process. At most `most` tenants have series of their own."""

    def __init__(
        self, collector: Collector, books: Bookkeeper, *, most: int, version: str,
        deployment: str, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._collector, self._books, self._now = collector, books, now
        self._largest, self._version, self._deployment = Largest(most), version, deployment
        self._turn = threading.Lock()
        self._written = _Written()
        self._scraped = False

    def follow(self, snapshot: Snapshot) -> None:
        """Write the series of a new snapshot's holders now, where there was a scrape of the last.

        So that no scrape takes the time for it.
        """
        if self._scraped and snapshot is self._collector.state.snapshot:
            self._scraped = False
            state = self._collector.state
            self._write(state, self._asked(state))

    def expose(self, accept: str) -> Exposition:
        """Return everything in the format that an Accept header asks for. Raises nothing."""
        form, told = format_of(accept), self._tell()
        text = form.text(_Fresh(told.moment, _process), told.holders, told.limits)
        return Exposition(form.content_type, text)

    def parts(self, form: Format) -> tuple[bytes, bytes, bytes]:
        """Return what is told of this deployment, and not of the process. Raises nothing.

        The last two are the same objects until they are written anew.
        """
        told = self._tell()
        return form.text(_Fresh(told.moment)).removesuffix(form.end), told.holders, told.limits

    def _tell(self) -> _Told:
        self._scraped = True
        state, now = self._collector.state, self._now()
        books = self._asked(state)
        written = self._write(state, books)
        moment = Moment(
            now, state, self._collector.rounds, self._collector.failures, books,
            self._version, self._deployment, len(written.named), written.others, written.limited,
            frozenset(written.named), self._collector.collects, self._collector.dashboards,
        )  # fmt: skip
        return _Told(moment, written.holders, written.limits)

    def _asked(self, state: CollectorState) -> Books:
        return self._books.now(_begun(state) or self._now(), state.snapshot)

    def _write(self, state: CollectorState, books: Books) -> _Written:
        """Return the series of holders and limits, written where they are not yet."""
        snapshot, purged = state.snapshot, _purged(state, books)
        if snapshot is None:
            return _Written()
        with self._turn:
            if self._written.snapshot is not snapshot or self._written.purged != purged:
                choice = self._largest.of(snapshot, without=purged)
                text, others = holders_text(snapshot, choice), len(choice.others)
                named = [each.tenant for each in choice.named]
                self._written = _Written(snapshot, purged, text, named, others)
            if self._written.standings is not books.standings:
                self._written = _limited(self._written, books.standings)
            return self._written


def _limited(written: _Written, found: Standings | None) -> _Written:
    """Write the limits beside the holders; nothing where they are not known."""
    if found is None:
        return replace(written, standings=None, limits=b"", limited=None)
    text, counts = limits_text(found, written.named), counted(found, without=written.purged)
    return replace(written, standings=found, limits=text, limited=counts)


class _Fresh(Collects):
    """What is told anew in each scrape."""

    def __init__(self, moment: Moment, *more: Collects) -> None:
        self._moment, self._more = moment, more

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that has series."""
        for area in AREAS:
            yield from (metric for metric in area(self._moment) if metric.samples)
        for each in self._more:
            yield from each.collect()


def _begun(state: CollectorState) -> datetime | None:
    """Return a time before which what the snapshot has was not read; None without one."""
    if state.snapshot is None:
        return None
    if state.seconds is None:
        return state.refreshing_since or state.snapshot.collected_at
    return state.snapshot.collected_at - timedelta(seconds=state.seconds)


def _purged(state: CollectorState, books: Books) -> frozenset[TenantKey]:
    """Return who was purged after the snapshot began: what it has of them is gone."""
    begun, tally = _begun(state), books.tally
    if begun is None or tally is None:
        return frozenset()
    return frozenset(tenant for tenant, ended in tally.purged.items() if ended > begun)
