"""A PostgreSQL server of the tests' own, on a private socket, with its data in a temporary folder.

A cluster that the system runs is left alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import psycopg

from services.stores.records.database import open_database

START_SECONDS = 240
_ROOM = 2 << 30  # bytes; a server takes some 100 MB, and every worker has one
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


def find() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest version's, or None."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number)
    folders = [*reversed(debian), *(Path(path) for path in os.get_exec_path())]
    return next((path for path in folders if (path / "initdb").exists()), None)


class Postgres:
    """A running server; every test gets a database of its own."""

    def __init__(self, folder: Path, pid: int) -> None:
        self._folder, self._pid = folder, pid
        self._numbers = count(1)
        self._with_tables = ""

    def new_database(self) -> str:
        """Create an empty database, and return its URL."""
        return self.url(self._created("template1"))

    def copied_database(self) -> str:
        """Create one with this product's tables, which are made once and copied; return its URL."""
        if not self._with_tables:
            made = self._created("template1")
            open_database(self._folder, self.url(made), seconds=60).dispose()
            self._with_tables = made
        return self.url(self._created(self._with_tables))

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still in it."""
        name = url.partition("@/")[2].partition("?")[0]
        with self._connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _created(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        with self._connect() as connection:
            # by its files, as before version 15: to log every page takes three times as long
            files = " STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}{files}".encode())
        return name

    def url(self, name: str) -> str:
        """Return the URL of a database, as it is documented."""
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    @staticmethod
    def dump(url: str) -> str:
        """Return all that a database holds, as `pg_dump` writes it."""
        programs = find()
        assert programs is not None
        return subprocess.run(
            [programs / "pg_dump", url.replace("postgresql+psycopg", "postgresql")],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop every process of the server in the block: it takes what is sent, and says nothing.

        Those that it starts for new connections too, since it starts none while it is stopped.
        """
        stopped = [psutil.Process(self._pid), *psutil.Process(self._pid).children(recursive=True)]
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it takes connections."""
        ends = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                assert process.poll() is None, "PostgreSQL ended: see its log"
                assert time.monotonic() < ends, "PostgreSQL did not start"
                time.sleep(0.05)
            else:
                return

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self._folder), user="postgres", dbname="postgres", autocommit=True
        )


@contextmanager
def running() -> Iterator[Postgres]:
    """Start a server and stop it again. It does not run as root, so root lends it a user."""
    programs = find()
    assert programs is not None, "no PostgreSQL: run `make needs`"
    # short: a socket's path is
    folder = Path(tempfile.mkdtemp(prefix="kato-tenants-pg-", dir=_roomy_memory()))
    lent: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": ()}
    user = lent if _is_root() else {}
    if user:
        shutil.chown(folder, "postgres", "postgres")
    try:
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust",
             "--encoding=UTF8", "--locale=C", "--no-sync"],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, **user,
        )  # fmt: skip
        yield from _served(programs, folder, data, user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _served(programs: Path, folder: Path, data: Path, user: dict[str, Any]) -> Iterator[Postgres]:
    options = [part for option in QUICK for part in ("-c", option)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, *options],
            cwd=folder, stdout=log, stderr=log, **user,
        )  # fmt: skip
        try:
            server = Postgres(folder, process.pid)
            server.wait(process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # fast: open connections are cut
            process.wait(timeout=240)


def _roomy_memory() -> Path | None:
    """Where files cost nothing: a database has 300, and every test makes one. None: on the disk."""
    found = Path("/dev/shm")  # containers have 64 MB of it
    if not (found.is_dir() and os.access(found, os.W_OK)):
        return None
    return found if shutil.disk_usage(found).free > _ROOM else None


def _is_root() -> bool:
    return os.geteuid() == 0


def _number(path: Path) -> float:
    try:
        return float(path.parent.name)
    except ValueError:
        return 0.0
