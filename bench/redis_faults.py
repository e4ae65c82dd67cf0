"""Faults on a real Redis Cluster while it is read and purged, round after round.

    python -m bench.redis_faults [--program valkey_9|redis_7] [--first 0 --rounds 20]

Each round says what was done to the cluster (nodes killed, replicas that took over, slots moved),
how many passes were read and how many void, and what the purge came to. It ends at the first round
in which a bystander lost anything, a pass was short, or a purge said erased what was there; that
round's seed does the same faults again, as far as a machine does the same at the same time.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.servers.cluster_faults import rounds


def main() -> int:
    """Run everything; an AssertionError ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default="valkey_9", choices=["valkey_9", "redis_7"])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.rounds)
    folder, began = Path(tempfile.mkdtemp(prefix="kt-faults-")), time.monotonic()
    try:
        for one in rounds(folder, options.program, seeds):
            told = ", ".join(f"{name.strip('_')} {count}" for name, count in one.done.items())
            print(f"{one.seed:>5}  {time.monotonic() - began:7.1f} s  {told}", flush=True)
            for problem in one.problems:
                print(f"       {problem}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
