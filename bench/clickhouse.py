"""A ClickHouse in this process, full of KATO's patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from bench.measure import sizes
from services.embedded.write.rows import create_missing

DATABASE = "kato"

_FILL = """
INSERT INTO {db:Identifier}.patterns_data
SELECT kb_id, lower(hex(SHA1(concat(kb_id, toString(at))))), [['a', 'b'], ['c']], 3,
       ['a', 'b', 'c'], 3, range(100), range(20), 'a', 'c', now() - at * 60, now() - at
FROM (SELECT arrayJoin(arrayZip({names:Array(String)}, {rows:Array(UInt32)})) AS each,
             each.1 AS kb_id)
ARRAY JOIN range(each.2) AS at
SETTINGS max_partitions_per_insert_block = 0, max_insert_block_size = 10000000
"""

Connect = Callable[[], Client]


@contextmanager
def clickhouse(directory: str) -> Iterator[Connect]:
    """Open the engine on a directory, and yield what makes clients of it."""

    def connect() -> Client:
        return clickhouse_connect.get_client(interface="chdb", path=directory)

    keeper = connect()  # the engine lives as long as one client is open
    yield connect
    keeper.close()


def fill_patterns(client: Client, names: Sequence[str], *, rows: int) -> None:
    """Write so many rows, of very unequal kb_ids, each into a partition of its own."""
    create_missing(client, DATABASE)
    parts = sizes(rows, len(names), least=1)
    client.command(_FILL, parameters={"db": DATABASE, "names": list(names), "rows": parts})
