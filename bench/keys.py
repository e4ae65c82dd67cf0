"""The keyspace of a whole fleet: what one attributed pass costs beside what people do today.

    python -m bench.keys [--keys 1000000 --kb-ids 5000 --tenants 1000] [--repeat 5]

Prints ratios of medians, all of one run: the cases take turns on the same server.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import multiprocessing
import random
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection

import psutil
import redis

from bench.measure import (
    PeakMemory,
    Run,
    costs,
    fill_keyspace,
    median,
    seconds,
    side_by_side,
    spread,
    valkey,
    verdict,
)
from services.bootstrap import NEW_OBJECTS
from services.stores.redis.link import Client, packed
from services.stores.redis.usage import KeyspaceStore
from services.usage.readings import KeyReading

Reads = Callable[[], object]


def store_of(client: Client, *, count: int, budget: int) -> KeyspaceStore:
    """Build the store that is measured."""
    return KeyspaceStore(
        client,
        service="kato",
        scan_count=count,
        memory_budget=budget,
        memory_sample=0.05,
        pass_seconds=600,
        memory_every=86_400,
    )


def bare_pass(port: int, count: int) -> None:
    """Send SCAN until the cursor is back at 0, and discard the replies without parsing them.

    The end of a reply is found by counting lines, which no key of the benchmark has.
    """
    buffer = bytearray(1 << 18)
    cursor = b"0"
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            link.sendall(packed("SCAN", cursor, "COUNT", count))
            size = link.recv_into(buffer)
            _, _, cursor, length, _ = bytes(buffer[:64]).split(b"\r\n", 4)
            lines = 4 + 2 * int(length[1:]) - buffer.count(b"\n", 0, size)
            while lines > 0:
                size = link.recv_into(buffer)
                lines -= buffer.count(b"\n", 0, size)
            if cursor == b"0":
                return


def guide_pass(client: redis.Redis, tenant: str) -> int:
    """Count one tenant's keys as the isolation guide does."""
    return sum(1 for _ in client.scan_iter(match=f"tenant:{tenant}:*", count=100))


# --- another client ---------------------------------------------------------------------------


def _ping(port: int, results: Connection) -> None:
    """Ping a thousand times a second until told to stop, and send back the waits."""
    waits = []
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not results.poll():
            began = time.perf_counter()
            link.sendall(b"PING\r\n")
            link.recv(64)
            waits.append(time.perf_counter() - began)
            time.sleep(0.001)
    results.send(waits)


def ping_p99(port: int, run: Reads) -> float:
    """Return the 99th percentile of a PING's wait while something runs, in milliseconds.

    The one who pings is a process of its own.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_ping, args=(port, there), daemon=True)
    process.start()
    time.sleep(1.0)
    run()
    here.send("stop")
    waits: list[float] = here.recv()
    process.join()
    return statistics.quantiles(waits, n=100)[98] * 1e3


@contextmanager
def slowlog(client: redis.Redis, found: list[float]) -> Iterator[None]:
    """Collect how long the slowest command took on the server, in milliseconds."""
    client.config_set("slowlog-log-slower-than", 500)
    client.slowlog_reset()
    yield
    entries = client.slowlog_get(128)
    slowest = max(entries, key=lambda entry: entry["duration"], default=None)
    found.append(slowest["duration"] / 1e3 if slowest else 0.5)
    if slowest:
        print(f"     slowest on the server: {slowest['command'][:60]!r}")


# --- the sections -----------------------------------------------------------------------------


def memory_section(store: KeyspaceStore) -> bool:
    """The first pass of the process, so that nothing was allocated before."""
    with PeakMemory() as memory:
        reading = store.read(progress=lambda _: None)
    assert reading.sessions is not None
    count = sum(group.amount.count for group in reading.groups) + len(reading.sessions)
    print(
        f"     {count:,} keys in {len(reading.groups):,} groups, {len(reading.sessions):,} sessions"
    )
    return verdict("peak memory above idle", memory.above_idle, at_most=300, unit="MiB")


def pass_section(
    client: redis.Redis, store: KeyspaceStore, sampled: KeyspaceStore, options: argparse.Namespace
) -> list[bool]:
    """Counts, counts with memory and the guide's way, beside a bare pass."""
    port = client.get_connection_kwargs()["port"]
    cases: dict[str, Reads] = {
        "bare SCAN pass, replies discarded": lambda: bare_pass(port, options.count),
        "counts by kind": lambda: store.read(memory=False),
        "counts and exact memory": store.read,
        "counts and sampled memory (5 %)": sampled.read,
        "the guide's SCAN MATCH, one tenant": lambda: guide_pass(client, "t00001"),
    }
    times = side_by_side(cases, repeat=options.repeat)
    for name, found in times.items():
        print(f"     {name:<40} {spread(found)}")
    bare, counts, memory, sample, guide = map(median, times.values())
    print(f"     the guide for {options.tenants:,} tenants is one tenant's pass times as many")
    return [
        verdict("counts by kind / bare pass", counts / bare, at_most=1.5),
        verdict("counts and exact memory / bare pass", memory / bare, at_most=4),
        verdict("counts and sampled memory / bare pass", sample / bare),
        verdict(
            "the guide's way / counts by kind", guide * options.tenants / counts, at_least=1000
        ),
    ]


