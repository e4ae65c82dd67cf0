"""A cold start on a whole fleet: how soon there are figures, and what a collect costs.

    python -m bench.collector [--keys 1000000 --kb-ids 5000 --tenants 1000] [--repeat 5]

A Valkey over loopback, ClickHouse's engine and Qdrant's local mode in this process, filled by
another one. A start is cold in that nothing is known: no registry, no last figures. The clock
starts when every store has answered a health check, so that connecting is no part of it. What
ClickHouse's engine takes is in this process's memory too, and is measured apart.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import redis
from qdrant_client import QdrantClient, models

from bench.clickhouse import DATABASE, Connect, clickhouse, fill_patterns
from bench.measure import PeakMemory, fill_keyspace, kb_ids, median, spread, valkey, verdict
from bench.pages_server import Kato
from services.bootstrap import NEW_OBJECTS
from services.figures import Measure
from services.settings.environment import Settings
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from services.stores.qdrant.usage import VectorStore
from services.stores.records.nodes import StateStore
from services.stores.redis.usage import KeyspaceStore
from services.tenancy.schemes import NamingSchemes
from services.usage.collect import UsageService
from services.usage.kept import Owners
from services.usage.rollup import roll_up
from services.usage.snapshot import Snapshot

COLLECTIONS, POINTS = 12, 50


# --- the stores -------------------------------------------------------------------------------


def fill(port: int, directory: str, keys: int, knowledge_bases: int, tenants: int) -> None:
    """Fill Valkey and ClickHouse; run in a process whose memory nobody measures."""
    names = fill_keyspace(port, keys=keys, knowledge_bases=knowledge_bases, tenants=tenants)
    with clickhouse(directory) as connect:
        client = connect()
        fill_patterns(client, names, rows=20 * len(names))
        client.close()


def fill_vectors(client: QdrantClient, names: list[str]) -> None:
    """Write a collection for each name."""
    vectors = models.VectorParams(size=4, distance=models.Distance.EUCLID)
    points = [models.PointStruct(id=at, vector=[0.1] * 4) for at in range(POINTS)]
    for name in names:
        client.create_collection(f"vectors_{name}", vectors_config=vectors)
        client.upsert(f"vectors_{name}", points)


@dataclass(frozen=True, slots=True)
class Stores:
    """The adapters, each of which has answered, and what they talk to."""

    patterns: PatternStore
    keys: KeyspaceStore
    vectors: VectorStore
    connect: Connect
    redis: redis.Redis
    qdrant: QdrantClient


@contextmanager
def stores(options: argparse.Namespace) -> Iterator[Stores]:
    """Fill the engines and open the adapters with the product's own settings."""
    with ExitStack() as stack:
        port = stack.enter_context(valkey()).port
        directory = stack.enter_context(TemporaryDirectory(prefix="kt-bench-"))
        context = multiprocessing.get_context("spawn")
        filling = (port, directory, options.keys, options.kb_ids, options.tenants)
        process = context.Process(target=fill, args=filling)
        process.start()
        process.join()
        vectors = QdrantClient(":memory:")
        fill_vectors(vectors, kb_ids(options.collections, tenants=options.tenants))
        settings = Settings()
        connect = stack.enter_context(clickhouse(directory))
        client = stack.enter_context(redis.Redis(port=port))
        engine = ClickHouse(connect, database=DATABASE)
        found = Stores(
            PatternStore(engine),
            KeyspaceStore(
                client,
                service=settings.service_name,
                scan_count=settings.scan_count,
                memory_budget=settings.memory_budget,
                memory_sample=settings.memory_sample,
                pass_seconds=settings.pass_seconds,
            ),
            VectorStore(vectors),
            connect,
            client,
            vectors,
        )
        stack.callback(engine.close)
        for store in (found.patterns, found.keys, found.vectors):
            store.health()
        yield found


# --- a cold start -----------------------------------------------------------------------------


