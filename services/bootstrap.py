"""The only place that wires: settings in, a frozen set of services out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from services.approvals.service import ApprovalService
from services.audit_log.chain import LogKeys
from services.audit_log.service import Logbook, warning
from services.browse.service import InspectionService
from services.canary.access import log_canary
from services.canary.service import CanaryService
from services.canary.tools import UseCases
from services.find.search import FindService
from services.health.check import HealthService, Pingable
from services.isolation.audit import IsolationService
from services.purge.later_looks import LaterLooks
from services.purge.log_ends import add_missing_ends, log_purge
from services.purge.models import Job
from services.purge.service import PurgeService
from services.purge.worker import PurgeWorker
from services.sessions.care import SessionCare
from services.sessions.create import SessionService
from services.sessions.rotate import KeyRotation
from services.settings.environment import Settings
from services.stores.clickhouse import connect as clickhouse
from services.stores.open import Stores, stores_of
from services.stores.qdrant import connect as qdrant
from services.stores.records.approvals import ApprovalStore
from services.stores.records.audit_log import LogStore
from services.stores.records.database import open_for
from services.stores.records.findings import FindingBook
from services.stores.records.nodes import StateStore
from services.stores.records.purges.jobs import PurgeJobs
from services.stores.redis import usage as keyspace
from services.usage.collect import UsageService
from services.usage.refresh import Collector
from services.usage.snapshot import Snapshot
from services.wiring.browse import inspection_of
from services.wiring.canary import canary_of
from services.wiring.gate import logbook_of
from services.wiring.isolation import isolation_of
from services.wiring.purge import purge_of
from services.wiring.x_access_wiring import approvals_of

if TYPE_CHECKING:
    from services.embedded.engines import EmbeddedSet
    from services.embedded.write.stores import Targets

logger = logging.getLogger(__name__)

VARIABLES = {
    "clickhouse": "CLICKHOUSE_HOST, _PORT, _USER, _PASSWORD and _DB",
    "redis": "REDIS_URL",
    "qdrant": "QDRANT_URL (or QDRANT_HOST and _PORT) and QDRANT_API_KEY",
    "kato": "KATO_API_URL",
    "state store": "KATO_TENANTS_STATE_URL or KATO_TENANTS_DATA",
}
"""The settings of each store, for advice on the screen; the last has this product's own records."""


@dataclass(frozen=True)
class Services:
    """Everything that a page or a command may use."""

    settings: Settings
    usage: UsageService
    collector: Collector
    sessions: SessionService
    care: SessionCare
    rotation: KeyRotation
    health: HealthService
    finding: FindService
    inspection: InspectionService
    isolation: IsolationService
    canary: CanaryService
    purge: PurgeService
    purge_worker: PurgeWorker
    jobs: PurgeJobs
    approvals: ApprovalService
    logbook: Logbook
    state: StateStore
    embedded: EmbeddedSet | None
    _closing: ExitStack

    def start(self) -> None:
        """Begin to collect, to run purge jobs and to anchor, each in a thread of its own.

        In read-only mode no purge job is run; another dashboard may.
        """
        self.collector.start()
        if not self.settings.read_only:
            self.tend_records()
            self.purge_worker.start()
        self.logbook.start()

    def tend_records(self) -> None:
        """Add to the log the ends of purges that it has not, and remove plans that expired.

        Raises nothing: what cannot be done now is done the next time.
        """
        tend_records(self.logbook, self.jobs, self.usage)

    def close(self) -> None:
        """Stop the threads, close every connection and stop the embedded engines, once."""
        self._closing.close()


def build(settings: Settings) -> Services:
    """Wire the services, starting the embedded engines where no store is configured.

    Raises EmbeddedBusy when another process holds these engines, SettingsError for a URL of this
    product's own records that cannot be used, and StoreError when these cannot be opened. A
    configured store that is down raises nothing here.
    """
    with ExitStack() as stack:
        embedded = _start_embedded(settings, stack) if settings.embedded else None
        database = open_for(settings, stack)
        state = StateStore(database)
        logbook = logbook_of(settings, LogStore(database, LogKeys(settings.log_keys)), stack)
        stores = stores_of(settings, embedded, stack)
        usage = _usage(settings, stores, state)
        jobs = PurgeJobs(database, LogKeys(settings.log_keys))
        isolation = isolation_of(
            settings, embedded, usage=usage, book=FindingBook(database),
            tombstones=jobs.tombstones, stack=stack,
        )  # fmt: skip
        collector = Collector(
            usage, interval=settings.refresh_seconds,
            then=_followers(settings, logbook, jobs, usage, isolation),
        )  # fmt: skip
        stack.callback(collector.stop)
        health = _health(settings, stores, state)
        purge, purge_worker = purge_of(
            settings, embedded, kato=stores.kato, jobs=jobs, usage=usage, registry=state,
            health=health, on_end=_after_purge(collector, logbook, jobs, usage), stack=stack,
        )  # fmt: skip
        sessions = SessionService(
            stores.kato,
            state=state,
            ownership=usage.ownership,
            encryption=settings.encryption,
            being_purged=purge.being_purged,
        )
        care, finding = _care(settings, stores), _finding(settings, stores, usage)
        inspection = inspection_of(settings, embedded, stack)
        canary = canary_of(
            settings, embedded, kato=stores.kato, registry=state, usage=usage,
            cases=UseCases(inspection, finding, sessions, care), collector=collector,
            tell=partial(log_canary, logbook), stack=stack,
        )  # fmt: skip
        return Services(
            settings=settings,
            usage=usage,
            collector=collector,
            sessions=sessions,
            care=care,
            rotation=KeyRotation(
                records=stores.records, writes=stores.writes, encryption=settings.encryption
            ),
            health=health,
            finding=finding,
            inspection=inspection,
            isolation=isolation,
            canary=canary,
            purge=purge,
            purge_worker=purge_worker,
            jobs=jobs,
            approvals=approvals_of(settings, ApprovalStore(database)),
            logbook=logbook,
            state=state,
            embedded=embedded,
            _closing=stack.pop_all(),
        )


