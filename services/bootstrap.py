"""The only place that wires: settings in, services out, each made when it is first asked for.

What a service is made of is imported where it is made: most commands need few of them.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from services.errors import KatoTenantsError, StartFailed, TurnLost
from services.made_once import made_once
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.wiring.working import Working

if TYPE_CHECKING:
    from services.alerts.worker import AlertWorker
    from services.canary.service import CanaryService
    from services.health.models import Dashboards
    from services.history.kato_starts import KatoStarts
    from services.isolation.audit import IsolationService
    from services.jobs.models import Job as AnyJob
    from services.metrics.service import MetricsService
    from services.sessions.create import SessionService
    from services.tenancy.kb_ids import TenantKey
    from services.usage.refresh import Collector
    from services.usage.snapshot import Snapshot
    from services.wiring.backing import Backing
    from services.wiring.sharing import Sharing

logger = logging.getLogger(__name__)

NEW_OBJECTS = 10_000
"""After how many new objects Python looks for cycles among them: its own 700 cost a collect of a
large fleet, which makes a hundred thousand objects and no cycle, a third of its time. Where the
process looks more rarely, or never, that stays."""


def build(
    settings: Settings, *, stores: Stores | None = None, clock: Callable[[], datetime] | None = None
) -> Services:
    """Open this product's records and the stores, or the embedded engines where none is set.

    `stores` and `clock` take their places in tests. Raises EmbeddedBusy when another process
    holds these engines, SettingsError for a URL of this product's own records that cannot be
    used, and StoreError when these cannot be opened; StartFailed, from whatever it was, for what
    nobody foresaw. A configured store that is down raises nothing here.
    """
    if 0 < gc.get_threshold()[0] < NEW_OBJECTS:
        gc.set_threshold(NEW_OBJECTS)
    services = Services(settings, clock=clock)
    if stores is not None:
        services.stores = stores
    with ExitStack() as opening:
        opening.callback(services.close)
        try:
            services.open()
        except KatoTenantsError:
            raise
        except Exception as exc:
            reason = f"this product failed while starting ({type(exc).__name__})"
            raise StartFailed(reason) from exc
        opening.pop_all()
    return services


class Services(Working):
    """Everything that a page or a command may use."""

    def open(self) -> None:
        """Open the stores and the records now, so that what is wrong with them shows now."""
        _ = self.stores, self.database

    def close(self) -> None:
        """Stop to collect, and then close what follows each snapshot and all that was opened."""
        if "collector" in vars(self):
            self.collector.stop()
        super().close()

    def start(self) -> None:
        """Begin to collect, to run jobs, to anchor and to alert, each in a thread of its own.

        In read-only mode no job is run but looks, which change nothing; another dashboard may.
        """
        self.collector.start()
        self.looking.start()
        if not self.settings.read_only:
            self.tend_records()
            self.purge_worker.start()
            self.work.worker.start()
            self.retaining.scheduler.timer.start()
            self.backing.scheduler.timer.start()
        self.logbook.start()
        self.alert_worker.start()

    @made_once
    def collector(self) -> Collector:
        """What everyone uses, as it was when it was last read."""
        if self.sharing is not None:
            return self.sharing.collector
        from services.usage.refresh import Collector

        return Collector(self.usage, interval=self.settings.refresh_seconds, then=self.follow)

    @made_once
    def sharing(self) -> Sharing | None:
        """What other dashboards on these records share with this one; None where it is alone."""
        if self.embedded is not None or self.database.dialect.name != "postgresql":
            return None
        from services.wiring.sharing import Sharing

        return Sharing(
            self, then=self.follow, seen=lambda: (self.metrics.follow, self.alert_worker.follow)
        )

    def dashboards(self) -> Dashboards | None:
        """Return which dashboards share these records; None where none does. Raises StoreError."""
        return None if self.sharing is None else self.sharing.standing()

    def _anchors_now(self) -> bool:
        return self.sharing is None or self.sharing.collector.collects

    def audit_soon(self) -> None:
        """Have new figures read and audited, by whichever dashboard collects."""
        if self.sharing is not None:
            self.sharing.collector.refresh(audit=True)
            return
        self.isolation.want()
        self.collector.refresh()

    def follow(self, snapshot: Snapshot) -> None:
        """Follow each snapshot; in read-only mode nothing that does writes about purges.

        What follows is made when it does: the records may not answer.
        """
        makes: list[Callable[[], Callable[[Snapshot], object]]] = [
            lambda: self.limits.follow, lambda: self.metrics.follow, lambda: self.remember,
            lambda: self.isolation.follow,
        ]  # fmt: skip
        if self.embedded is None:  # else KATO is a part of this process
            makes.append(lambda: self._kato_starts.follow)
        if not self.settings.read_only:
            makes.append(lambda: self._later_looks.follow)
            self.tend_records()
        makes.append(lambda: self.alert_worker.follow)
        for make in makes:
            try:
                make()(snapshot)
            except TurnLost:  # what follows would be refused too
                return
            except Exception:  # the collector's thread has to outlive a fault of ours
                logger.exception("following a snapshot failed")

    @made_once
    def _kato_starts(self) -> KatoStarts:
        from services.history.kato_starts import KatoStarts

        def began() -> datetime | None:
            at, sharing = self.stores.kato.presence().started_at, self.sharing
            return at if at is None or sharing is None else at + sharing.ahead()

        return KatoStarts(self.events, began, now=self.now)

    def elsewhere(self, settings: Settings) -> Services:
        """Open another deployment."""
        return build(settings, clock=self.now)

    @made_once
    def sessions(self) -> SessionService:
        """What creates sessions."""
        from services.limits.new_session import exceeded
        from services.purge.erased import erased_before
        from services.sessions.create import SessionService
        from services.sessions.older import older_data

        serving = self.serving
        return SessionService(
            self.stores.kato, state=self.state, ownership=self.usage.ownership,
            encryption=self.settings.encryption, being_purged=self.purge.being_purged,
            erased=partial(erased_before, self.jobs),
            stored=lambda kb_id: older_data(kb_id, self.collector.state.snapshot),
            exceeded=lambda tenant: exceeded(tenant, self.collector.state.snapshot, self.limits),
            parked=self.parking.since, moved=self.move.gone_to, served=serving.served,
            api_at=serving.at, refuse_over=self.settings.limit_sessions == "refuse",
        )  # fmt: skip

    @made_once
    def isolation(self) -> IsolationService:
        """What audits when it is asked to, and follows the collector's snapshots."""
        from services.isolation.audit import IsolationService
        from services.isolation.rules import RULES
        from services.stores.records.findings import FindingBook

        return IsolationService(
            rules=RULES,
            sources=self.facts,
            book=FindingBook(self.database),
            collect=self.usage.collect,
            ownership=self.usage.ownership,
            tombstones=self.jobs.tombstones,
            served=self.serving.serving,
            deadline=self.settings.pass_seconds,
            interval=timedelta(minutes=self.settings.audit_minutes),
            embedded=self.embedded is not None,
            now=self.now,
        )

    @made_once
    def alert_worker(self) -> AlertWorker:
        """What looks for alerts and sends them, once it is started."""
        from services.alerts.ahead import Ahead
        from services.alerts.past_days import PastDays
        from services.alerts.watch import LogChain, Sources

        return self.alerting.worker(Sources(
            snapshot=lambda: self.collector.state.snapshot, report=self.isolation.report,
            ownership=self.usage.ownership, jobs=self.jobs.all, tombstones=self.jobs.tombstones,
            chain=LogChain(self.logbook, began=self.now(), now=self.now),
            growth=PastDays(self.history.at).growth, standings=self.limits.standings,
            coming=Ahead(self.history.forecast).coming,
            retention=lambda: self.retaining.service.jobs(1),
            backups=self.backing.standings, others=self.job_book.unended,
        ))  # fmt: skip

    @made_once
    def backing(self) -> Backing:
        """Backups."""
        from services.wiring.backing import Backing

        return Backing(self, self._tenants)

    def _tenants(self) -> tuple[TenantKey, ...]:
        """Return the tenants that had something when figures were last read."""
        snapshot = self.collector.state.snapshot
        return () if snapshot is None else tuple(each.tenant for each in snapshot.tenants)

    def _job_ran(self, job: AnyJob) -> None:
        super()._job_ran(job)
        self.backing.scheduler.ran(job)

    def _wake_alerts(self) -> None:
        self.alert_worker.wake()

    @made_once
    def metrics(self) -> MetricsService:
        """What is told to a scrape."""
        from importlib.metadata import version

        from services.metrics.books import Bookkeeper, Sources
        from services.metrics.service import MetricsService
        from services.stores.records.jobs.tally import job_tally
        from services.stores.records.purges.tally import PurgeTally

        books = Bookkeeper(Sources(
            PurgeTally(self.database), self.isolation, self.limits, self.alerting.tally,
            partial(job_tally, self.database), self.backing.ruled,
        ))  # fmt: skip
        self.closing.callback(books.close)
        return MetricsService(
            self.collector, books, most=self.settings.metrics_tenants, now=self.now,
            version=version("kato-tenants"), deployment=self.settings.deployment,
        )  # fmt: skip

    @made_once
    def canary(self) -> CanaryService:
        """The canary test."""
        from services.wiring.canarying import canary_service

        return canary_service(
            self, sessions=self.sessions, quiet=self._wait, on_end=self.collector.refresh
        )

    def _wait(self) -> None:
        """Wait until a refresh that may have seen the throwaway tenants has recorded them."""
        self.collector.wait(rounds=self.collector.begun, timeout=self.settings.pass_seconds)

    def read_anew(self) -> None:
        """Have all figures read anew, soon."""
        self.collector.refresh()