@dataclass(slots=True)
class Start:
    """What one cold start handed out, by the seconds since it began.

    By the clock, and of the processor: ClickHouse's engine and what it does are in this process.
    """

    began: float = 0.0
    busy: float = 0.0
    shown: list[tuple[float, float, Snapshot]] = field(default_factory=list)
    rolled: list[float] = field(default_factory=list)
    took: float = 0.0
    snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Take a snapshot, as the collector does."""
        spent = time.process_time() - self.busy
        self.shown.append((time.perf_counter() - self.began, spent, snapshot))

    def first(self, *measures: Measure) -> tuple[float, float]:
        """Return when measures were first all known: by the clock, and of the processor.

        Where none is named, when anything was.
        """
        return next(
            (at, spent)
            for at, spent, snapshot in self.shown
            if all(snapshot.stores[measure].total is not None for measure in measures)
            and any(figures.total is not None for figures in snapshot.stores.values())
        )


@contextmanager
def cold_usage(found: Stores) -> Iterator[UsageService]:
    """Build the use case with nothing on record."""
    with TemporaryDirectory() as data:
        state = StateStore.open(Path(data))
        yield UsageService(
            patterns=found.patterns,
            keys=found.keys,
            single_pass={Measure.VECTORS: found.vectors},
            kato=Kato(),
            state=state,
            owners=Owners(state, schemes=NamingSchemes.of(), service="kato"),
        )
        state.close()


def start_cold(found: Stores, *, aloud: bool = True) -> Start:
    """Collect once with nothing on record, noting what is handed out and every roll-up."""
    start = Start()
    with cold_usage(found) as usage, mock.patch("services.usage.collect.roll_up", timed(start)):
        start.began, start.busy = time.perf_counter(), time.process_time()
        start.snapshot = usage.collect(progress=start.show if aloud else None)
        start.took = time.perf_counter() - start.began
    return start


def timed(start: Start) -> Callable[..., object]:
    """Return `roll_up`, noting how long each call takes."""

    def run(*arguments: object, **options: object) -> object:
        began = time.perf_counter()
        try:
            return roll_up(*arguments, **options)  # type: ignore[arg-type]  # passed on as it is
        finally:
            start.rolled.append(time.perf_counter() - began)

    return run


# --- the figures ------------------------------------------------------------------------------


def memory_section(found: Stores) -> bool:
    """The first collect of the process, so that nothing was allocated before."""
    with PeakMemory() as engine:
        found.patterns.read()
    with PeakMemory() as memory:
        start = start_cold(found)
    assert start.snapshot is not None
    assert start.snapshot.settled
    totals = {m.value: f.total and f.total.count for m, f in start.snapshot.stores.items()}
    print(f"     {totals}, {len(start.snapshot.tenants):,} tenants")
    return all([
        verdict("ClickHouse's engine, peak above idle", engine.above_idle, unit="MiB"),
        verdict("a whole collect, peak above idle", memory.above_idle, at_most=300, unit="MiB"),
    ])  # fmt: skip


def start_section(found: Stores, repeat: int) -> list[bool]:
    """Cold starts that show what they have, and some that do not, taking turns."""
    aloud, quiet = list[Start](), list[Start]()
    for _ in range(repeat):
        aloud.append(start_cold(found))
        quiet.append(start_cold(found, aloud=False))
    firsts = {
        "any figure": [start.first()[0] for start in aloud],
        "keys and patterns": [start.first(Measure.PATTERNS, Measure.KEYS)[0] for start in aloud],
        "the same, of the processor": [
            start.first(Measure.PATTERNS, Measure.KEYS)[1] for start in aloud
        ],
        "exact figures of all": [start.took for start in aloud],
        "the same without showing any before": [start.took for start in quiet],
    }
    for name, times in firsts.items():
        print(f"     {name:<45} {spread(times)}")
    rolled = [seconds for start in aloud for seconds in start.rolled[:-1]]
    shown = median([len(start.shown) for start in aloud])
    print(f"     {shown:.0f} snapshots shown on the way, their roll-ups {spread(rolled)}")
    anything, both, of_both, whole, quietly = map(median, firsts.values())
    return [
        verdict("cold start: any figure", anything * 1e3, at_most=200, unit="ms"),
        verdict("cold start: keys and patterns", both * 1e3, at_most=200, unit="ms"),
        verdict("     the same, of the processor", of_both * 1e3, unit="ms"),
        verdict("collect that shows progress / silent", whole / quietly),
        verdict("roll-ups on the way, of the whole", _share(aloud) * 100, unit="%"),
    ]


def _share(starts: list[Start]) -> float:
    return median([sum(start.rolled[:-1]) / start.took for start in starts])


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--kb-ids", type=int, default=5_000)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--collections", type=int, default=COLLECTIONS)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    gc.set_threshold(NEW_OBJECTS)
    with stores(options) as found:
        print(f"{options.keys:,} keys of {options.kb_ids:,} kb_ids, {options.tenants:,} tenants")
        met = [memory_section(found), *start_section(found, options.repeat)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
