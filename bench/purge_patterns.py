"""Erasing one kb_id from ClickHouse: what a purge does beside the mutation that people write.

    python -m bench.purge_patterns [--partitions 1000] [--rows 20000] [--repeat 5] [--slow 1]

The engine is ClickHouse's own, in this process, whose background work is scheduled slowly: the
parts that are touched and the CPU seconds tell more than the time does.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from clickhouse_connect.driver.client import Client

from bench.clickhouse import DATABASE, clickhouse, fill_patterns
from bench.measure import kb_ids, median, verdict
from services.purge.models import Surface
from services.stores.clickhouse.erase import PatternErasing
from services.stores.clickhouse.query import ClickHouse

_MUTATION = """
ALTER TABLE {db:Identifier}.patterns_data DELETE WHERE kb_id LIKE {like:String}
SETTINGS mutations_sync = 2
"""
_PARTS = """
SELECT groupArray(name) FROM system.parts
WHERE database = {db:String} AND table = 'patterns_data' AND active
"""
_ROWS = "SELECT count() FROM {db:Identifier}.patterns_data WHERE kb_id = {kb_id:String}"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one erasure took: seconds, CPU seconds of the process, and the parts it replaced."""

    seconds: float
    cpu: float
    parts: int


def cost_of(client: Client, erase: Callable[[], object]) -> Cost:
    """Measure one erasure."""
    before = parts(client)
    began, cpu = time.perf_counter(), time.process_time()
    erase()
    taken = Cost(time.perf_counter() - began, time.process_time() - cpu, 0)
    return Cost(taken.seconds, taken.cpu, len(before - parts(client)))


def parts(client: Client) -> set[str]:
    """Name the active parts."""
    ((names,),) = client.query(_PARTS, {"db": DATABASE}).result_rows
    return set(names)


def said(name: str, costs: list[Cost]) -> None:
    """Print the medians."""
    seconds, cpu = median([c.seconds for c in costs]), median([c.cpu for c in costs])
    touched = median([c.parts for c in costs])
    print(f"     {name:<45} {seconds * 1e3:,.1f} ms, CPU {cpu * 1e3:,.1f} ms, {touched:,.0f} parts")


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--slow", type=int, default=1, help="runs of the mutation")
    options = parser.parse_args()
    names = kb_ids(options.partitions, tenants=options.partitions)
    with TemporaryDirectory(prefix="kt-bench-") as directory, clickhouse(directory) as connect:
        client = connect()
        fill_patterns(client, names, rows=options.rows)
        eraser = PatternErasing(ClickHouse(connect, database=DATABASE), seconds=600)
        print(f"{len(parts(client)):,} parts of {options.partitions:,} kb_ids")
        ours, theirs = list[Cost](), list[Cost]()
        for name in names[: options.repeat]:
            surface = Surface(kb_ids=frozenset({name}))
            ours.append(cost_of(client, lambda: eraser.erase(surface, print_nothing)))  # noqa: B023
            assert not rows(client, name)
        said("a purge's erasing of one kb_id", ours)
        for name in names[options.repeat : options.repeat + options.slow]:
            bound = {"db": DATABASE, "like": name + "%"}
            theirs.append(cost_of(client, lambda: client.command(_MUTATION, bound)))  # noqa: B023
            assert not rows(client, name)
        said("ALTER TABLE … DELETE WHERE kb_id LIKE", theirs)
    ratio = median([c.seconds for c in theirs]) / median([c.seconds for c in ours])
    cpu = median([c.cpu for c in theirs]) / median([c.cpu for c in ours])
    verdict("the mutation / a purge, CPU", cpu)
    return 0 if verdict("the mutation / a purge", ratio, at_least=500) else 1


def rows(client: Client, kb_id: str) -> int:
    """Count what is left of a kb_id."""
    ((count,),) = client.query(_ROWS, {"db": DATABASE, "kb_id": kb_id}).result_rows
    return int(count)


def print_nothing(_: object) -> None:
    """Take note of no progress."""


if __name__ == "__main__":
    sys.exit(main())
