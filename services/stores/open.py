"""Every engine, opened once in this process: from the settings, or as the embedded set has it.

An engine's driver is imported where that engine is configured: one takes more than a second.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from services.settings.environment import Settings
from services.stores.absent import AbsentStore, absent

if TYPE_CHECKING:
    import httpx
    from clickhouse_connect.driver.client import Client
    from qdrant_client import QdrantClient

    from services.stores.clickhouse.query import ClickHouse
    from services.stores.redis.link import Client as Keyspace

VARIABLES = {
    "clickhouse": "CLICKHOUSE_HOST, _PORT, _USER, _PASSWORD and _DB",
    "redis": "REDIS_URL",
    "qdrant": "QDRANT_URL (or QDRANT_HOST and _PORT) and QDRANT_API_KEY",
    "kato": "KATO_API_URL",
}
"""The settings of each engine, for advice on the screen."""


class Started(Protocol):
    """Engines that run already, and are closed by who started them."""

    @property
    def database(self) -> str:
        """The database of ClickHouse that has KATO's tables."""

    @property
    def connect_clickhouse(self) -> Callable[[], Client]:
        """What makes a new client of it."""

    @property
    def redis(self) -> Keyspace:
        """A client that threads may share."""

    @property
    def qdrant(self) -> QdrantClient:
        """A client that threads may share."""

    @property
    def kato_url(self) -> str:
        """The address of KATO's API."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The one client of each engine; of one that has no address, what says so."""

    clickhouse: ClickHouse
    redis: Keyspace
    qdrant: QdrantClient
    kato: httpx.Client


def engines_of(settings: Settings, started: Started | None, stack: ExitStack) -> Engines:
    """Open the configured engines, or take those that were started; `stack` closes what is ours.

    No request is made. Raises StoreMisconfigured or SettingsError for an address that cannot be
    used.
    """
    if started is not None:
        found = _over(started, settings)
        ours: tuple[Closable, ...] = (found.clickhouse, found.kato)
    else:
        found = _configured(settings)
        ours = (found.clickhouse, found.redis, found.qdrant, found.kato)
    for engine in ours:
        if not isinstance(engine, AbsentStore):
            stack.callback(engine.close)
    return found


class Closable(Protocol):
    """An engine that was opened here."""

    def close(self) -> None:
        """Close its connections."""


def _configured(settings: Settings) -> Engines:
    host = settings.clickhouse_host
    return Engines(
        clickhouse=_clickhouse(settings, host) if host else absent("clickhouse", "CLICKHOUSE_HOST"),
        redis=_redis(settings) if settings.redis_url else absent("redis", "REDIS_URL"),
        qdrant=_qdrant(settings)
        if settings.qdrant_url or settings.qdrant_host
        else absent("qdrant", "QDRANT_URL"),
        kato=_kato(settings, settings.kato_api_url.get_secret_value())
        if settings.kato_api_url
        else absent("kato", "KATO_API_URL"),
    )


def _clickhouse(settings: Settings, host: str) -> ClickHouse:
    from services.stores.clickhouse.connect import connecting
    from services.stores.clickhouse.query import ClickHouse

    connect = connecting(settings, host)
    return ClickHouse(
        connect,
        database=settings.clickhouse_db,
        connect_slow=partial(connect, seconds=settings.pass_seconds),
        connect_once=partial(connect, once=True),
        cluster=settings.clickhouse_cluster,
    )


def _redis(settings: Settings) -> Keyspace:
    from services.stores.redis.connect import client_of

    return client_of(settings)


def _qdrant(settings: Settings) -> QdrantClient:
    from services.stores.qdrant.connect import client_of

    return client_of(settings)


def _kato(settings: Settings, url: str) -> httpx.Client:
    from services.stores.kato.connect import client_at

    return client_at(url, timeout_seconds=settings.timeout_seconds)


def _over(started: Started, settings: Settings) -> Engines:
    from services.stores.clickhouse.query import ClickHouse

    return Engines(
        clickhouse=ClickHouse(started.connect_clickhouse, database=started.database),
        redis=started.redis,
        qdrant=started.qdrant,
        kato=_kato(settings, started.kato_url),
    )
