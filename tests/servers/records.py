"""A place for the product's own records, opened as often as a test likes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from services.stores.records.database import open_database
from services.stores.records.nodes import StateStore
from services.stores.records.purges.jobs import PurgeJobs
from tests.servers.forked import Talking


@dataclass
class Records:
    """A data directory, and a URL for PostgreSQL; without one it is an SQLite file."""

    data: Path
    url: str | None
    engines: list[Engine] = field(default_factory=list)

    def engine(self, *, seconds: float = 20) -> Engine:
        """Open the database once more, as another process would; patiently on a busy machine."""
        self.engines.append(open_database(self.data, self.url, seconds=seconds))
        return self.engines[-1]

    def state(self) -> StateStore:
        """Open the node_ids and the history."""
        return StateStore(self.engine())

    def jobs(self) -> PurgeJobs:
        """Open the purge jobs."""
        return PurgeJobs(self.engine())

    def everything(self) -> bytes:
        """Return every byte of the data directory."""
        files = (path for path in sorted(self.data.rglob("*")) if path.is_file())
        return b"".join(path.read_bytes() for path in files)

    def dump(self) -> str:
        """Return all that PostgreSQL holds of them; of SQLite, `everything` has it."""
        if self.url is None:
            return ""
        from tests.servers.postgres import Postgres  # with its driver

        return Postgres.dump(self.url)

    def close(self) -> None:
        """Close every connection."""
        for engine in self.engines:
            engine.dispose()

    def start(self, module: str, *arguments: str) -> Talking:
        """Start a process that runs a module's `main` on these records."""
        return Talking(module, str(self.data), self.url or "", *arguments)


def lines_of(processes: Iterable[Talking], word: str = "") -> list[str]:
    """Send every process its line at once, and return what each printed. None may fail."""
    started = list(processes)
    for process in started:
        assert process.line() == "ready"
    for process in started:
        process.tell(word)
    return [process.ended() for process in started]


def killed_after_its_line(process: Talking) -> str:
    """Let a process print what it did, and stay; kill it then. Return what it printed."""
    line = process.told("stay")
    process.kill()
    return line
