"""Wires retention: its adapters, its service, and the thread that has it run by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from services.made_once import made_along, made_once
from services.stores.absent import AbsentStore

if TYPE_CHECKING:
    from services.jobs.models import Job
    from services.jobs.run import Work
    from services.retention.ports import KeyRetention, PatternRetention
    from services.retention.scheduler import Scheduler
    from services.retention.service import RetentionService
    from services.retention.tools import Tools
    from services.tenancy.kb_ids import TenantKey
    from services.wiring.working import Working


class Retaining:
    """Retention over everything else that there is."""

    def __init__(self, services: Working) -> None:
        self._services = services
        made_along(self, services)

    @property
    def kind(self) -> tuple[str, Callable[[Job], Work[Any]]]:
        """What its jobs are called, and what one of them does."""
        from services.retention.steps import KIND

        return KIND, self._work

    def _work(self, job: Job) -> Work[Any]:
        from services.retention.work import RetentionWork

        return RetentionWork(self.tools, self._services.job_book, job)

    def holds(self) -> frozenset[TenantKey]:
        """Return the tenants on legal hold, read anew."""
        return frozenset(each.tenant for each in self._services.card_book.holds())

    @made_once
    def tools(self) -> Tools:
        """What planning and running it need."""
        from services.retention.tools import Tools

        services = self._services
        stores = services.stores
        return Tools(
            keys=self._keys, patterns=self._patterns, kato=services.serving.every_kato(),
            index=stores.key_erasing,
            records=services.policies,
            saw=services.saw,
            ownership=services.usage.ownership, labels=services.cards.labels, holds=self.holds,
            busy=services.policies.held, versions=services.versions, now=services.now,
        )  # fmt: skip

    @made_once
    def service(self) -> RetentionService:
        """Policies, what they would do, and runs of them."""
        from services.retention.service import RetentionService

        services = self._services
        return RetentionService(
            self.tools, jobs=services.job_book, work=lambda: services.work,
            history=lambda: services.history,
        )  # fmt: skip

    @made_once
    def scheduler(self) -> Scheduler:
        """What begins a run when one is due, once it is started."""
        from services.retention.access import log_run
        from services.retention.scheduler import Scheduler

        services = self._services
        logged = partial(log_run, services.logbook)
        scheduler = Scheduler(self.service, services.policies, now=services.now, logged=logged)
        services.closing.callback(scheduler.timer.stop)
        return scheduler

    def ran(self, job: Job) -> None:
        """Follow a run of a job of any kind: of its own, the log gets the end."""
        from services.retention.access import log_run

        if job.kind == self.kind[0]:
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
