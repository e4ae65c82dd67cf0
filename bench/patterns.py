"""Patterns of a whole fleet: one look at the catalogue beside two queries for each kb_id.

    python -m bench.patterns [--kb-ids 5000] [--rows 100000] [--asked 50] [--repeat 7]

The engine is ClickHouse's own, in this process: what a query costs on the network is on top, and
would weigh on the many queries only. These are asked for some of the kb_ids and multiplied.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from tempfile import TemporaryDirectory

from clickhouse_connect.driver.client import Client

from bench.clickhouse import DATABASE, clickhouse, fill_patterns
from bench.measure import kb_ids, median, side_by_side, spread, verdict
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from services.usage.readings import PatternReading

_COUNT = "SELECT count() FROM {db:Identifier}.patterns_data WHERE kb_id = {kb_id:String}"
_BYTES = """
SELECT sum(bytes_on_disk) FROM system.parts
WHERE database = {db:String} AND table = 'patterns_data' AND active AND partition = {kb_id:String}
"""


def ask_each(client: Client, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Ask for rows and bytes of each kb_id, in two queries."""
    return {
        name: tuple(
            client.query(query, {"db": DATABASE, "kb_id": name}).result_rows[0][0]
            for query in (_COUNT, _BYTES)
        )
        for name in names
    }


def check(readings: Sequence[PatternReading], each: dict[str, tuple[int, int]]) -> None:
    """Make sure that all ways have the same figures."""
    for reading in readings:
        found = {u.kb_id: (u.amount.count, u.amount.bytes) for u in reading.usages}
        assert all(found[name] == figures for name, figures in each.items())


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kb-ids", type=int, default=5_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--asked", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    names = kb_ids(options.kb_ids, tenants=max(1, options.kb_ids // 5))
    asked = random.Random(5).sample(names, min(options.asked, len(names)))
    with TemporaryDirectory(prefix="kt-bench-") as data, clickhouse(data) as connect:
        client = connect()
        fill_patterns(client, names, rows=options.rows)
        print(f"{len(names):,} kb_ids, {options.rows:,} rows; two queries each: of {len(asked)}")
        engine = ClickHouse(connect, database=DATABASE)
        store = PatternStore(engine)
        check([store.quick(), store.read()], ask_each(client, asked))
        times = side_by_side(
            {
                "counts and bytes, by the catalogue": store.quick,
                "exact, with first and last write": store.read,
                f"two queries for {len(asked)} kb_ids": lambda: ask_each(client, asked),
            },
            repeat=options.repeat,
        )
        engine.close()
        client.close()
    return 0 if judge(times, scale=len(names) / len(asked)) else 1


def judge(times: dict[str, list[float]], *, scale: float) -> bool:
    """Print the ratios."""
    for name, found in times.items():
        print(f"     {name:<40} {spread(found)}")
    quick, exact, each = map(median, times.values())
    met = [
        verdict("two queries each / counts and bytes", each * scale / quick, at_least=1000),
        verdict("two queries each / exact, with writes", each * scale / exact, at_least=200),
    ]
    return all(met)


if __name__ == "__main__":
    sys.exit(main())
