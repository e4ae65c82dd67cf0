"""A whole KATO deployment on real sockets, each store of which can fail on demand.

ClickHouse's and Qdrant's HTTP faces over real engines, a real Valkey behind a proxy, and the KATO
stand-in behind another. `environment` is what a dashboard would be configured with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch
from urllib.parse import urlsplit

import redis
from clickhouse_connect.driver.client import Client
from qdrant_client import QdrantClient

from services.embedded.kato.server import StandInServer
from services.embedded.write.stores import Targets, write
from services.stores.kato import around
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import Dropped, HttpServer, Refused, Slow
from tests.servers.proxy import FaultyProxy
from tests.servers.qdrant_http import qdrant_http
from tests.servers.written import Written

SECRET = "hunter2"
STORES = ("clickhouse", "redis", "qdrant", "kato")
FAULTS = ("down", "slow", "dropped")
QUICK_FAULTS = ("down", "dropped")
"""Faults that show at once.

A slow store raises what these do, after a wait: every adapter's own tests show it. So does
`test_usage` for each store, on a whole deployment.
"""
LATE_SECONDS = 30.0
_ANY_HOST = "127.1"
"""The same address: of one called 127.0.0.1 qdrant-client makes a connection for each request."""
IMPATIENT = {"KATO_TENANTS_TIMEOUT_SECONDS": "5"}
"""More settings, for a dashboard that is to give a slow store up soon, and a busy one not."""


@dataclass(frozen=True)
class Deployment:
    """The running stores, and clients of the real engines behind them."""

    clickhouse: HttpServer
    redis: FaultyProxy
    qdrant: HttpServer
    kato: FaultyProxy
    targets: Targets

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point a dashboard at this deployment."""
        return {
            "CLICKHOUSE_HOST": "127.0.0.1",
            "CLICKHOUSE_PORT": str(self.clickhouse.port),
            "CLICKHOUSE_PASSWORD": SECRET,
            "CLICKHOUSE_DB": self.targets.database,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "QDRANT_URL": f"http://{_ANY_HOST}:{self.qdrant.port}",
            "QDRANT_API_KEY": SECRET,
            "KATO_API_URL": f"http://127.0.0.1:{self.kato.port}",
            "KATO_TENANTS_TIMEOUT_SECONDS": "60",  # a busy machine is not a slow store
            "KATO_TENANTS_SETTLE_SECONDS": "0",
        }

    def fail(self, store: str, fault: str) -> None:
        """Make one store fail: `down`, `slow` (answers after 30 s), `dropped` half-way."""
        match getattr(self, store), fault:
            case HttpServer() as server, "down":
                server.go_down()
            case HttpServer() as server, "slow":
                server.fail(Slow(LATE_SECONDS))
            case HttpServer() as server, "dropped":
                server.fail(Dropped())
            case HttpServer() as server, "denied":
                server.fail(Refused())
            case FaultyProxy() as proxy, "down":
                proxy.refuse()
            case FaultyProxy() as proxy, "slow":
                proxy.slow(LATE_SECONDS)
            case FaultyProxy() as proxy, "dropped":
                proxy.drop_after_bytes(40)
            case _:
                raise ValueError(f"{store} cannot be {fault}")

    def heal(self) -> None:
        """Make every store answer again."""
        for store in STORES:
            match getattr(self, store):
                case HttpServer() as server:
                    server.heal()
                    server.go_down()
                    server.come_back()
                case FaultyProxy() as proxy:
                    proxy.passing()


@contextmanager
def deployment(
    dataset: Written, *, chdb_path: str, clickhouse: Client, redis_client: redis.Redis, port: int
) -> Iterator[Deployment]:
    """Load a dataset into real engines and serve them.

    Its KATO is one worker, which nobody has to ask eight times over whether it has siblings.
    """
    with ExitStack() as stack:
        qdrant = QdrantClient(":memory:")
        stack.callback(qdrant.close)
        assert clickhouse.database
        targets = Targets(clickhouse, redis_client, qdrant, clickhouse.database)
        write(dataset.rest, targets)
        dataset.copy_rows(clickhouse)
        dataset.copy_keys(redis_client)
        stack.enter_context(patch.multiple(around, AT_ONCE=1, QUIET=1))
        standin = StandInServer(redis_client)
        stack.callback(standin.close)
        standin_port = urlsplit(standin.url).port
        assert standin_port
        yield Deployment(
            stack.enter_context(clickhouse_http(chdb_path, password=SECRET)),
            stack.enter_context(FaultyProxy("127.0.0.1", port)),
            stack.enter_context(qdrant_http(qdrant, api_key=SECRET, indexed={"kato_vectors"})),
            stack.enter_context(FaultyProxy("127.0.0.1", standin_port)),
            targets,
        )
