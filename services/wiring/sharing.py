"""Wires what several dashboards on the same records share: who collects, and what all show."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from services.errors import KatoTenantsError
from services.made_once import made_along, made_once
from services.stores.records.clock import ahead_of
from services.stores.records.dashboards import DashboardBook

if TYPE_CHECKING:
    from services.dashboards.collector import SharedCollector
    from services.health.models import Dashboards
    from services.usage.snapshot import Snapshot
    from services.wiring.working import Working

logger = logging.getLogger(__name__)


Follow = Callable[["Snapshot"], object]


class Sharing:
    """This dashboard among those that have their records in the same database.

    `then` follows each snapshot that is read here, and what `seen` gives each that another read.
    """

    def __init__(
        self, services: Working, *, then: Follow, seen: Callable[[], Iterable[Follow]]
    ) -> None:
        self._services, self._then, self._seen = services, then, seen
        self.id = secrets.token_hex(8)
        self._anchors = False
        made_along(self, services)

    @made_once
    def book(self) -> DashboardBook:
        """Who is there, who collects, and what was published."""
        from importlib.metadata import version

        services = self._services
        return DashboardBook(
            services.database, me=self.id, name=f"{socket.gethostname()}/{os.getpid()}",
            version=version("kato-tenants"), read_only=services.settings.read_only,
        )  # fmt: skip

    @made_once
    def collector(self) -> SharedCollector:
        """What collects while it has the turn."""
        from importlib.metadata import version

        from services.dashboards.collector import SharedCollector

        services = self._services
        return SharedCollector(
            services.usage, self.book, interval=services.settings.refresh_seconds,
            version=version("kato-tenants"), then=self._read_here, seen=self._saw,
            audit=self._audit, ahead=self.ahead,
        )  # fmt: skip

    def standing(self) -> Dashboards:
        """Return who is there, and who collects. Raises StoreUnavailable."""
        alone = self.collector.unshared if "collector" in vars(self) else None
        return replace(self.book.standing(), alone=alone)

    def ahead(self) -> timedelta:
        """Return how far the records' clock is ahead of this host's."""
        return ahead_of(self._services.database)

    def _read_here(self, snapshot: Snapshot) -> None:
        if not self._anchors:
            self._anchors = True
            self._services.logbook.anchoring.wake()
        self._then(snapshot)
        self._each([self._read_audit], snapshot)  # another page may have accepted a finding

    def _saw(self, snapshot: Snapshot) -> None:
        """Follow a snapshot that another dashboard read: nothing is written for it."""
        self._each([*self._seen(), self._read_audit], snapshot)

    def _each(self, deeds: Iterable[Follow], snapshot: Snapshot) -> None:
        for deed in deeds:
            try:
                deed(snapshot)
            except KatoTenantsError as exc:
                logger.warning("a snapshot could not be followed: %s", exc)
            except Exception:  # the collector's thread has to outlive a fault of ours
                logger.exception("a snapshot could not be followed")

    def _audit(self) -> None:
        self._services.isolation.want()

    def _read_audit(self, _: object) -> None:
        self._services.isolation.read_again()
