"""The embedded engines: ClickHouse's in process, a Valkey, Qdrant's local mode, a KATO stand-in.

All their data lives under one directory, which one process at a time can hold.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import clickhouse_connect
import redis
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from qdrant_client import QdrantClient

from services.embedded.kato.server import StandInServer
from services.embedded.keeper import Keeper
from services.embedded.lock import DirectoryLock
from services.embedded.qdrant import open_local
from services.embedded.sample import fill as sample
from services.embedded.valkey import ValkeyProcess, client_of
from services.embedded.write.rows import create_missing
from services.embedded.write.stores import LoadReport, Targets
from services.errors import SettingsError, StoreUnavailable
from services.settings.environment import Settings
from services.settings.private_files import DATA_VARIABLE, make_private

CLOSE_SECONDS = 10.0
ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class EmbeddedSet:
    """The running engines of one data directory.

    `connect_clickhouse()` returns a new client of KATO's `database`: one for each thread that
    asks at the same time; they are closed with the set. `redis` and `qdrant` may be shared by
    threads; `redis_url` is the unix:// URL of the former. `kato_url` is the stand-in's address.
    `sample` says what was loaded just now, if anything was. `close` may be called again, and is
    called at exit. `note` says what somebody should know of the Valkey, which is a process of its
    own and is started again when it ends by itself; the others are in this one.
    """

    data: Path
    database: str
    connect_clickhouse: Callable[[], Client]
    redis: redis.Redis
    redis_url: str
    qdrant: QdrantClient
    kato_url: str
    sample: LoadReport | None
    close: Callable[[], None] = field(repr=False)
    note: Callable[[], str] = field(default=lambda: "", repr=False)


def start(
    data: Path,
    *,
    fill: Literal["sample", "empty"] = "empty",
    database: str = "kato",
    service: str = "kato",
) -> EmbeddedSet:
    """Start the engines on a data directory, with KATO's tables in place.

    With `fill="sample"` empty engines are filled with the sample fleet. Raises EmbeddedBusy at
    once when another process, or this one, holds the directory; SettingsError when it cannot be
    used or the engines are not installed; StoreError when an engine does not start. Nothing is
    left running then.
    """
    if "?" in str(data):
        raise SettingsError(DATA_VARIABLE, "a path with a question mark cannot be used")
    with ExitStack() as stack:
        engines = _start(data, database, stack)
        filled = _fill(data, engines, service=service) if fill == "sample" else None
        standin = StandInServer(engines.redis, service=service)
        stack.callback(standin.close)
        close = _once(stack.pop_all().close)
    atexit.register(close)
    return EmbeddedSet(
        data=data,
        database=database,
        connect_clickhouse=engines.clickhouse.connect,
        redis=engines.redis,
        redis_url=engines.redis_url,
        qdrant=engines.qdrant,
        kato_url=standin.url,
        sample=filled,
        close=close,
        note=engines.note,
    )


def started(settings: Settings, stack: ExitStack) -> EmbeddedSet:
    """Start the engines as the settings say; `stack` closes them. Raises what `start` does."""
    engines = start(
        settings.data,
        fill=settings.fill,
        database=settings.clickhouse_db,
        service=settings.service_name,
    )
    stack.callback(engines.close)
    return engines


@dataclass(frozen=True)
class _Engines:
    clickhouse: _ClickHouse
    redis: redis.Redis
    redis_url: str
    qdrant: QdrantClient
    database: str
    note: Callable[[], str]


def _start(data: Path, database: str, stack: ExitStack) -> _Engines:
    lock = DirectoryLock.acquire(data)
    stack.callback(lock.release)
    valkey = ValkeyProcess(data / "valkey")  # reads its data back while the others start
    stack.callback(valkey.stop)
    clickhouse = _ClickHouse(data / "clickhouse", database, on_stuck=lock.keep)
    stack.callback(clickhouse.close)
    qdrant = open_local(data / "qdrant")
    stack.callback(qdrant.close)
    valkey.wait_until_ready()
    keeper = Keeper(valkey)
    stack.callback(keeper.stop)
    client = client_of(valkey.url, seconds=ANSWER_SECONDS)
    stack.callback(client.close)
    return _Engines(clickhouse, client, valkey.url, qdrant, database, keeper.note)


def _fill(data: Path, engines: _Engines, *, service: str) -> LoadReport | None:
    with closing(engines.clickhouse.connect()) as clickhouse:
        targets = Targets(clickhouse, engines.redis, engines.qdrant, engines.database)
        return sample.fill(data, targets, service=service)


def _once(close: Callable[[], object]) -> Callable[[], None]:
    """Make a close that several threads may call, and that leaves no trace at exit."""
    turn = threading.Lock()

    def close_once() -> None:
        with turn:
            close()
        atexit.unregister(close_once)

    return close_once


class _ClickHouse:
    """ClickHouse's engine in this process: one path at a time, any number of clients.

    `on_stuck` is called when a query does not let the engine be closed.
    """

    def __init__(self, directory: Path, database: str, *, on_stuck: Callable[[], None]) -> None:
        make_private(directory)
        self._path = str(directory.resolve())
        self._database = database
        self._on_stuck = on_stuck
        self._turn = threading.Lock()
        self._closed = False
        self._clients: weakref.WeakSet[Client] = weakref.WeakSet()
        self._keeper = self._open(None)  # the engine lives as long as one client is open
        try:
            create_missing(self._keeper, database)
        except ClickHouseError as exc:
            self.close()
            raise _no_clickhouse("KATO's tables could not be created") from exc

    def connect(self) -> Client:
        """Return a new client of the database. Raises StoreUnavailable."""
        return self._open(self._database)

    def close(self) -> None:
        """Close every client that is left; waits at most 10 s for what they are doing."""
        with self._turn:
            self._closed = True
            clients = tuple(self._clients)
        closing = threading.Thread(target=_close_all, args=(clients,), daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        if closing.is_alive():
            self._on_stuck()

    def _open(self, database: str | None) -> Client:
        with self._turn:
            if self._closed:
                raise _no_clickhouse("it was stopped")
            client = self._client(database)
            self._clients.add(client)
            return client

    def _client(self, database: str | None) -> Client:
        try:
            return clickhouse_connect.get_client(
                interface="chdb", path=self._path, database=database
            )
        except ImportError as exc:
            reason = "not set, and the embedded engines are not installed: kato-tenants[embedded]"
            raise SettingsError("CLICKHOUSE_HOST", reason) from exc
        except ClickHouseError as exc:
            raise _no_clickhouse(f"its engine did not open {self._path}") from exc


def _close_all(clients: tuple[Client, ...]) -> None:
    for client in clients:
        client.close()


def _no_clickhouse(reason: str) -> StoreUnavailable:
    return StoreUnavailable("clickhouse", "running the embedded ClickHouse", reason)
