"""KATO's tables in ClickHouse, as KATO 3.10.1 makes them, and rows to put into them."""

from __future__ import annotations

from collections.abc import Iterable

from clickhouse_connect.driver.client import Client

from services.settings.environment import Settings
from tests.conftest import CAPTURE
from tests.servers.faults import HttpServer

PASSWORD = "pass'w:ö%rd-7f3a"

MANY_PARTITIONS = {"max_partitions_per_insert_block": 0}

TABLES = {
    "patterns_data": """
        CREATE TABLE {table:Identifier} (
            kb_id String, name String, pattern_data Array(Array(String)), length UInt32,
            token_set Array(String), token_count UInt32, minhash_sig Array(UInt32),
            lsh_bands Array(UInt64), first_token String, last_token String,
            created_at DateTime DEFAULT now(), updated_at DateTime DEFAULT now(),
            INDEX by_length length TYPE minmax GRANULARITY 4,
            INDEX by_token token_set TYPE bloom_filter(0.01) GRANULARITY 1
        ) ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, length, name)
    """,
    "lsh_buckets": """
        CREATE TABLE {table:Identifier} (
            kb_id String, band_index UInt8, band_hash UInt64, pattern_name String
        ) ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, band_index, band_hash)
    """,
    "pattern_stats": """
        CREATE TABLE {table:Identifier} (
            kb_id String, date Date, total_patterns UInt64, avg_length Float64,
            avg_token_count Float64, min_length UInt32, max_length UInt32
        ) ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, date)
    """,
}


def make_tables(client: Client) -> None:
    """Make KATO's tables in the client's database."""
    for table, statement in TABLES.items():
        client.command(statement, parameters={"table": table})


def load_capture(client: Client) -> None:
    """Make KATO's tables, with the rows of the capture."""
    make_tables(client)
    rows = (CAPTURE / "clickhouse_patterns_data.jsonl").read_bytes()
    client.raw_insert(
        "patterns_data", insert_block=rows, fmt="JSONEachRow", settings=MANY_PARTITIONS
    )


def add_patterns(
    client: Client, kb_ids: Iterable[str | bytes], *, each: int = 1, table: str = "patterns_data"
) -> None:
    """Insert so many rows for each kb_id, the bytes of its name as they are."""
    names = [kb_id.encode() if isinstance(kb_id, str) else kb_id for kb_id in kb_ids]
    client.insert(
        table,
        [[name, f"pattern {number}".encode()] for name in names for number in range(each)],
        column_names=["kb_id", "name"],
        column_type_names=["String", "String"],
        settings=MANY_PARTITIONS,
    )


def settings_for(
    server: HttpServer, database: str, *, password: str = PASSWORD, seconds: float = 20
) -> Settings:
    """Point the settings at a server."""
    return Settings(
        CLICKHOUSE_HOST="127.0.0.1",
        CLICKHOUSE_PORT=server.port,
        CLICKHOUSE_PASSWORD=password,
        CLICKHOUSE_DB=database,
        KATO_TENANTS_TIMEOUT_SECONDS=seconds,
    )
