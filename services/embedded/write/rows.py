"""KATO 3.10.1's tables in ClickHouse: their columns, how to create them, and writing their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING

from services.embedded.write.dataset import Row
from services.stores.clickhouse.connect import STORE, judge
from services.stores.faults import guarded

if TYPE_CHECKING:
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


_BATCH = 5000
_LOADING = "loading rows"
_SETTINGS: Mapping[str, int] = {"max_partitions_per_insert_block": 0}  # a partition is a kb_id

_COUNT = "SELECT sum(total_rows) FROM system.tables WHERE database = {database:String}"
_THERE = """
SELECT kb_id, name FROM {database:Identifier}.patterns_data
WHERE (kb_id, name) IN {names:Array(Tuple(String, String))}
"""


def count(client: Client, database: str) -> int:
    """Count the rows of every table of a database; of one that is missing, 0."""
    with guarded(STORE, "looking for rows", partial(judge, database=database)):
        found = client.query(_COUNT, parameters={"database": database}).result_rows
    return int(found[0][0] or 0)


def write(client: Client, database: str, rows: Iterator[Row], *, merge: bool) -> Counter[str]:
    """Write rows, creating what is missing; with `merge`, no pattern is written twice."""
    counts: Counter[str] = Counter()
    with guarded(STORE, "creating KATO's tables", partial(judge, database=database)):
        create_missing(client, database)
    for table, found in groupby(rows, key=lambda row: row.table):
        while batch := list(islice(found, _BATCH)):
            new = _new(client, database, batch) if merge and table == "patterns_data" else batch
            _insert(client, database, table, new)
            counts[f"rows:{table}"] += len(new)
            counts["skipped"] += len(batch) - len(new)
    return counts


def _new(client: Client, database: str, batch: Sequence[Row]) -> list[Row]:
    """Return the patterns that are not there yet: the table itself would take them twice."""
    names = [(row.values[0], row.values[1]) for row in batch]
    with guarded(STORE, _LOADING, partial(judge, database=database)):
        found = client.query(_THERE, parameters={"database": database, "names": names})
    there = set(map(tuple, found.result_rows))
    return [row for row in batch if (row.values[0], row.values[1]) not in there]


def _insert(client: Client, database: str, table: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    columns = TABLES[table].columns
    with guarded(STORE, _LOADING, partial(judge, database=database)):
        client.insert(
            table,
            [row.values for row in rows],
            database=database,
            column_names=list(columns),
            column_type_names=list(columns.values()),
            settings=dict(_SETTINGS),
        )
