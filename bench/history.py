"""The past of a large fleet: what a year of it takes in SQLite, and how long it takes to read.

    python -m bench.history [--tenants 10000] [--days 365] [--changing 0.1]

Each hour a tenth of the tenants have other figures. Rows are kept as the product keeps them: hours
for 90 days, days for the whole time, changes for two days. Forty tenants are worked out by the
product's own roll-up, and stand for all others. What it takes is told as of 10,000 tenants. What
is read is measured in processors' time: other work of the machine is not in it.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from bench.measure import costs, median, verdict
from services.bootstrap import NEW_OBJECTS
from services.history.models import (
    PREDICTION_BYTES,
    Figure,
    Figures,
    Grain,
    Holder,
    OwnerKind,
    second,
)
from services.history.movers import movers
from services.history.ports import Head, HistoryStore, MadeUp
from services.history.read import HistoryService
from services.history.record import CHANGES_KEPT, Retention
from services.history.rollup import Look
from services.history.rows import Row, bytes_of, rolled_row, row_of
from services.stores.records.database import open_database, scrub, writing
from services.stores.records.history import HistoryRecords
from services.stores.records.history_made_up import MadeUpHistory
from services.stores.records.history_tables import HOLDERS
from services.stores.records.history_writing import digest

NAMES = ("patterns", "keys", "vectors", "sessions")
KINDS = ("frequency", "emotives", "metadata", "symbols", "symbol_to_patterns", "affinity", "global",
         "prediction")  # fmt: skip
END = second(datetime(2026, 11, 29, tzinfo=UTC))
HOURS = 90 * 24
"""For which hours are kept."""

UNLIKE = 40
"""Tenants whose figures differ; those of all others are like one of these."""

_INSERT = "INSERT INTO history_row (grain, holder, start, row) VALUES (?, ?, ?, ?)"


def figures(chance: random.Random) -> dict[str, int]:
    """Return what a tenant has: counts of 10 to 100,000, bytes, and keys by kind."""
    size = 10 ** chance.uniform(1, 5)
    counts = {name: round(size * chance.uniform(0.2, 5)) + 1 for name in NAMES}
    sizes = {f"{name}_bytes": count * chance.randint(200, 900) for name, count in counts.items()}
    kinds = {f"keys:{kind}": counts["keys"] // len(KINDS) for kind in KINDS}
    return {**counts, **sizes, **kinds, PREDICTION_BYTES: sizes["keys_bytes"] // len(KINDS)}


def grown(had: dict[str, int], chance: random.Random) -> dict[str, int]:
    """Return what a tenant has after it learnt something: most of it is more."""
    return {name: value + chance.randint(0, max(2, value // 500)) for name, value in had.items()}


def row_after(
    had: dict[str, int], grain: Grain, changes: int, chance: random.Random
) -> tuple[dict[str, int], Row]:
    """Return the row of a span in which figures changed so often."""
    span, samples = grain.seconds, list[tuple[int, Figures]]()
    before = {name: Figure(value) for name, value in had.items()}
    for at in sorted(chance.sample(range(1, span), changes)):
        had = grown(had, chance)
        samples.append((at, {name: Figure(value) for name, value in had.items()}))
    looks = {name: [Look(0, span)] for name in had}
    return had, rolled_row(samples, looks, 0, span, before)


def of_tenant(days: int, part: float, chance: random.Random) -> Iterator[tuple[Grain, int, Row]]:
    """Yield every row of one tenant that is kept of so many days."""
    had = figures(chance)
    for hour in range(HOURS):
        if chance.random() < part:
            had, row = row_after(had, Grain.HOUR, 1, chance)
            yield Grain.HOUR, END - (HOURS - hour) * Grain.HOUR.seconds, row
    for day in range(days):
        changes = sum(chance.random() < part for _ in range(24))
        if changes:
            had, row = row_after(had, Grain.DAY, changes, chance)
            yield Grain.DAY, END - (days - day) * Grain.DAY.seconds, row
    for hour in range(CHANGES_KEPT // Grain.HOUR.seconds):
        if chance.random() < part:
            had = grown(had, chance)
            at = END - CHANGES_KEPT + hour * Grain.HOUR.seconds + chance.randrange(3600)
            yield Grain.SECOND, at, row_of({name: Figure(value) for name, value in had.items()})


def filled(folder: Path, tenants: int, days: int, part: float) -> HistoryRecords:
    """Fill the records of a data directory, in the order in which rows come."""
    engine, chance = open_database(folder), random.Random(7)
    began = END - days * Grain.DAY.seconds
    names = (PREDICTION_BYTES, *NAMES, *(f"{each}_bytes" for each in NAMES))
    looks = [(name, Look(began, END)) for name in names]
    head = Head(1, END, {Grain.HOUR: END, Grain.DAY: END})
    MadeUpHistory(engine).keep(MadeUp({}, looks, head))
    holders = [Holder(OwnerKind.TENANT, f"tenant/t{at:05d}") for at in range(tenants)]
    numbers = range(1, tenants + 1)
    with writing(engine, "filling") as connection:
        connection.exec_driver_sql("PRAGMA cache_size=-400000")  # of 400 MB: a year has more
        named = [{"id": number, "digest": digest(who), "kind": who.kind.value, "tenant": who.tenant}
                 for number, who in zip(numbers, holders, strict=True)]  # fmt: skip
        connection.execute(insert(HOLDERS), named)
        number = 0
        for grain, start, rows in _in_time(min(tenants, UNLIKE), days, part, chance):
            some = [(grain.seconds, who, start, row) for who in numbers
                    if (row := rows.get((who - 1) % UNLIKE)) is not None]  # fmt: skip
            connection.exec_driver_sql(_INSERT, some)
            number += len(some)
    scrub(engine)
    engine.dispose()
    size = (folder / "state.sqlite").stat().st_size
    print(f"     {number:,} rows of {tenants:,} tenants, {size / number:.0f} bytes each")
    return HistoryRecords(engine)


def _in_time(
    tenants: int, days: int, part: float, chance: random.Random
) -> Iterator[tuple[Grain, int, Mapping[int, bytes]]]:
    """Yield the rows of each span once it has ended, as they are kept, by whose they are."""
    found: dict[tuple[int, Grain, int], dict[int, bytes]] = defaultdict(dict)
    for at in range(tenants):
        for grain, start, row in of_tenant(days, part, chance):
            found[start + grain.seconds, grain, start][at] = bytes_of(row)
    for (_, grain, start), rows in sorted(found.items()):
        yield grain, start, rows


def read(store: HistoryStore, tenants: int, days: int) -> list[bool]:
    """Measure how long reading takes, and return which targets were met."""
    end, year = datetime.fromtimestamp(END, UTC), timedelta(days=days)
    retention = Retention(timedelta(days=90), timedelta(days=3660))
    service = HistoryService(store, retention=retention, now=lambda: end)
    one = Holder(OwnerKind.TENANT, "tenant/t00000")

    def drawn() -> None:
        service.series(one, "patterns", end - year, end, Grain.DAY.seconds)

    def moved() -> None:
        before, after = (service.at(at, "patterns") for at in (end - timedelta(days=30), end))
        movers(before, after, "patterns")

    found = costs({"a tenant's year": drawn, "movers": moved})
    found.say()
    spent = {name: median(taken) * 1e3 for name, taken in found.processor.items()}
    of_all = spent["movers"] * 10_000 / tenants
    return [
        verdict("a tenant's year", spent["a tenant's year"], at_most=100, unit="ms"),
        verdict("movers, as of 10,000", of_all, at_most=300, unit="ms"),
    ]


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--changing", type=float, default=0.1)
    options = parser.parse_args()
    gc.set_threshold(NEW_OBJECTS)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        store = filled(folder, options.tenants, options.days, options.changing)
        size = (folder / "state.sqlite").stat().st_size * 10_000 / options.tenants
        met = read(store, options.tenants, options.days)
    met.append(verdict("a year of 10,000 tenants", size / 1e9, at_most=1.5, unit="GB"))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
