"""A logbook on a real SQLite file, and ways to break it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from services.access.gate import Tenants
from services.access.viewer import Action, Viewer
from services.audit_log.anchor import Anchorer
from services.audit_log.chain import LogKeys
from services.audit_log.models import Entry
from services.audit_log.service import Logbook
from services.errors import AccessDenied
from services.settings.environment import Settings
from services.wiring.records import OwnRecords
from tests.servers.sqlite import put_tables

if TYPE_CHECKING:  # else tests of what is pure would begin with the driver
    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection


class SqliteLog:
    """A logbook, and the database that it is in."""

    def __init__(self, engine: Engine) -> None:
        from services.stores.records.audit_log import LogStore

        self.engine = engine
        store = LogStore(engine, LogKeys())
        self.logbook = Logbook(store, Anchorer(store, [], interval=timedelta(hours=1)))

    def entries(self) -> tuple[Entry, ...]:
        """Return all of it, the oldest first."""
        return tuple(self.logbook.export())

    def empty(self) -> None:
        """Begin anew, as only a test may."""
        from sqlalchemy import text

        with self.engine.begin() as connection:
            for trigger in ("audit_log_no_delete", "audit_log_tenant_no_delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
            connection.execute(text("DELETE FROM audit_log_tenant"))
            connection.execute(text("DELETE FROM audit_log"))

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Let nothing be written or read for a while."""
        self._rename("audit_log", "audit_log_away")
        try:
            yield
        finally:
            self._rename("audit_log_away", "audit_log")

    def break_for_good(self) -> None:
        """Let nothing be written or read any more."""
        self._rename("audit_log", "audit_log_away")

    def _rename(self, name: str, to: str) -> None:
        from sqlalchemy import text

        with self.engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {name} RENAME TO {to}"))


class NobodyApproves:
    """A place where no action waits for a second person."""

    def use(
        self, viewer: Viewer, action: Action, *, tenants: Tenants, target: str, digest: str,
        details: Mapping[str, str],
    ) -> str:  # fmt: skip
        """Raise AccessDenied."""
        raise AccessDenied(action.value, "there is no second person here to approve it")

    def give_back(self, request_id: str) -> None:
        """Do nothing: none was ever used."""


@contextmanager
def opened(settings: Settings) -> Iterator[Logbook]:
    """Open the log that the settings name, and nothing else."""
    with closing(OwnRecords(settings)) as records:
        yield records.logbook


def sqlite_log(data: Path) -> SqliteLog:
    """Open one in a directory; its `engine` has to be disposed of.

    Nothing is waited for until it is on the disk: what these tests ask survives no power cut.
    """
    from sqlalchemy import event

    from services.stores.records.database import open_database

    put_tables(data)
    engine = open_database(data)
    event.listen(engine, "connect", _hurry)
    engine.dispose()  # its connections are older than that
    return SqliteLog(engine)


def _hurry(connection: DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()
