"""What it takes to hand a snapshot to other dashboards: bytes, and seconds to write and to read it.

    python -m bench.published [--tenants 5000 20000] [--kb-ids 5] [--repeat 3]

Writing anew is what a round costs in which one tenant in a hundred changed. What was written is put
into a PostgreSQL of its own, which syncs nothing, and taken from there.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.finding import snapshot_of
from bench.readings import KINDS, Fleet, fleet
from services.dashboards import models
from services.dashboards.published import Published, Publisher, Reader
from services.figures import Amount
from services.stores.records.dashboards import DashboardBook
from services.stores.records.database import open_database
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.groups import Groups
from services.usage.readings import KeyGroup, PatternUsage
from services.usage.rollup import Readings
from services.usage.snapshot import Snapshot
from tests.servers import postgres


def with_more(made_up: Fleet, users: int) -> Fleet:
    """Give every tenant so many kb_ids more."""
    nodes = [node for node in made_up.seen if node.endswith("u0")]
    more = [node.replace("u0", f"v{at}") for node in nodes for at in range(users)]
    chance = random.Random(5)
    readings = made_up.readings
    assert readings.keys
    assert readings.patterns
    patterns = tuple(
        PatternUsage(kb_id_of(node), Amount(chance.randint(1, 900), chance.randint(1, 90_000)),
                     rows_by_table={"patterns_data": 3})
        for node in more
    )  # fmt: skip
    groups = tuple(
        KeyGroup(Owner(OwnerKind.KB, kb_id_of(node)), kind, Amount(chance.randint(1, 90), 9_000))
        for node in more for kind in KINDS
    )  # fmt: skip
    return Fleet(
        Readings(
            replace(readings.patterns, usages=(*readings.patterns.usages, *patterns)),
            replace(readings.keys, groups=Groups.of((*readings.keys.groups, *groups))),
            readings.vectors,
        ),
        (*made_up.seen, *more),
    )


def timed(deed: Callable[[], object], repeat: int = 1) -> float:
    """Return the quickest of some runs, in seconds."""
    found = []
    for _ in range(repeat):
        began = time.perf_counter()
        deed()
        found.append(time.perf_counter() - began)
    return min(found)


def changed(snapshot: Snapshot, share: float) -> Snapshot:
    """Return the next round: a share of the tenants are other objects, all others the same."""
    every = round(1 / share)
    tenants = tuple(
        replace(usage) if at % every == 0 else usage for at, usage in enumerate(snapshot.tenants)
    )
    return replace(snapshot, tenants=tenants, sessions=tuple(snapshot.sessions or ()))


def measure(tenants: int, users: int, repeat: int) -> Published:
    """Print what one size costs."""
    made_up = with_more(fleet(tenants), users)
    ownership = Ownership(made_up.seen, schemes=NamingSchemes.of())
    snapshot = snapshot_of(made_up, ownership)
    parts = sum(len(usage.parts) for usage in snapshot.tenants)
    making = timed(lambda: list(snapshot_of(made_up, ownership).tenants))
    gc.collect()
    publisher, reader = Publisher(version="bench"), Reader()
    first = timed(lambda: publisher.published(snapshot, seconds=1.0))
    anew = timed(lambda: publisher.published(changed(snapshot, 0.01), seconds=1.0), repeat)
    found = publisher.published(snapshot, seconds=1.0)
    same = timed(lambda: publisher.published(snapshot, seconds=1.0), repeat)
    contents = {found.digests[name]: content for name, content in found.contents.items()}
    reading = timed(lambda: Reader().read(found.head, contents), repeat)
    read, _ = reader.read(found.head, contents)
    every = timed(lambda: list(read.tenants))
    sizes = {name: f"{len(content) / 1e6:.2f}" for name, content in found.contents.items()}
    print(
        f"{tenants:,} tenants, {parts:,} parts, {len(snapshot.sessions or ()):,} sessions:"
        f" {sum(map(len, found.contents.values())) / 1e6:.2f} MB {sizes}\n"
        f"  write {first:.3f} s, {anew:.3f} s where 1 % changed, {same:.4f} s where nothing did"
        f" (a roll-up with every tenant made: {making:.3f} s)\n"
        f"  read {reading:.3f} s, every tenant looked at {every:.3f} s more"
    )
    assert read == replace(snapshot, tenants=tuple(snapshot.tenants))
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--tenants", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--kb-ids", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    with postgres.running() as server, TemporaryDirectory() as folder:
        engine = open_database(Path(folder), server.new_database(), seconds=60)
        book = DashboardBook(engine, me="bench", name="bench", version="1", read_only=False)
        number = book.beat(holds=None, lasts=models.LEASE).number
        for tenants in given.tenants:
            found = measure(tenants, given.kb_ids - 1, given.repeat)
            put = partial(book.publish, found)
            with book.fenced(number):
                first, again = timed(put), timed(put)
            taken = timed(partial(book.take, ()), given.repeat)
            print(
                f"  PostgreSQL: put {first:.3f} s, the head alone {again:.3f} s, got {taken:.3f} s"
            )
        engine.dispose()


if __name__ == "__main__":
    main()
