"""Wires backups: their service over archives, and the thread that has them run by themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from services.made_once import made_along, made_once

if TYPE_CHECKING:
    from services.backups.models import Standing
    from services.backups.scheduler import Scheduler
    from services.backups.service import BackupService
    from services.tenancy.kb_ids import TenantKey
    from services.wiring.working import Working


class Backing:
    """Backups over everything else that there is; `tenants` are those that are there now."""

    def __init__(self, services: Working, tenants: Callable[[], tuple[TenantKey, ...]]) -> None:
        self._services, self.tenants = services, tenants
        made_along(self, services)

    def standings(self) -> tuple[Standing, ...]:
        """Say how each of them is backed up, but for its newest archive. Raises StoreError."""
        return self.service.standings(self.tenants(), newest=False)

    def ruled(self) -> tuple[Standing, ...]:
        """Say how those are backed up whom a rule is for. Raises StoreError."""
        return self.service.ruled(self.tenants())

    @made_once
    def service(self) -> BackupService:
        """Rules, what is due, and what stays."""
        from services.backups.archived import TenantArchives
        from services.backups.service import BackupService, Tools
        from services.stores.records.backups import BackupBook

        services = self._services
        return BackupService(Tools(
            records=BackupBook(services.database),
            archives=TenantArchives(lambda: services.archive),
            tenants=self.tenants, labels=services.cards.labels, holds=services.card_book.holds,
            now=services.now,
        ))  # fmt: skip

    @made_once
    def scheduler(self) -> Scheduler:
        """What begins backups when they are due, once its timer is started, and follows them."""
        from services.backups.access import log_begun, log_came, log_gone
        from services.backups.scheduler import Scheduler

        log = self._services.logbook
        scheduler = Scheduler(
            self.service,
            begun=partial(log_begun, log),
            came=partial(log_came, log),
            gone=partial(log_gone, log),
        )
        self._services.closing.callback(scheduler.timer.stop)
        return scheduler
