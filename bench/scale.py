"""A fleet ten times as large as most: what a pass, a collect and a purge cost, and their memory.

    python -m bench.scale [--keys 20000000 --kb-ids 100000 --tenants 20000]
                          [--partitions 50000 --collections 10000] [--repeat 3]

Valkey, ClickHouse's engine and Qdrant's local mode each in a process of its own, so that what this
process holds is the product's alone. Ratios of medians, by the clock and in processors' time; the
latter says more on a machine that does something else. It takes 8 GiB and some minutes to fill.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import redis
from qdrant_client import QdrantClient, models

from bench import purge_whole
from bench.clickhouse import DATABASE, clickhouse, fill_patterns
from bench.clickhouse_server import served
from bench.keys import bare_pass, store_of
from bench.measure import MEBIBYTE, Run, costs, fill_keyspace, kb_ids, valkey, verdict
from bench.pages_server import Kato
from services.bootstrap import NEW_OBJECTS
from services.figures import Measure
from services.settings.environment import Settings
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from services.stores.qdrant.usage import VectorStore
from services.stores.records.nodes import StateStore
from services.tenancy.schemes import NamingSchemes
from services.usage.collect import UsageService
from services.usage.kept import Owners
from tests.servers.qdrant_http import qdrant_http

COUNT = 1_000


# --- the stores, each in a process of its own -------------------------------------------------


def fill_clickhouse(directory: str, names: list[str]) -> None:
    """Write the patterns, a partition for each kb_id."""
    with clickhouse(directory) as connect:
        client = connect()
        fill_patterns(client, names, rows=4 * len(names))
        client.close()


def serve_vectors(names: list[str], told: Connection) -> None:
    """Serve a collection for each name until killed; tell the address."""
    client = QdrantClient(":memory:")
    for name in names:
        collection = f"vectors_{name}"
        params = models.VectorParams(size=4, distance=models.Distance.EUCLID)
        client.create_collection(collection, vectors_config=params)
        client.upsert(collection, [models.PointStruct(id=1, vector=[0.1] * 4)])
    with qdrant_http(client) as server:
        told.send(server.url)
        told.recv()


@contextmanager
def vectors_of(names: list[str]) -> Iterator[str]:
    """Serve them, and yield the address."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve_vectors, args=(names, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()


# --- the figures ------------------------------------------------------------------------------


def pass_section(port: int, repeat: int) -> list[bool]:
    """One pass over all keys, beside a bare SCAN."""
    with redis.Redis(port=port) as client:
        store = store_of(client, count=COUNT, budget=0)
        cases: dict[str, Run] = {
            "bare": lambda: bare_pass(port, COUNT),
            "counts": lambda: store.read(memory=False),
            "sampled memory": store.read,
        }
        server = psutil.Process(client.info("server")["process_id"])
        found = costs(cases, server, repeat=repeat)
    found.say()
    return [
        found.verdict("a pass with counts / bare SCAN", "counts", 1.3, bare=1),
        found.verdict("a pass with sampled memory / bare SCAN", "sampled memory", 1.6, bare=1),
    ]


def collect_section(port: int, directory: str, url: str, repeat: int) -> list[bool]:
    """A cold collect of all stores and those after it, and the most memory that they take."""
    process = psutil.Process()
    with ExitStack() as stack:
        connect, _ = stack.enter_context(served(directory))
        engine = ClickHouse(connect, database=DATABASE)
        stack.callback(engine.close)
        client = stack.enter_context(redis.Redis(port=port))
        state = StateStore.open(Path(stack.enter_context(TemporaryDirectory())))
        stack.callback(state.close)
        settings = Settings()
        usage = UsageService(
            patterns=PatternStore(engine),
            keys=store_of(client, count=COUNT, budget=settings.memory_budget),
            single_pass={
                Measure.VECTORS: VectorStore(
                    QdrantClient(url=url, timeout=600, check_compatibility=False)
                )
            },
            kato=Kato(),
            state=state,
            owners=Owners(state, schemes=NamingSchemes.of(), service="kato"),
            deadline=600,
            whole_every=3600,
        )
        time.sleep(2)  # within a second of a save the server does not tell of writes
        for turn in ("cold", *["still"] * repeat, *["one write"] * repeat):
            if turn == "one write":
                client.set(f"{kb_ids(1, tenants=1)[0]}:prediction:obs-{time.time_ns()}", "[]")
                connect().command(
                    f"INSERT INTO {DATABASE}.patterns_data SELECT * REPLACE"
                    f" ('{time.time_ns()}' AS name) FROM {DATABASE}.patterns_data LIMIT 1"
                )
            began, busy = time.perf_counter(), time.process_time()
            snapshot = usage.collect()
            took, spent = time.perf_counter() - began, time.process_time() - busy
            held = process.memory_info().rss / MEBIBYTE
            print(
                f"     collect, {turn}: {took:,.1f} s, of it {spent:,.1f} s here, {held:,.0f} MiB"
            )
            for measure, figures in snapshot.stores.items():
                print(f"       {measure.value}: {figures.total or figures.reason}")
        print(f"     {len(snapshot.tenants):,} tenants")
    peak = _peak() / MEBIBYTE
    return [verdict("memory of the process, at most", peak, at_most=1536, unit="MiB")]


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=20_000_000)
    parser.add_argument("--kb-ids", type=int, default=100_000)
    parser.add_argument("--tenants", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=50_000)
    parser.add_argument("--collections", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    gc.set_threshold(NEW_OBJECTS)
    names = kb_ids(options.kb_ids, tenants=options.tenants)
    context = multiprocessing.get_context("spawn")
    with valkey() as server, TemporaryDirectory(prefix="kt-scale-") as directory:
        filling = [
            context.Process(target=fill_redis, args=(server.port, options)),
            context.Process(target=fill_clickhouse, args=(directory, names[: options.partitions])),
        ]
        for process in filling:
            process.start()
        with vectors_of(names[: options.collections]) as url:
            for process in filling:
                process.join()
            print("filled", flush=True)
            met = [
                *pass_section(server.port, options.repeat),
                *collect_section(server.port, directory, url, options.repeat),
            ]
        options.each, options.count, options.beside = 1_000, COUNT, None
        met += purge_whole.section(server.port, 1, 3.5, options)
    return 0 if all(met) else 1


def fill_redis(port: int, options: argparse.Namespace) -> None:
    """Write the keys."""
    fill_keyspace(port, keys=options.keys, knowledge_bases=options.kb_ids, tenants=options.tenants)


if __name__ == "__main__":
    sys.exit(main())
