"""Several dashboards on one PostgreSQL, each in a process of its own, and who wrote what there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from services.stores.records.database import open_database
from tests.servers import dashboard_process
from tests.servers.forked import begun
from tests.waiting import wait_until

ROUNDS_WRITE = (
    "usage_history", "history_row", "history_look", "history_head", "event", "audit_run",
    "finding", "limit_crossed", "published", "purge_look", "node_seen",
)  # fmt: skip
"""The tables that a round writes, and in these tests nothing else does."""

_WITNESS = """
CREATE TABLE witness (what TEXT, who TEXT, owner TEXT, number BIGINT, at TIMESTAMPTZ);
CREATE FUNCTION witnessed() RETURNS trigger AS $$ BEGIN
    INSERT INTO witness SELECT TG_TABLE_NAME, current_setting('application_name'), owner, number,
        clock_timestamp() FROM collecting;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
"""


@dataclass
class Dashboards:
    """Dashboards by name. Everything they say of themselves is a file in `folder`."""

    folder: Path
    url: str
    environment: Mapping[str, str]
    lease: float = 3.0
    beat: float = 0.4
    processes: dict[str, BaseProcess] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, *, ahead: float = 0.0, **more: str) -> None:
        """Start one; `ahead` is how many seconds its clock is."""
        self._file(name, "json").unlink(missing_ok=True)
        url = f"{self.url}&application_name={name}"
        given = {**self.environment, "KATO_TENANTS_STATE_URL": url, **more}
        given["KATO_TENANTS_DATA"] = str(self.folder / f"data-{name}")
        arguments = (str(self.folder), name, self.lease, self.beat, ahead)
        self.processes[name] = begun(dashboard_process.run, *arguments, **given)

    def said(self, name: str) -> dict[str, Any]:
        """Return what one said last; nothing before."""
        try:
            said: dict[str, Any] = json.loads(self._file(name, "json").read_text())
        except FileNotFoundError:
            return {}
        self.ids[said["id"]] = name
        return said

    def tell(self, name: str, word: str) -> None:
        """Ask one for something."""
        self._file(name, word).touch()

    def forget(self, name: str, word: str) -> None:
        """Take back what one was asked for, if it did not come to it."""
        self._file(name, word).unlink(missing_ok=True)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send one a signal."""
        pid = self.processes[name].pid
        assert pid is not None
        os.kill(pid, number)

    def kill(self, name: str) -> None:
        """End one as a machine that loses its power."""
        self.send(name, signal.SIGKILL)
        self.processes.pop(name).join(60)

    def stop(self, name: str) -> None:
        """End one as a server is stopped."""
        self.tell(name, "stop")
        process = self.processes.pop(name)
        process.join(60)
        assert process.exitcode == 0
        self._file(name, "stop").unlink()

    def collecting(self, *but: str) -> str:
        """Return who says that it collects, of those that run; empty where nobody does."""
        names = [name for name in self.processes if name not in but]
        found = [name for name in names if self.said(name).get("collects")]
        return found[0] if len(found) == 1 else ""

    def one_collects(self, *but: str) -> str:
        """Wait until one does, and return it."""
        wait_until(lambda: self.collecting(*but))
        return self.collecting(*but)

    def same(self, *names: str) -> bool:
        """Whether all of these show one snapshot."""
        said = [self.said(name) for name in names or self.processes]
        shown = {(each.get("at"), each.get("digest")) for each in said}
        return len(shown) == 1 and None not in shown.pop()

    def rounds(self) -> int:
        """Return how many rounds have ended, of whichever dashboard."""
        return int(self.asked("SELECT ended FROM collecting")[0][0])

    def after(self, rounds: int) -> None:
        """Wait until so many more rounds have ended."""
        until = self.rounds() + rounds
        wait_until(lambda: self.rounds() >= until)

    def asked(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the records something."""
        with self._engine.connect() as connection:
            connection.execute(text("SET statement_timeout = 0"))
            return [tuple(row) for row in connection.execute(text(statement))]

    def told(self, statement: str) -> None:
        """Change something in the records."""
        with self._engine.begin() as connection:
            connection.execute(text(statement))

    def trespasses(self) -> list[tuple[Any, ...]]:
        """Return what a round wrote in a dashboard that had not the turn at that moment."""
        found = self.asked("SELECT what, who, owner, number FROM witness")
        return [row for row in found if self.ids.get(row[2], row[2]) != row[1]]

    def witnessed(self) -> set[str]:
        """Return the tables that rounds wrote."""
        return {row[0] for row in self.asked("SELECT DISTINCT what FROM witness")}

    def _file(self, name: str, kind: str) -> Path:
        return self.folder / f"{name}.{kind}"

    def __post_init__(self) -> None:
        self._engine: Engine = create_engine(self.url)


@contextmanager
def dashboards(
    folder: Path, url: str, environment: Mapping[str, str], *, lease: float = 3.0, beat: float = 0.4
) -> Iterator[Dashboards]:
    """Give records in which every write of a round is witnessed; end every process in the end."""
    open_database(folder, url, seconds=60).dispose()
    found = Dashboards(folder, url, environment, lease, beat)
    found.told(_WITNESS)
    for table in ROUNDS_WRITE:
        found.told(
            f"CREATE TRIGGER witnessed AFTER INSERT OR UPDATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION witnessed()"
        )
    try:
        yield found
    finally:
        for process in found.processes.values():
            process.kill()
        for process in found.processes.values():
            process.join(60)
        found._engine.dispose()
