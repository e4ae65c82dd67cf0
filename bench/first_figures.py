"""A cold start of many kb_ids: the first figures, without what the stores take to answer.

    python -m bench.first_figures [--kb-ids 40000 --tenants 20000] [--repeat 7]

ClickHouse's and Redis' answers are canned. What is left is what the product does with them until
the first snapshot can be shown: seconds of the processor, of this process.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.measure import kb_ids, median, spread, verdict
from services.bootstrap import NEW_OBJECTS
from services.figures import Precision
from services.stores.clickhouse.usage import PatternStore
from services.stores.redis.estimate import estimate_groups
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.patterns import Patterns
from services.usage.readings import KeyReading
from services.usage.rollup import Readings, roll_up

ROWS, BYTES = 20, 4000


class Catalogue:
    """Answers as ClickHouse's catalogue of one table does, a partition for each kb_id."""

    database, slow = "kato", None

    def __init__(self, names: Sequence[str]) -> None:
        self.asking = self
        every, size = ROWS * len(names), BYTES * len(names)
        self._tables = [(b"patterns_data", b"MergeTree", b"kb_id", every, size, b"String", 1, 1, 1)]
        raws = [name.encode() for name in names]
        self._parts = [
            (b"patterns_data", raw, ROWS, BYTES, 0, 1, at) for at, raw in enumerate(raws)
        ]

    def rows(self, _: str, query: str, __: Mapping[str, object]) -> list[Any]:
        """Return the table, or its parts."""
        return self._tables if "system.tables" in query else self._parts


class Counters:
    """Answers as a Redis with two counters of each kb_id does."""

    def __init__(self, number: int) -> None:
        self._answers = [each for at in range(number) for each in (b"%d" % (at % 50 + 1), at % 30)]

    def send(self, commands: bytes) -> None:
        """Take the commands."""

    def replies(self, number: int) -> list[Any]:
        """Return the answers to them."""
        return self._answers[:number]


def first_figures(store: PatternStore, link: Counters, schemes: NamingSchemes) -> list[float]:
    """Return when the catalogue was read, the counters were, and all was rolled up, in seconds."""
    times = [time.process_time()]
    patterns = store.quick()
    times.append(time.process_time())
    names = [name for name in Patterns.of(patterns.usages).kb_ids if name is not None]
    groups = estimate_groups(link, names, "kato")  # type: ignore[arg-type]  # as a link answers
    keys = KeyReading(groups, None, None, None, None, None, precision=Precision.ESTIMATE)
    times.append(time.process_time())
    roll_up(Readings(patterns, keys), Ownership((), schemes=schemes))
    return [*times, time.process_time()]


def main() -> int:
    """Measure; 1 when the target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kb-ids", type=int, default=40_000)
    parser.add_argument("--tenants", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    gc.set_threshold(NEW_OBJECTS)
    names = kb_ids(options.kb_ids, tenants=options.tenants)
    store = PatternStore(Catalogue(names))  # type: ignore[arg-type]  # as an engine answers
    link, schemes = Counters(len(names)), NamingSchemes.of()
    taken = [first_figures(store, link, schemes) for _ in range(options.repeat)]
    for at, name in enumerate(("the catalogue's answers", "KATO's counters", "their roll-up")):
        print(f"     {name:<24} {spread([each[at + 1] - each[at] for each in taken])}")
    whole = median([each[-1] - each[0] for each in taken])
    print(f"{options.kb_ids:,} kb_ids of {options.tenants:,} tenants")
    met = verdict("first figures, processor's time", whole * 1e3, at_most=400, unit="ms")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
