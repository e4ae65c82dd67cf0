"""A place for the product's own records, opened as often as a test likes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from services.stores.records.database import open_database
from services.stores.records.nodes import StateStore
from services.stores.records.purges.jobs import PurgeJobs
from tests.servers import ROOT


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

    def start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a process that runs a module's `main` on these records.

        It is started anew: one that is forked and talked to over pipes has twice, in a whole run,
        taken the process of the tests with it.
        """
        command = [sys.executable, "-m", module, str(self.data), self.url or "", *arguments]
        return subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )


def lines_of(processes: Iterable[subprocess.Popen[str]], word: str = "") -> list[str]:
    """Send every process its line at once, and return what each printed. None may fail."""
    started = list(processes)
    for process in started:
        _wait_for(process)
    for process in started:
        _tell(process, word)
    answers = [process.communicate(timeout=240)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * len(started)
    return answers


def killed_after_its_line(process: subprocess.Popen[str]) -> str:
    """Let a process print what it did, and stay; kill it then. Return what it printed."""
    _wait_for(process)
    _tell(process, "stay")
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    process.kill()
    process.communicate(timeout=240)
    return line


def _wait_for(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def _tell(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
