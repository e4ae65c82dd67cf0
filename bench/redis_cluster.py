"""Counting the keys of every tenant on a cluster of three: beside bare passes and what people do.

    python -m bench.redis_cluster [--keys 900000 --kb-ids 5000 --tenants 1000] [--repeat 5]

The bare pass is SCAN on all nodes at once, a process for each, replies discarded unparsed; its time
is the slowest node's. Prints ratios of medians of one run, by the clock and in processors' time.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import redis

from bench.keys import bare_pass, store_of
from bench.measure import (
    Command,
    Costs,
    Run,
    costs,
    fill,
    fleet_commands,
    kb_ids,
    median,
    verdict,
)
from services.bootstrap import NEW_OBJECTS
from services.stores.redis.cluster.slots import slot_of
from tests.servers.redis_cluster import RunningCluster, running

_COUNT = 1_000


def filled(cluster: RunningCluster, *, keys: int, names: Sequence[str], tenants: int) -> None:
    """Fill a cluster with a fleet's keys, each where its slot is."""
    owners = cluster.cluster.topology().owners
    by_port = defaultdict[int, list[Command]](list)
    for command in fleet_commands(names, keys=keys, tenants=tenants):
        owner = owners[slot_of(command[1])]
        assert owner is not None
        by_port[owner.port].append(command)
    for port, commands in by_port.items():
        fill(port, iter(commands))


def _passes(port: int, asked: Connection) -> None:
    """Make a bare pass over one node each time that it is asked for."""
    while asked.recv():
        bare_pass(port, _COUNT)
        asked.send(True)


class AtOnce:
    """Bare passes over all nodes at the same time, a process for each."""

    def __init__(self, ports: Sequence[int]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self.processes = []
        for port in ports:
            here, there = context.Pipe()
            process = context.Process(target=_passes, args=(port, there), daemon=True)
            process.start()
            self._pipes.append(here)
            self.processes.append(process)

    def __call__(self) -> None:
        """Make one, which takes as long as the slowest node."""
        for pipe in self._pipes:
            pipe.send(True)
        for pipe in self._pipes:
            pipe.recv()

    def end(self) -> None:
        """End the processes."""
        for pipe, process in zip(self._pipes, self.processes, strict=True):
            pipe.send(False)
            process.join()


def by_scan_iter(client: redis.RedisCluster, count: int | None = None) -> Counter[bytes]:
    """Count keys by kb_id as redis-py's client of a cluster offers it."""
    return Counter(key.partition(b":")[0] for key in client.scan_iter(count=count))


def by_redis_cli(port: int, pattern: str = "*") -> int:
    """Count them with `redis-cli --cluster call` and awk; what these two use is not measured."""
    script = (
        f"redis-cli --cluster call 127.0.0.1:{port} KEYS '{pattern}' --cluster-only-masters "
        "2>/dev/null | awk -F: '{ n[$(NF > 1 ? NF - 2 : 1)]++ } END { print length(n) }'"
    )
    return int(subprocess.run(script, shell=True, check=True, capture_output=True).stdout)


def by_the_guide(client: redis.RedisCluster, tenant: str) -> int:
    """Count one tenant's keys as the isolation guide does."""
    return sum(1 for _ in client.scan_iter(match=f"tenant:{tenant}:*", count=100))


@contextmanager
def measured(cluster: RunningCluster, repeat: int) -> Iterator[Costs]:
    """Run every case in turns."""
    store = store_of(cluster.cluster, count=_COUNT, budget=sys.maxsize)
    client, port = cluster.client(), cluster.nodes[0].port
    ports = [node.port for node in cluster.nodes]
    at_once = AtOnce(ports)
    at_once()
    pids = [node.process.pid for node in cluster.nodes if node.process is not None]
    pids += [each.pid for each in at_once.processes if each.pid is not None]
    cases: dict[str, Run] = {
        "bare, nodes at once": at_once,
        "slowest node alone": lambda: bare_pass(ports[0], _COUNT),
        "counts by kind": lambda: store.read(memory=False),
        "counts and exact memory": store.read,
        "scan_iter of redis-py": lambda: by_scan_iter(client),
        "the same, count=1000": lambda: by_scan_iter(client, _COUNT),
        "redis-cli call, KEYS *": lambda: by_redis_cli(port),
        "redis-cli call, one tenant": lambda: by_redis_cli(port, "tenant_t00001_*"),
        "the guide, one tenant": lambda: by_the_guide(client, "t00001"),
    }
    yield costs(cases, *map(psutil.Process, pids), repeat=repeat)
    at_once.end()
    client.close()


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=900_000)
    parser.add_argument("--kb-ids", type=int, default=5_000)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--program", default="valkey_9")
    options = parser.parse_args()
    gc.set_threshold(NEW_OBJECTS)
    names = kb_ids(options.kb_ids, tenants=options.tenants)
    folder = Path(tempfile.mkdtemp(prefix="kt-cluster-"))
    try:
        with running(folder, options.program) as cluster:
            filled(cluster, keys=options.keys, names=names, tenants=options.tenants)
            print([node.client.dbsize() for node in cluster.nodes], "keys on the nodes")
            with measured(cluster, options.repeat) as found:
                found.say()
                return 0 if _verdicts(found, options.tenants) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _verdicts(found: Costs, tenants: int) -> bool:
    counts = median(found.times["counts by kind"])
    met = [found.verdict("counts by kind / bare, nodes at once", "counts by kind", 1.2,
                         **{"bare, nodes at once": 1})]  # fmt: skip
    found.verdict("counts and exact memory / bare", "counts and exact memory", 4,
                  **{"bare, nodes at once": 1})  # fmt: skip
    whole = ("scan_iter of redis-py", "the same, count=1000", "redis-cli call, KEYS *")
    met += [
        verdict(f"{name} / counts", median(found.times[name]) / counts, at_least=3)
        for name in whole
    ]
    each = median(found.times["redis-cli call, one tenant"]) * tenants / counts
    met.append(verdict("redis-cli call, every tenant / counts", each, at_least=3))
    guide = median(found.times["the guide, one tenant"]) * tenants / counts
    met.append(verdict("the guide's way, every tenant / counts", guide, at_least=1000))
    return all(met)


if __name__ == "__main__":
    sys.exit(main())
