"""KATO 3.10.1's tables in ClickHouse: their columns, and how to create them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

_PATTERNS = """
CREATE TABLE IF NOT EXISTS {database:Identifier}.patterns_data (
    kb_id String,
    name String,
    pattern_data Array(Array(String)),
    length UInt32,
    token_set Array(String),
    token_count UInt32,
    minhash_sig Array(UInt32),
    lsh_bands Array(UInt64),
    first_token String,
    last_token String,
    created_at DateTime,
    updated_at DateTime,
    INDEX length_range length TYPE minmax GRANULARITY 4,
    INDEX token_count_range token_count TYPE minmax GRANULARITY 4,
    INDEX tokens token_set TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, length, name)
"""

_BUCKETS = """
CREATE TABLE IF NOT EXISTS {database:Identifier}.lsh_buckets (
    kb_id String,
    band_index UInt8,
    band_hash UInt64,
    pattern_name String
) ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, band_index, band_hash)
"""

_STATS = """
CREATE TABLE IF NOT EXISTS {database:Identifier}.pattern_stats (
    kb_id String,
    date Date,
    total_patterns UInt64,
    avg_length Float64,
    avg_token_count Float64,
    min_length UInt32,
    max_length UInt32
) ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, date)
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One of KATO's tables: its columns with their types, in order, and its DDL."""

    name: str
    columns: Mapping[str, str]
    create: str


def _table(name: str, ddl: str) -> Table:
    """Read the columns out of the DDL, so that they are written down once."""
    lines = [line.strip().rstrip(",") for line in ddl.splitlines()]
    at = slice(2, next(i for i, line in enumerate(lines) if line.startswith((")", "INDEX"))))
    parts = (line.split(" ", 1) for line in lines[at])
    columns = {part[0]: part[1] for part in parts}
    return Table(name, columns, ddl)


TABLES: Mapping[str, Table] = {
    name: _table(name, ddl)
    for name, ddl in (
        ("patterns_data", _PATTERNS),
        ("lsh_buckets", _BUCKETS),
        ("pattern_stats", _STATS),
    )
}
"""KATO's tables by name."""


def create_missing(client: Client, database: str) -> None:
    """Create KATO's database and tables where they are missing. Raises the driver's errors."""
    parameters = {"database": database}
    client.command("CREATE DATABASE IF NOT EXISTS {database:Identifier}", parameters=parameters)
    for table in TABLES.values():
        client.command(table.create, parameters=parameters)
