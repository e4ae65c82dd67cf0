"""Several dashboards on one PostgreSQL: passes a minute, how soon another goes on, and faults.

    python -m bench.dashboards [--many 12] [--refresh 30] [--minutes 1] [--faults 40] [--seed 1]

Real processes, a PostgreSQL and a Valkey of their own. A pass reads every store once. *Before* is
each dashboard by itself, as it was until they took turns. The time until another goes on is
measured with the lease that the product has, and the faults with one of 3 s.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import fill_keyspace, valkey
from services.dashboards import models
from tests.servers import postgres
from tests.servers.dashboard_faults import Faults
from tests.servers.dashboards import Dashboards, dashboards


def passes(many: Dashboards) -> int:
    """Return how often a dashboard has read every store."""
    return sum(many.said(name)["reads"] for name in many.processes)


@contextmanager
def deployment(
    server: postgres.Postgres, port: int, *, refresh: float, lease: float, beat: float
) -> Iterator[Dashboards]:
    """Give a deployment whose only store is a Valkey."""
    environment = {
        "REDIS_URL": f"redis://127.0.0.1:{port}/0", "KATO_TENANTS_REFRESH_SECONDS": str(refresh),
        "KATO_TENANTS_AUDIT_MINUTES": "0.05", "KATO_TENANTS_TIMEOUT_SECONDS": "60",
    }  # fmt: skip
    with TemporaryDirectory() as folder:
        url = server.new_database()
        with dashboards(Path(folder), url, environment, lease=lease, beat=beat) as found:
            yield found


def by_many(
    server: postgres.Postgres, port: int, given: argparse.Namespace, *, alone: bool
) -> float:
    """Return how many passes a minute so many dashboards make together."""
    lease, beat = models.LEASE.total_seconds(), models.BEAT
    with deployment(server, port, refresh=given.refresh, lease=lease, beat=beat) as many:
        names = [f"d{at:02d}" for at in range(given.many)]
        for name in names:
            many.start(name, TEST_ALONE="1" if alone else "")
        while not all(many.said(name).get("at") for name in names):
            time.sleep(0.2)
        before, began = passes(many), time.monotonic()
        time.sleep(60 * given.minutes)
        return (passes(many) - before) / (time.monotonic() - began) * 60


def takeovers(server: postgres.Postgres, port: int, repeat: int) -> list[float]:
    """Return how long it took until another dashboard collected, after one was killed."""
    found = []
    lease, beat = models.LEASE.total_seconds(), models.BEAT
    with deployment(server, port, refresh=2, lease=lease, beat=beat) as many:
        for name in "abc":
            many.start(name)
        for _ in range(repeat):
            name = many.one_collects()
            many.after(1)
            many.kill(name)
            began = time.monotonic()
            many.one_collects()
            found.append(time.monotonic() - began)
            many.start(name)
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--many", type=int, default=12)
    parser.add_argument("--refresh", type=float, default=30)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--deaths", type=int, default=5)
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with postgres.running() as server, valkey() as store:
        port = store.port
        fill_keyspace(port, keys=given.keys, knowledge_bases=200, tenants=100)
        if given.minutes:
            for alone in (True, False):
                found = by_many(server, port, given, alone=alone)
                print(f"{'before' if alone else 'now'}: {given.many} dashboards, a refresh each"
                      f" {given.refresh:g} s: {found:.1f} passes a minute", flush=True)  # fmt: skip
        if given.deaths:
            times = takeovers(server, port, given.deaths)
            print(f"another collects after {min(times):.1f} to {max(times):.1f} s", flush=True)
        with deployment(server, port, refresh=1, lease=3.0, beat=0.4) as many:
            faults = Faults(many, server, random.Random(given.seed))
            for number, told in enumerate(faults.befall(given.faults), start=1):
                print(f"{number}: {told}", flush=True)
            print(f"{many.rounds()} rounds, nothing written but by who had the turn")


if __name__ == "__main__":
    main()
