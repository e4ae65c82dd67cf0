"""Wires moves: this deployment, and those that its settings name, each opened when it is needed."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from services.errors import StoreNotConfigured
from services.jobs.service import JobsService
from services.move.there import KIND_IN, There
from services.move.tools import Tools
from services.restore.run import RestoreWork
from services.restore.service import RestoreService
from services.settings.destinations import names_of, settings_of
from services.stores.identity import KATO, Identities, identities_of, same_stores
from services.wiring.archiving import identities, recipients

if TYPE_CHECKING:
    from services.settings.environment import Settings
    from services.tenancy.kb_ids import TenantKey
    from services.wiring.working import Working


def move_tools(services: Working) -> Tools:
    """Return what moves need of these services, and of the other deployments."""
    settings, opened = services.settings, _Opened(services)
    return Tools(
        archives=lambda: services.archive, purges=lambda: services.purge,
        destinations=lambda: names_of(settings), there=opened.there,
        book=services.move_book, jobs=services.job_book, holds=services.card_book.holds,
        place=services.before_purge.obstacle,
        opens=lambda: bool(identities(settings)) or not recipients(settings),
        unbury=services.jobs.unbury, moved=services.serving.moved, now=services.now,
    )  # fmt: skip


class _Opened:
    """Other deployments, each open until its settings are others, or these services close."""

    def __init__(self, here: Working) -> None:
        self._here, self._lock = here, Lock()
        self._open: dict[str, tuple[Settings, Working]] = {}
        here.closing.callback(self._close)

    def there(self, name: str) -> There:
        """Open one. Raises SettingsError, StoreError."""
        settings = settings_of(self._here.settings, name)
        with self._lock:
            found = self._open.get(name)
            if found is None or found[0] != settings:
                if found is not None:
                    self._open.pop(name)
                    found[1].close()
                found = self._open[name] = settings, self._here.elsewhere(settings)
        return _there(self._here, found[1], name)

    def _close(self) -> None:
        with self._lock:
            while self._open:
                self._open.popitem()[1][1].close()


def _there(here: Working, there: Working, name: str) -> There:
    jobs = JobsService(
        there.job_book, {KIND_IN: lambda job: RestoreWork(there.restore_tools, there.job_book, job)}
    )

    def servers() -> Identities:
        return identities_of(there.stores.engines, there.settings)

    def same() -> tuple[str, ...]:
        return same_stores(identities_of(here.stores.engines, here.settings), servers())

    def ahead() -> float:
        with suppress(StoreNotConfigured):
            theirs, ours = there.restore_tools.keys.time(), here.restore_tools.keys.time()
            return (theirs - ours) / 1000
        return 0.0

    def arrived(tenant: TenantKey) -> None:
        left = there.move_book.get(tenant)
        if left is not None:  # it had moved here from there, and is there again
            there.jobs.unbury(left.purge)
            there.move_book.drop(tenant)
            there.serving.service.back(tenant, by=left.by)

    return There(
        name=name, archives=there.archive_tools, stores=there.restore_tools,
        restores=RestoreService(there.restore_tools, jobs, kind=KIND_IN), jobs=jobs,
        purges=there.purge, erasable=there.erasers.lacking, versions=there.versions,
        differs=tuple(_differs(here.settings, there.settings)), same=same,
        servers=lambda: {store: ids for store, ids in servers().items() if store != KATO},
        ahead=ahead,
        is_parked=lambda tenant: there.parking_book.get(tenant) is not None,
        unbury=there.jobs.unbury, arrived=arrived,
    )  # fmt: skip


_NAMING = {
    "service_name": "SERVICE_NAME", "schemes": "KATO_TENANTS_SCHEMES",
    "shared_collections": "KATO_TENANTS_SHARED_COLLECTIONS",
}  # fmt: skip
"""What tells whose data is whose: it has to be the same on both sides."""


def _differs(here: Settings, there: Settings) -> list[str]:
    return [
        variable for field, variable in _NAMING.items()
        if getattr(here, field) != getattr(there, field)
    ]  # fmt: skip
