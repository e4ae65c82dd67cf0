"""Wires retention: its adapters, its service, and the threads that run it, also by itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from services.made_once import made_once
from services.stores.absent import AbsentStore

if TYPE_CHECKING:
    from services.bootstrap import Services
    from services.jobs.models import Job
    from services.jobs.worker import Worker
    from services.retention.models import Labels
    from services.retention.ports import KeyRetention, PatternRetention
    from services.retention.scheduler import Scheduler
    from services.retention.service import RetentionService
    from services.retention.tools import Tools
    from services.tenancy.kb_ids import TenantKey


class Retaining:
    """Retention over everything else that there is."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(self) -> None:
        """Begin to run jobs, and what is due by itself."""
        self.worker.start()
        self.scheduler.start()

    def labels(self) -> Labels:
        """Return the labels of tenants' cards; there are none without cards."""
        return {}

    def holds(self) -> frozenset[TenantKey]:
        """Return the tenants on legal hold; there are none without cards."""
        return frozenset()

    def busy(self) -> frozenset[str]:
        """Return the tenants and kb_ids that a purge has which has not ended."""
        from services.jobs.models import JobState

        going = [job for job in self._services.jobs.all() if job.state is not JobState.ENDED]
        return frozenset(
            name
            for job in going
            for name in (*job.plan.surface.kb_ids, *map(str, job.plan.request.target.tenants))
        )

    @made_once
    def tools(self) -> Tools:
        """What planning and running it need."""
        from services.retention.tools import Tools

        services = self._services
        stores = services.stores
        return Tools(
            keys=self._keys, patterns=self._patterns, kato=stores.kato, index=stores.key_erasing,
            records=services.policies,
            saw=lambda seen: services.state.record_nodes(seen, services.now()),
            ownership=services.usage.ownership, labels=self.labels, holds=self.holds,
            busy=self.busy, versions=services.versions, now=services.now,
        )  # fmt: skip

    @made_once
    def service(self) -> RetentionService:
        """Policies, what they would do, and runs of them."""
        from services.retention.service import RetentionService

        services = self._services
        return RetentionService(
            self.tools, jobs=services.job_book, worker=lambda: self.worker,
            history=lambda: services.history, ended=self._ran,
        )  # fmt: skip

    @made_once
    def worker(self) -> Worker:
        """What runs its jobs, once it is started."""
        from services.jobs.worker import Worker

        worker = Worker("retention", self._services.job_book.runnable, self.service.run)
        self._services.closing.callback(worker.stop)
        return worker

    @made_once
    def scheduler(self) -> Scheduler:
        """What begins a run when one is due, once it is started."""
        from services.retention.access import log_run
        from services.retention.scheduler import Scheduler

        services = self._services
        logged = partial(log_run, services.logbook)
        scheduler = Scheduler(self.service, services.policies, now=services.now, logged=logged)
        services.closing.callback(scheduler.stop)
        return scheduler

    def _ran(self, job: Job) -> None:
        """Follow each run: figures are read anew, and the log gets its end."""
        from services.retention.access import log_run

        self._services.collector.refresh()
        log_run(self._services.logbook, job)

    @property
    def _keys(self) -> KeyRetention:
        from services.stores.redis.retention import KeyKeeping

        engine, settings = self._services.stores.engines.redis, self._services.settings
        if isinstance(engine, AbsentStore):
            return cast("KeyRetention", engine)
        return KeyKeeping(
            engine, service=settings.service_name, scan_count=settings.scan_count,
            seconds=settings.pass_seconds,
        )  # fmt: skip

    @property
    def _patterns(self) -> PatternRetention:
        from services.stores.clickhouse.retention import PatternKeeping

        engine, settings = self._services.stores.engines.clickhouse, self._services.settings
        if isinstance(engine, AbsentStore):
            return cast("PatternRetention", engine)
        return PatternKeeping(engine, seconds=settings.pass_seconds)
