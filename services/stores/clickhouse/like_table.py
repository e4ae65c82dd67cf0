"""Tables that are made like another, to put its rows aside in."""

from __future__ import annotations

from clickhouse_connect.driver.binding import quote_identifier

from services.stores.clickhouse.ddl import WAITS, on_cluster, run
from services.stores.clickhouse.query import Asking
from services.tenancy.layout import text_of

ABOUT = """
SELECT groupArray((engine, partition_key, sorting_key, primary_key, sampling_key))
FROM system.tables WHERE database = {at:String} AND name = {name:String}
"""
_WINDOW = 1_000_000


def make_like(asking: Asking, operation: str, at: str, name: str, made: str) -> None:
    """Make a table with the columns, indices and keys of another, in its database.

    It is a plain MergeTree whatever the other is, so that its partitions can be attached there.
    Each server of a cluster gets one, so that a table is on all of them or on none.
    """
    (tables,) = asking.row(operation, ABOUT, {"at": at, "name": name})
    ((_, *keys),) = tables
    home, table, like = map(quote_identifier, (at, name, made))
    create = f"CREATE TABLE IF NOT EXISTS {home}.{like}{on_cluster(asking)} AS {home}.{table}"
    run(asking, operation, create + _engine(*map(text_of, keys)), {}, seconds=WAITS)


def _engine(partition: str, sorting: str, primary: str, sampling: str) -> str:
    """Write the engine of a table like one with these keys, as ClickHouse writes them itself."""
    keys = (("PARTITION BY", partition), ("PRIMARY KEY", primary), ("SAMPLE BY", sampling))
    written = "".join(f" {what} ({key})" for what, key in keys if key)
    order = f" ORDER BY ({sorting})" if sorting else " ORDER BY tuple()"
    window = f" SETTINGS non_replicated_deduplication_window = {_WINDOW}"
    return f" ENGINE = MergeTree{order}{written}{window}"
