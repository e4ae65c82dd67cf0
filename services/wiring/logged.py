"""Wires what every action needs: the gate, and the records that it and all else stand on.

With the part of a desk that has something done behind the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from services.access.gate import Gate
from services.made_once import made_once
from services.settings.environment import Settings

if TYPE_CHECKING:
    from services.access.viewer import Viewer
    from services.apart.access import DeskApart
    from services.approvals.service import ApprovalService
    from services.archive.access import DeskArchive
    from services.audit_log.ports import AnchorPlace, ReadAnchors
    from services.audit_log.service import Logbook
    from services.instances.access import DeskInstances
    from services.move.access import DeskMove, Elsewhere
    from services.parking.access import DeskParking
    from services.purge.access import DeskPurge
    from services.restore.access import DeskRestore
    from services.retention.access import DeskRetention
    from services.stores.records.database import Database
    from services.stores.records.nodes import StateStore
    from services.usage.kept import Owners
    from services.wiring.working import Working


def gate_of(records: Logged, viewer: Callable[[], Viewer]) -> Gate:
    """Return a gate that asks `viewer` anew for every action."""
    return Gate(
        viewer=viewer,
        log=records.logbook,
        approvals=lambda: records.approvals,
        now=records.now,
        read_only=records.settings.read_only,
        two_persons=records.settings.two_person_actions,
    )


class Logged:
    """The audit log, requests for approval and node_ids, in one database.

    All of it raises SettingsError for a URL of the database that cannot be used, and StoreError
    when it cannot be opened. `clock` says what time it is.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] | None = None) -> None:
        self.settings = settings
        self.now = clock or self._now
        self.closing = ExitStack()

    def _now(self) -> datetime:
        """Return the time, by the clock of the database where several hosts may go by it."""
        now = datetime.now(UTC)
        database = vars(self).get("database")
        if database is None or database.dialect.name != "postgresql":
            return now
        from services.stores.records.clock import ahead_of

        return now + ahead_of(database)

    def close(self) -> None:
        """Stop the threads and close all that was opened, once."""
        self.closing.close()

    @made_once
    def database(self) -> Database:
        """Where they are. Raises SettingsError for its URL, and StoreError."""
        from services.stores.records.database import open_for

        return open_for(self.settings, self.closing)

    @made_once
    def state(self) -> StateStore:
        """The node_ids that were seen, and the totals over time."""
        from services.stores.records.nodes import StateStore

        return StateStore(self.database)

    @made_once
    def owners(self) -> Owners:
        """Who owns what, by what is known of names."""
        from services.usage.kept import Owners

        settings = self.settings
        return Owners(self.state, schemes=settings.naming, service=settings.service_name)

    @made_once
    def logbook(self) -> Logbook:
        """The audit log."""
        from services.audit_log.anchor import Anchorer
        from services.audit_log.chain import LogKeys
        from services.audit_log.service import Logbook
        from services.stores.records.audit_log import LogStore

        store = LogStore(self.database, LogKeys(self.settings.log_keys))
        file, places = self._anchors
        interval = timedelta(minutes=self.settings.anchor_minutes)
        anchorer = Anchorer(store, places, interval=interval, turn=self._anchors_now)
        logbook = Logbook(store, anchorer, anchors=file)
        self.closing.callback(logbook.close)
        return logbook

    def _anchors_now(self) -> bool:
        """Whether it is this process that anchors the log."""
        return True

    @property
    def _anchors(self) -> tuple[ReadAnchors | None, Sequence[AnchorPlace]]:
        """The file of anchors, if one is set, and every place that they go to."""
        path, url = self.settings.anchor_file, self.settings.anchor_url
        if not (path or url):
            return None, ()
        from services.stores.anchors import AnchorFile, AnchorUrl

        file = AnchorFile(path) if path else None
        places: list[AnchorPlace] = [file] if file else []
        if url:
            places.append(AnchorUrl(url.get_secret_value()))
        return file, places

    @made_once
    def approvals(self) -> ApprovalService:
        """Who files and approves requests, which hold as long as the settings say."""
        from services.approvals.service import ApprovalService
        from services.stores.records.approvals import ApprovalStore

        lasts = timedelta(hours=self.settings.approval_hours)
        return ApprovalService(ApprovalStore(self.database), lasts=lasts, now=self.now)


class WorkingDesk:
    """What one viewer may have done, behind a gate that asks `viewer` anew for every action."""

    def __init__(
        self, services: Working, viewer: Callable[[], Viewer], elsewhere: Elsewhere | None = None
    ) -> None:
        self._services, self._elsewhere = services, elsewhere
        self.gate = gate_of(services, viewer)

    @cached_property
    def purge(self) -> DeskPurge:
        """Plans, jobs and receipts."""
        from services.purge.access import DeskPurge

        return DeskPurge(
            self.gate, self._services.purge, ownership=self._services.usage.ownership,
            plans=lambda: self._services.looking.purge,
        )  # fmt: skip

    @cached_property
    def archives(self) -> DeskArchive:
        """Archives: taking, proving, listing."""
        from services.archive.access import DeskArchive

        return DeskArchive(
            self.gate, lambda: self._services.archive, ownership=self._services.usage.ownership,
            proofs=lambda: self._services.looking.proofs,
        )  # fmt: skip

    @cached_property
    def restore(self) -> DeskRestore:
        """Restores of archives."""
        from services.restore.access import DeskRestore

        return DeskRestore(
            self.gate, lambda: self._services.restore, ownership=self._services.usage.ownership,
            archives=lambda: self._services.archive, plans=lambda: self._services.looking.restore,
        )  # fmt: skip

    @cached_property
    def parking(self) -> DeskParking:
        """Parking tenants, and bringing them back."""
        from services.parking.access import DeskParking

        return DeskParking(
            self.gate, lambda: self._services.parking, ownership=self._services.usage.ownership,
            plans=lambda: self._services.looking.parking,
        )  # fmt: skip

    @cached_property
    def move(self) -> DeskMove:
        """Moving tenants to another deployment."""
        from services.move.access import DeskMove

        return DeskMove(
            self.gate, lambda: self._services.move, ownership=self._services.usage.ownership,
            plans=lambda: self._services.looking.move, elsewhere=self._elsewhere,
        )  # fmt: skip

    @cached_property
    def instances(self) -> DeskInstances:
        """KATOs of single tenants."""
        from services.instances.access import DeskInstances

        services = self._services
        return DeskInstances(
            self.gate, lambda: services.serving.service, running=lambda: services.serving.running
        )

    @cached_property
    def apart(self) -> DeskApart:
        """Taking apart kb_ids that tenants share."""
        from services.apart.access import DeskApart

        return DeskApart(
            self.gate, lambda: self._services.apart, ownership=self._services.usage.ownership,
            plans=lambda: self._services.looking.apart,
        )  # fmt: skip

    @cached_property
    def retention(self) -> DeskRetention:
        """What is kept, for how long and how much of it."""
        from services.retention.access import DeskRetention

        services = self._services
        return DeskRetention(
            self.gate, lambda: services.retaining.service, labels=services.cards.labels_within,
            plans=lambda: services.looking.retention,
        )  # fmt: skip
