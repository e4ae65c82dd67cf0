"""Wires what every action needs: the gate, and the records that it and all else stand on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.access.gate import Gate
from services.made_once import made_once
from services.settings.environment import Settings

if TYPE_CHECKING:
    from services.access.viewer import Viewer
    from services.approvals.service import ApprovalService
    from services.audit_log.ports import AnchorPlace, ReadAnchors
    from services.audit_log.service import Logbook
    from services.stores.records.database import Database
    from services.stores.records.nodes import StateStore
    from services.usage.kept import Owners


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