def carried_section(client: redis.Redis, options: argparse.Namespace) -> list[bool]:
    """Memory carried over, some keys having come and gone since, beside a bare pass."""
    port = client.get_connection_kwargs()["port"]
    store = store_of(client, count=options.count, budget=sys.maxsize)
    last = replace(store.read(), mark=None)
    assert last.base is not None, "nothing to carry over by"
    change_some(client)
    process = psutil.Process(client.info("server")["process_id"])
    found = costs(
        {
            "bare": lambda: bare_pass(port, options.count),
            "counts": lambda: store.read(memory=False),
            "carried": lambda: store.read(last=last),
            "exact": store.read,
        },
        process,
        repeat=options.repeat,
    )
    found.say()
    carried, exact = (bytes_of(store.read(last=given)) for given in (last, None))
    return [
        found.verdict("counts, memory carried over / bare pass", "carried", 1.3, bare=1),
        verdict("its total memory, off from exact", abs(carried / exact - 1) * 100, at_most=1,
                unit="%"),
    ]  # fmt: skip


def change_some(client: redis.Redis, *, most: int = 20_000) -> None:
    """Write a prediction for each of some keys, remove one in ten of these keys."""
    pipe = client.pipeline(transaction=False)
    chance = random.Random(3)
    for key in itertools.islice(client.scan_iter(count=1000), most):
        name = b"%b:prediction:obs-%032x" % (key.split(b":")[0], chance.getrandbits(128))
        pipe.set(name, b'[{"p":%b}]' % (b"0.5," * chance.randint(20, 400)))
        if chance.random() < 0.1 and not key.startswith(b"kato:"):
            pipe.delete(key)
    pipe.execute()


def bytes_of(reading: KeyReading) -> int:
    """Return the memory of all keys."""
    return sum(group.amount.bytes or 0 for group in reading.groups)


def thrice(run: Run) -> None:
    """Run it three times."""
    for _ in range(3):
        run()


def server_section(client: redis.Redis, store: KeyspaceStore, count: int) -> list[bool]:
    """What the server and its other clients feel."""
    port = client.get_connection_kwargs()["port"]
    slowest: list[float] = []
    with slowlog(client, slowest):
        store.read()
    idle = ping_p99(port, lambda: time.sleep(2))
    beside_bare = ping_p99(port, lambda: thrice(lambda: bare_pass(port, count)))
    beside_counts = ping_p99(port, lambda: thrice(lambda: store.read(memory=False)))
    beside_memory = ping_p99(port, store.read)
    return [
        verdict("slowest command on the server", slowest[0], at_most=5, unit="ms"),
        verdict("another client's PING, p99, idle server", idle, unit="ms"),
        verdict("the same beside bare passes", beside_bare, unit="ms"),
        verdict("the same beside counts", beside_counts, at_most=5, unit="ms"),
        verdict("the same beside counts and memory", beside_memory, at_most=5, unit="ms"),
    ]


def first_figures(store: KeyspaceStore, names: list[str], repeat: int) -> list[bool]:
    """How soon a cold start shows something."""
    estimates = [seconds(lambda: store.estimate(names)) * 1e3 for _ in range(repeat)]
    firsts = [first_report(store) * 1e3 for _ in range(repeat)]
    return [
        verdict(f"estimate of {len(names):,} kb_ids", median(estimates), at_most=200, unit="ms"),
        verdict("first running figures of a pass", median(firsts), unit="ms"),
    ]


class _Enough(Exception):
    """Ends a pass at its first report."""


def first_report(store: KeyspaceStore) -> float:
    """Return how long a pass takes to its first report, in seconds."""

    def stop(_: KeyReading) -> None:
        raise _Enough

    began = time.perf_counter()
    with suppress(_Enough):
        store.read(progress=stop)
    return time.perf_counter() - began


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--kb-ids", type=int, default=5_000)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    gc.set_threshold(NEW_OBJECTS)
    with valkey() as server, redis.Redis(port=server.port) as client:
        names = fill_keyspace(
            server.port, keys=options.keys, knowledge_bases=options.kb_ids, tenants=options.tenants
        )
        print(f"{client.dbsize():,} keys of {len(names):,} kb_ids, {options.tenants:,} tenants")
        store = store_of(client, count=options.count, budget=sys.maxsize)
        sampled = store_of(client, count=options.count, budget=0)
        met = [
            memory_section(store),
            *first_figures(store, names, options.repeat),
            *pass_section(client, store, sampled, options),
            *server_section(client, store, options.count),
            *carried_section(client, options),
        ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
