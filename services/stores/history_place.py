"""Opens the ClickHouse in which a large fleet's usage over time is kept."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from services.settings.environment import Settings
from services.settings.history_place import place_of
from services.stores.clickhouse.connect import Server, connecting_to
from services.stores.clickhouse.history import STORE, ClickHouseHistory
from services.stores.clickhouse.query import ClickHouse
from services.stores.records.database import Database
from services.stores.records.history_ledger import HistoryLedger


def history_at(
    url: str, settings: Settings, database: Database, stack: ExitStack
) -> ClickHouseHistory:
    """Return what keeps usage over time there; its books are in this product's own records.

    Nothing is sent before it is used. `stack` closes its connections.
    """
    place = place_of(url)
    server = Server(place.host, place.port, place.user, place.password, place.secure)
    connect = connecting_to(server, usual=settings.timeout_seconds)
    slow = partial(connect, seconds=settings.pass_seconds)
    clickhouse = ClickHouse(connect, database=place.database, connect_slow=slow, store=STORE)
    stack.callback(clickhouse.close)
    return ClickHouseHistory(
        clickhouse, partial(HistoryLedger, database), seconds=settings.timeout_seconds,
        long=settings.pass_seconds,
    )  # fmt: skip
