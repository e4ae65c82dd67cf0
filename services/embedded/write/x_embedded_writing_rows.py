"""Writes rows into KATO's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice

from clickhouse_connect.driver.client import Client

from services.embedded.write.dataset import Row
from services.embedded.write.rows import TABLES, create_missing
from services.stores.clickhouse.connect import STORE, judge
from services.stores.faults import guarded

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
