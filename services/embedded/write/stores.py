"""Writes a dataset into the stores, embedded or configured: all three at the same time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from clickhouse_connect.driver.client import Client
from qdrant_client import QdrantClient

from services.embedded.errors import DataPresent
from services.embedded.write import (
    keys as writing_keys,
    rows as writing_rows,
    vectors as writing_vectors,
)
from services.embedded.write.dataset import Dataset
from services.errors import StoreNotConfigured
from services.stores.redis.link import Client as Keyspace


@dataclass(frozen=True, slots=True)
class Targets:
    """The stores to write to; None for one that is not configured."""

    clickhouse: Client | None
    redis: Keyspace | None
    qdrant: QdrantClient | None
    database: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was written, and in how many seconds.

    `rows` is by table. `skipped` counts what was there already and could not be added to: rows,
    lists, and entries of streams that are older than what the stream holds.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    keys: int = 0
    collections: int = 0
    points: int = 0
    skipped: int = 0
    seconds: float = 0.0

    @property
    def patterns(self) -> int:
        """How many patterns were written."""
        return self.rows.get("patterns_data", 0)

    def __str__(self) -> str:
        said = (
            f"{self.patterns:,} patterns, {self.keys:,} keys and {self.collections:,} collections "
            f"with {self.points:,} vectors in {self.seconds:.1f} s"
        )
        return said + (f"; {self.skipped:,} were there already" if self.skipped else "")


def write(dataset: Dataset, targets: Targets, *, merge: bool = False) -> LoadReport:
    """Write a dataset, creating KATO's database and tables where they are missing.

    Raises DataPresent, before anything is written, when a store holds data and `merge` is not
    given. With it, texts, fields and vectors of the same name are replaced, members and entries
    added, and nothing is deleted. Raises StoreNotConfigured for a store that is needed and
    absent, and StoreError; what was written before that stays.
    """
    started = time.monotonic()
    _check_configured(dataset, targets)
    there = "" if merge else found_in(targets)
    if there:
        raise DataPresent(f"the stores hold data ({there}); it can be mixed in with --merge")
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(3, thread_name_prefix="load") as pool:
        running = [pool.submit(work) for work in _works(dataset, targets, merge)]
        for part in running:
            counts.update(part.result())
    rows = {name[5:]: n for name, n in counts.items() if name.startswith("rows:")}
    return LoadReport(
        rows=rows,
        keys=counts["keys"],
        collections=counts["collections"],
        points=counts["points"],
        skipped=counts["skipped"],
        seconds=time.monotonic() - started,
    )


def _works(dataset: Dataset, targets: Targets, merge: bool) -> list[Callable[[], Counter[str]]]:
    works: list[Callable[[], Counter[str]]] = []
    clickhouse, keys, qdrant = targets.clickhouse, targets.redis, targets.qdrant
    if clickhouse is not None:
        database = targets.database
        works.append(lambda: writing_rows.write(clickhouse, database, dataset.rows(), merge=merge))
    if keys is not None:
        works.append(lambda: writing_keys.write(keys, dataset.entries(), merge=merge))
    if qdrant is not None:
        works.append(lambda: writing_vectors.write(qdrant, dataset.collections()))
    return works


def _check_configured(dataset: Dataset, targets: Targets) -> None:
    needs: tuple[tuple[str, object, Callable[[], object]], ...] = (
        ("clickhouse", targets.clickhouse, lambda: next(dataset.rows(), None)),
        ("redis", targets.redis, lambda: next(dataset.entries(), None)),
        ("qdrant", targets.qdrant, lambda: next(dataset.collections(), None)),
    )
    for store, target, first in needs:
        if target is None and first() is not None:
            raise StoreNotConfigured(store, "loading", "there is data to load into it")


def found_in(targets: Targets) -> str:
    """Say what data the stores hold, or return nothing when they are empty."""
    found = []
    if targets.clickhouse is not None:
        found.append((writing_rows.count(targets.clickhouse, targets.database), "rows"))
    if targets.redis is not None:
        found.append((writing_keys.count(targets.redis), "Redis keys"))
    if targets.qdrant is not None:
        found.append((writing_vectors.count(targets.qdrant), "collections"))
    return ", ".join(f"{count:,} {what}" for count, what in found if count)
