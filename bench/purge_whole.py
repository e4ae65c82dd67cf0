"""A whole purge (plan, run, both proofs, receipt) beside a bare pass, and beside another build.

    python -m bench.purge_whole [--keys 1000000 --each 1000] [--repeat 5] [--beside CHECKOUT]

Only Redis is configured. `--beside` is a checkout of another version of this product (with the same
modules), whose purge of one tenant is timed in the same run, on the same keyspace. Prints ratios of
medians.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import redis

from bench.keys import bare_pass
from bench.measure import fill, fill_keyspace, kb_commands, median, seconds, spread, valkey, verdict

ONCE = """
import json, sys, time
from datetime import UTC, datetime
from services import bootstrap
from services.tenancy.kb_ids import TenantKey
from services.purge.models import Request, Target
from services.settings.environment import load_settings

services = bootstrap.build(load_settings())
names = json.loads(sys.argv[1])
services.state.record_nodes({f"tenant:{n}:user:u": "session" for n in names}, datetime.now(UTC))
tenants = tuple(TenantKey("tenant", name) for name in names)
target = Target(tenants[0]) if len(tenants) == 1 else Target(many=tenants)
purge = services.purge  # made, and imported, before anything is timed
purge.being_purged(["nobody"])
began, busy = time.perf_counter(), time.process_time()
plan = purge.plan(Request(target))
job = purge.begin(plan.digest, confirm=target.name, reason="bench", asked_by="bench")
job = purge.run_here(job.id)
purge.receipt_text(job.id)
took = time.perf_counter() - began, time.process_time() - busy
assert job.outcome is not None and job.outcome.value == "erased", (job.problem, job.outcome)
print(json.dumps(took))
services.close()
"""


def once(port: int, names: list[str], checkout: Path) -> tuple[float, float]:
    """Purge these tenants with the build of a checkout.

    Return how many seconds it took by the clock, and of the processor without the server's.
    """
    with tempfile.TemporaryDirectory() as data:
        done = subprocess.run(
            [sys.executable, "-c", ONCE, json.dumps(names)],
            env={
                **os.environ, "PYTHONPATH": str(checkout), "KATO_TENANTS_DATA": data,
                "REDIS_URL": f"redis://127.0.0.1:{port}/0", "KATO_TENANTS_SETTLE_SECONDS": "0",
            },
            cwd=checkout, check=True, capture_output=True, text=True,
        )  # fmt: skip
    clock, busy = json.loads(done.stdout.splitlines()[-1])
    return clock, busy


def section(port: int, tenants: int, most: float, options: argparse.Namespace) -> list[bool]:
    """Purge so many tenants again and again, each time beside a bare pass over the same keys."""
    names = [f"gone{at:03d}" for at in range(tenants)]
    here, times, spent = (
        Path(__file__).parents[1],
        dict[str, list[float]](),
        dict[str, list[float]](),
    )

    def fill_again() -> None:
        chance = random.Random(11)
        for name in names:
            fill(port, kb_commands(f"tenant_{name}_user_u_kato", options.each, chance))

    def take(name: str, run: Callable[[], tuple[float, float]]) -> None:
        before = _busy(server)
        clock, busy = run()
        times.setdefault(name, []).append(clock)
        spent.setdefault(name, []).append(busy + _busy(server) - before)

    with redis.Redis(port=port) as client:
        server = psutil.Process(client.info("server")["process_id"])
    for _ in range(options.repeat):
        fill_again()
        take("bare", lambda: _bare(port, options.count))
        take("purge", lambda: once(port, names, here))
        if options.beside and tenants == 1:
            fill_again()
            take("beside", lambda: once(port, names, options.beside))
    for name, found in times.items():
        busy = spread(spent[name])
        print(f"     {tenants} tenants: {name:<8} {spread(found)}, of processors {busy}")
    ratios = [median(each["purge"]) / median(each["bare"]) for each in (times, spent)]
    met = [verdict(f"whole purge of {tenants} / bare pass", ratios[0], at_most=most)]
    verdict("     the same in processors' time", ratios[1])
    if "beside" in times:
        faster = median(times["beside"]) / median(times["purge"])
        met.append(verdict("the other build / this one", faster, at_least=4))
    return met


def _bare(port: int, count: int) -> tuple[float, float]:
    busy = time.process_time()
    clock = seconds(lambda: bare_pass(port, count))
    return clock, time.process_time() - busy


def _busy(server: psutil.Process) -> float:
    spent = server.cpu_times()
    return float(spent.user + spent.system)


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=1_000)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--beside", type=lambda text: Path(text).resolve())
    options = parser.parse_args()
    with valkey() as server:
        fill_keyspace(server.port, keys=options.keys, knowledge_bases=5_000, tenants=1_000)
        met = [
            *section(server.port, 1, 3.5, options),
            *section(server.port, 100, 4.0, options),
        ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