def _followers(
    settings: Settings, logbook: Logbook, jobs: PurgeJobs, usage: UsageService,
    isolation: IsolationService,
) -> Callable[[Snapshot], None]:  # fmt: skip
    """Return what follows each snapshot; in read-only mode nothing of it writes about purges."""
    if settings.read_only:
        return _each(isolation.follow)
    return _each(
        LaterLooks(jobs).follow,
        isolation.follow,
        lambda _: tend_records(logbook, jobs, usage),
    )


def _each(*follow: Callable[[Snapshot], None]) -> Callable[[Snapshot], None]:
    """Return what hands a snapshot to each follower; a fault of one keeps it from no other."""

    def then(snapshot: Snapshot) -> None:
        for one in follow:
            try:
                one(snapshot)
            except Exception:  # the collector's thread has to outlive a fault of ours
                logger.exception("following a snapshot failed")

    return then


def _after_purge(
    collector: Collector, logbook: Logbook, jobs: PurgeJobs, usage: UsageService
) -> Callable[[Job], None]:
    """Return what follows a run of a purge: figures are read anew, and the log gets its end."""

    def ran(job: Job) -> None:
        collector.refresh()
        log_purge(logbook, jobs, job, usage.ownership)

    return ran


def tend_records(logbook: Logbook, jobs: PurgeJobs, usage: UsageService) -> None:
    """Do what has to be done for the records from time to time. Raises nothing."""
    now = datetime.now(UTC)
    add_missing_ends(logbook, jobs, usage.ownership, now=now)
    with warning("plans that expired could not be removed"):
        jobs.drop_plans(now)


def load_capture(directory: Path, settings: Settings, *, merge: bool) -> str:
    """Load a capture directory into the embedded or the configured stores; say what was loaded.

    Raises CaptureError for a line that cannot be understood, DataPresent when a store holds data
    and `merge` is not given, EmbeddedBusy, and StoreError.
    """
    from services.embedded.capture import read as capture  # noqa: PLC0415  takes a second

    with ExitStack() as stack:
        to = _targets(settings, stack)
        report = capture.load(
            directory,
            clickhouse=to.clickhouse,
            redis=to.redis,
            qdrant=to.qdrant,
            database=to.database,
            merge=merge,
        )
    return str(report)


def _targets(settings: Settings, stack: ExitStack) -> Targets:
    from services.embedded.write.stores import Targets  # noqa: PLC0415  takes a second

    if settings.embedded:
        embedded = _start_embedded(settings, stack)
        clickhouse_client = embedded.connect_clickhouse()
        return Targets(clickhouse_client, embedded.redis, embedded.qdrant, embedded.database)
    return Targets(
        clickhouse.connecting(settings, once=True)() if settings.clickhouse_host else None,
        keyspace.client_of(settings) if settings.redis_url else None,
        qdrant.client_of(settings) if settings.qdrant_url or settings.qdrant_host else None,
        settings.clickhouse_db,
    )


def _start_embedded(settings: Settings, stack: ExitStack) -> EmbeddedSet:
    from services.embedded import engines  # noqa: PLC0415  an extra that need not be installed

    embedded = engines.start(
        settings.data,
        fill=settings.fill,
        database=settings.clickhouse_db,
        service=settings.service_name,
    )
    stack.callback(embedded.close)
    return embedded


def _usage(settings: Settings, stores: Stores, state: StateStore) -> UsageService:
    return UsageService(
        patterns=stores.patterns,
        keys=stores.keys,
        vectors=stores.vectors,
        kato=stores.kato,
        state=state,
        schemes=settings.naming,
        service=settings.service_name,
        shared_collections=frozenset(settings.shared_collections),
        deadline=settings.pass_seconds,
    )


def _care(settings: Settings, stores: Stores) -> SessionCare:
    return SessionCare(
        stores.kato, records=stores.records, index=stores.writes, encryption=settings.encryption
    )


def _finding(settings: Settings, stores: Stores, usage: UsageService) -> FindService:
    return FindService(
        patterns=stores.patterns,
        keys=stores.keys,
        ownership=usage.ownership,
        schemes=settings.naming,
        service=settings.service_name,
        shared_collections=frozenset(settings.shared_collections),
        timeout=settings.timeout_seconds + 1,
    )


def _health(settings: Settings, stores: Stores, state: StateStore) -> HealthService:
    pingable: dict[str, Pingable] = {
        "clickhouse": stores.patterns,
        "redis": stores.keys,
        "qdrant": stores.vectors,
        "kato": stores.kato,
        "state store": state,
    }
    return HealthService(pingable, variables=VARIABLES, timeout=settings.timeout_seconds + 1)
