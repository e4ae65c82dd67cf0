"""The past of a large fleet in ClickHouse: what a year of it takes there, and to read it.

    python -m bench.history_place [--tenants 400] [--days 365] [--changing 0.1]

The same fleet as in `bench.history`, but the figures of all tenants differ: what is alike would be
compressed away. Its rows come as the product sends them, an hour's and a day's together. What it
takes is told as of 10,000 tenants; the engine is chDB.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import defaultdict
from contextlib import closing
from functools import partial
from pathlib import Path

import clickhouse_connect

from bench.history import END, of_tenant, read
from bench.measure import verdict
from services.history.models import Grain, Holder, OwnerKind
from services.history.rows import Row
from services.stores.clickhouse.history import STORE, ClickHouseHistory
from services.stores.clickhouse.history_table import TABLE
from services.stores.clickhouse.query import ClickHouse
from services.stores.records.database import open_database
from services.stores.records.history_ledger import HistoryLedger

_SIZE = """
SELECT sum(rows), sum(bytes_on_disk) FROM system.parts
WHERE active AND database = {db:String} AND table = {table:String}
"""


def fill(store: ClickHouseHistory, tenants: int, days: int, part: float) -> None:
    """Record a year, by spans of a month: what one insert has is sorted together anyway."""
    chance = random.Random(7)
    found: dict[tuple[Grain, int], dict[int, dict[Holder, Row]]] = defaultdict(dict)
    for at in range(tenants):
        holder = Holder(OwnerKind.TENANT, f"tenant/t{at:05d}")
        for grain, start, row in of_tenant(days, part, chance):
            month = found[grain, start // (30 * Grain.DAY.seconds)]
            month.setdefault(start, {})[holder] = row
    for (grain, _), rows in found.items():
        store.roll_up(grain, rows, END, after=store.head())  # a head of its own for each grain


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=400)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--changing", type=float, default=0.1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        connect = partial(clickhouse_connect.get_client, interface="chdb", path=f"{place}/chdb")
        with closing(connect()) as client:
            client.command("CREATE DATABASE usage")
            engine = open_database(Path(place))
            clickhouse = ClickHouse(connect, database="usage", store=STORE)
            store = ClickHouseHistory(
                clickhouse, partial(HistoryLedger, engine), seconds=60, long=600
            )
            fill(store, options.tenants, options.days, options.changing)
            client.command(f"OPTIMIZE TABLE usage.{TABLE} FINAL")
            found = client.query(_SIZE, parameters={"db": "usage", "table": TABLE})
            ((rows, size),) = found.result_rows
            met = read(store, options.tenants, options.days)
            clickhouse.close()
            engine.dispose()
    print(f"     {rows:,} rows of {options.tenants:,} tenants, {size / rows:.0f} bytes each")
    size *= 10_000 / options.tenants
    met.append(verdict("a year of 10,000 tenants", size / 1e9, at_most=0.3, unit="GB"))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
