"""A ClickHouse database for usage over time, over HTTP, as the product opens it."""

from __future__ import annotations

from contextlib import ExitStack

from services.settings.environment import Settings
from services.stores.clickhouse.history import ClickHouseHistory
from services.stores.history_place import history_at
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import HttpServer
from tests.servers.records import Records

PASSWORD = "ü/p@ss"
_IN_URL = "%C3%BC%2Fp%40ss"


def history_server(path: str) -> HttpServer:
    """Serve the engine at a path."""
    return clickhouse_http(path, password=PASSWORD)


def history_url(server: HttpServer, database: str) -> str:
    """Return what the setting takes."""
    return f"http://default:{_IN_URL}@127.0.0.1:{server.port}/{database}"


def history_in(
    server: HttpServer, database: str, records: Records, *, seconds: float = 20
) -> ClickHouseHistory:
    """Open it once more, as another process would, with its books in these records."""
    settings = Settings(KATO_TENANTS_TIMEOUT_SECONDS=seconds)
    return history_at(history_url(server, database), settings, records.engine(), ExitStack())
