"""How what is read of Redis, and its roll-up, cost more as a fleet grows: a line a size.

    python -m bench.growth [--keys 500000 1000000] [--kb-ids 1000 10000 50000] [--repeat 5]
                           [--csv FILE]

Everything is in passes of bare SCANs over the same keys, medians of one run that take turns, but
for the last four: a refresh in which nothing was written as a share of an exact pass, and in
microseconds a kb_id the roll-up, the same with every tenant looked at (which makes it an object),
and both where nothing changed since a roll-up of which all were looked at. What grows no faster
than the work stays the same down a column.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections.abc import Mapping
from pathlib import Path

import redis

from bench.keys import bare_pass, store_of
from bench.measure import LEAST, Run, fill_keyspace, median, side_by_side, valkey
from services.tenancy.kb_ids import NamingSchemes
from services.tenancy.ownership import Ownership
from services.usage.rollup import Readings, roll_up

COUNT = 1_000

ROLL_UPS = ("rollup", "objects", "again")
COLUMNS = (
    "keys", "kb_ids", "bare_ms", "counts", "exact", "sampled", "still_share",
    *(f"{name}_us" for name in ROLL_UPS),
)  # fmt: skip


def measured(keys: int, kb_ids: int, repeat: int) -> Mapping[str, float]:
    """Fill a server and return what each way of reading it costs."""
    with valkey() as server, redis.Redis(port=server.port) as client:
        tenants = max(kb_ids // 5, 1)
        fill_keyspace(server.port, keys=keys, knowledge_bases=kb_ids, tenants=tenants)
        exact = store_of(client, count=COUNT, budget=sys.maxsize)
        sampled = store_of(client, count=COUNT, budget=0)
        last = exact.read()
        assert last.mark is not None, "something writes to the server"
        readings, ownership = Readings(keys=last), Ownership((), schemes=NamingSchemes.of())
        before = roll_up(readings, ownership)  # whose each kb_id is, is worked out once
        list(before.tenants)
        cases: dict[str, Run] = {
            "bare": lambda: bare_pass(server.port, COUNT),
            "counts": lambda: exact.read(memory=False),
            "exact": exact.read,
            "sampled": sampled.read,
            "still": lambda: exact.read(last=last),
            "rollup": lambda: roll_up(readings, ownership),
            "objects": lambda: list(roll_up(readings, ownership).tenants),
            "again": lambda: list(roll_up(readings, ownership, before=before).tenants),
        }
        took = {name: median(each) for name, each in side_by_side(cases, repeat=repeat).items()}
    in_passes = {name: took[name] / took["bare"] for name in ("counts", "exact", "sampled")}
    return {
        "keys": keys, "kb_ids": kb_ids, "bare_ms": took["bare"] * 1e3, **in_passes,
        "still_share": took["still"] / took["exact"],
        **{f"{name}_us": took[name] / kb_ids * 1e6 for name in ROLL_UPS},
    }  # fmt: skip


def main() -> int:
    """Print the table, and write it where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, nargs="+", default=[500_000, 1_000_000])
    parser.add_argument("--kb-ids", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rows = []
    print("".join(f"{name:>12}" for name in COLUMNS))
    for keys, kb_ids in itertools.product(options.keys, options.kb_ids):
        if keys < (LEAST + 1) * kb_ids:
            continue
        rows.append(measured(keys, kb_ids, options.repeat))
        print("".join(f"{rows[-1][name]:>12,.4g}" for name in COLUMNS), flush=True)
    if options.csv:
        with options.csv.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
