"""How what is read of Redis, and its roll-up, cost more as a fleet grows: a line a size.

    python -m bench.growth [--keys 500000 1000000] [--kb-ids 1000 10000 50000] [--repeat 5]
                           [--report bench/reports]

In microseconds of processors, of this process and the server together, medians of one run that
take turns: for each key a bare SCAN pass, and passes with counts, with exact and with sampled
memory; for each kb_id KATO's counters, the roll-up, the same with every tenant looked at (which
makes it an object), and both where nothing changed since a roll-up of which all were looked at.
`still` is a refresh in which nothing was written, in microseconds. What grows no faster than the
work stays the same down a column. `--report` writes the table and draws it,
with what it has of other sizes from before.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import psutil
import redis

from bench.growth_plot import write_report
from bench.keys import bare_pass, store_of
from bench.measure import LEAST, Run, costs, fill_keyspace, median, valkey
from services.bootstrap import NEW_OBJECTS
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.rollup import Readings, roll_up

COUNT = 1_000

PASSES = ("bare", "counts", "exact", "sampled")
BY_KB_ID = ("counters", "rollup", "objects", "again")
COLUMNS = ("keys", "kb_ids", *PASSES, *BY_KB_ID, "still")


def measured(keys: int, kb_ids: int, repeat: int) -> Mapping[str, float]:
    """Fill a server and return what each way of reading it costs, in microseconds."""
    with valkey() as server, redis.Redis(port=server.port) as client:
        tenants = max(kb_ids // 5, 1)
        names = fill_keyspace(server.port, keys=keys, knowledge_bases=kb_ids, tenants=tenants)
        exact = store_of(client, count=COUNT, budget=sys.maxsize)
        sampled = store_of(client, count=COUNT, budget=0)
        time.sleep(1.1)  # within a second of its start the server does not tell of writes
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
            "counters": lambda: exact.estimate(names),
            "rollup": lambda: roll_up(readings, ownership),
            "objects": lambda: list(roll_up(readings, ownership).tenants),
            "again": lambda: list(roll_up(readings, ownership, before=before).tenants),
            "still": lambda: exact.read(last=last),
        }
        process = psutil.Process(client.info("server")["process_id"])
        found = costs(cases, process, repeat=repeat).processor
    took = {name: median(each) * 1e6 for name, each in found.items()}
    took |= {name: took[name] / keys for name in PASSES}
    took |= {name: took[name] / kb_ids for name in BY_KB_ID}
    return {"keys": keys, "kb_ids": kb_ids, **took}


def main() -> int:
    """Print the table, and write it where a folder is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, nargs="+", default=[500_000, 1_000_000])
    parser.add_argument("--kb-ids", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    gc.set_threshold(NEW_OBJECTS)
    rows = []
    print("".join(f"{name:>12}" for name in COLUMNS))
    for keys, kb_ids in itertools.product(options.keys, options.kb_ids):
        if keys < (LEAST + 1) * kb_ids:
            continue
        rows.append(measured(keys, kb_ids, options.repeat))
        print("".join(f"{rows[-1][name]:>12,.4g}" for name in COLUMNS), flush=True)
        if options.report:
            write_report(pd.DataFrame(rows, columns=list(COLUMNS)), options.report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
