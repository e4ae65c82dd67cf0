"""Find over a fleet of 10,000 tenants, against a single pass over the same.

    python -m bench.finding [--tenants 10000] [--repeat 9]

A single pass is a plain loop over all tenants of the snapshot that compares the text with each
name there is: tenant, kb_id, node_id, session and collection. It reads no naming scheme, sums no
figures and says nothing of how it knows; one that reads each node_id for its user, as a tool
without an index has to, stands beside it. For a pattern name it is the one ClickHouse query alone,
on the real engine in process. The first question after a refresh pays for the index: it is
measured apart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime

from bench.clickhouse import DATABASE, clickhouse, fill_patterns
from bench.measure import Run, median, side_by_side, spread, verdict
from bench.readings import Fleet, fleet
from services.figures import Amount, Measure, StoreState
from services.find.index import FleetIndex
from services.find.models import KeySight
from services.find.search import FindService
from services.stores.absent import absent
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.usage import PatternStore
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.rollup import Readings, roll_up
from services.usage.snapshot import Snapshot, StoreFigures

AT_MOST = 1.5
_ANY = f"SELECT name FROM {DATABASE}.patterns_data LIMIT 1"
_QUERY = f"""
SELECT kb_id, count() FROM {DATABASE}.patterns_data WHERE name = {{name:String}} GROUP BY kb_id
"""


class NoKeys:
    """Stands for a Redis that has no such key."""

    def peek(self, keys: Sequence[bytes]) -> tuple[KeySight, ...]:
        """Return nothing."""
        del keys
        return ()


def snapshot_of(made_up: Fleet, ownership: Ownership) -> Snapshot:
    """Roll a made-up fleet up as a collect would."""
    readings = made_up.readings
    assert readings.keys
    assert readings.vectors
    rolled = roll_up(readings, ownership)
    return Snapshot(
        datetime.now(UTC),
        {m: StoreFigures(m, StoreState.OK, Amount()) for m in Measure},
        rolled.tenants,
        rolled.shared,
        rolled.unattributed,
        readings.keys.sessions,
        (),
        readings.vectors.collections,
    )


# --- the single passes ------------------------------------------------------------------------


def single_pass(snapshot: Snapshot, text: str) -> list[object]:
    """Compare a text with every name of the fleet, in one plain loop."""
    found: list[object] = [t for t in snapshot.tenants if text == t.tenant.id]
    found += [
        part
        for tenant in snapshot.tenants
        for part in tenant.parts
        if text == part.name or any(text in node for node in part.nodes)
    ]
    found += [s for s in snapshot.sessions or () if text in {s.session_id, s.key}]
    found += [c for c in snapshot.collections if text == c.name]
    return found


def reading_pass(snapshot: Snapshot, schemes: NamingSchemes, text: str) -> list[object]:
    """Read every node_id of the fleet for its user, in one plain loop."""
    found: list[object] = []
    for tenant in snapshot.tenants:
        for part in tenant.parts:
            for node in part.nodes:
                reading = schemes.read(node)
                if reading is not None and text in reading.values.values():
                    found.append(part)
    return found


# --- the sections -----------------------------------------------------------------------------


def memory_section(tenants: int, repeat: int) -> list[bool]:
    """Questions that the snapshot answers: no store is asked, or one that has nothing."""
    made_up, schemes = fleet(tenants), NamingSchemes.of()
    ownership = Ownership(made_up.seen, schemes=schemes)
    snapshot = snapshot_of(made_up, ownership)
    service = FindService(
        patterns=absent("clickhouse", "CLICKHOUSE_HOST"), keys=NoKeys(),
        ownership=lambda: ownership, schemes=schemes,
    )  # fmt: skip
    assert snapshot.sessions
    few = f"t{tenants // 2 + tenants // 2 % 5:05d}"
    questions = {
        "a tenant's id": few,
        "a node_id": made_up.seen[len(made_up.seen) // 2],
        "a kb_id": snapshot.tenants[tenants // 2].parts[0].name,
        "a session id": snapshot.sessions[tenants // 3].session_id,
        "a user of no tenant": "somebody",
        "a user of 10 tenants": "u",
    }
    service.find("warm", snapshot)
    met = [ratio_of(service, snapshot, name, text, repeat) for name, text in questions.items()]
    met.append(first_of(snapshot, ownership, repeat))
    return [*met, everyone_of(service, snapshot, schemes, repeat)]


def ratio_of(service: FindService, snapshot: Snapshot, name: str, text: str, repeat: int) -> bool:
    """Ask one question beside a single pass."""
    times = side_by_side(
        {
            "find": lambda: service.find(text, snapshot),
            "pass": lambda: single_pass(snapshot, text),
        },
        repeat=repeat,
    )
    print(f"     {name:<28} find {spread(times['find'])}, a pass {spread(times['pass'])}")
    return verdict(
        f"find {name} / a single pass",
        median(times["find"]) / median(times["pass"]),
        at_most=AT_MOST,
    )


def first_of(snapshot: Snapshot, ownership: Ownership, repeat: int) -> bool:
    """Make the index, which the first question after a refresh pays for, beside a reading pass."""
    times = side_by_side(
        {
            "index": lambda: FleetIndex(snapshot, ownership),
            "pass": lambda: reading_pass(snapshot, ownership.schemes, "u1"),
        },
        repeat=repeat,
    )
    print(f"     {'the index':<28} made {spread(times['index'])}, read {spread(times['pass'])}")
    return verdict(
        "the index / a pass that reads node_ids",
        median(times["index"]) / median(times["pass"]),
        at_most=AT_MOST,
    )


def everyone_of(
    service: FindService, snapshot: Snapshot, schemes: NamingSchemes, repeat: int
) -> bool:
    """Ask for the user that a fifth of all tenants have: everything found is read and summed."""
    cases: dict[str, Run] = {
        "find": lambda: service.find("u1", snapshot),
        "pass": lambda: reading_pass(snapshot, schemes, "u1"),
    }
    times = side_by_side(cases, repeat=repeat)
    hits = len(service.find("u1", snapshot).hits)
    print(f"     {f'a user of {hits:,} tenants':<28} find {spread(times['find'])},"
          f" read {spread(times['pass'])}")  # fmt: skip
    return verdict(
        "find a user of a fifth of all / a pass that reads",
        median(times["find"]) / median(times["pass"]),
        at_most=AT_MOST,
    )


def clickhouse_section(tenants: int, repeat: int) -> list[bool]:
    """A pattern name: the whole of Find, beside the one query alone."""
    kb_ids = [f"tenant_t{at:05d}_user_u_kato" for at in range(tenants)]
    with tempfile.TemporaryDirectory() as directory, clickhouse(directory) as connect:
        fill_patterns(connect(), kb_ids, rows=tenants * 10)
        engine, alone = ClickHouse(connect, database=DATABASE), connect()
        store = PatternStore(engine)
        snapshot, ownership = nothing_seen(store)
        name = next(iter(alone.query(_ANY).result_columns[0]))
        service = FindService(
            patterns=store, keys=NoKeys(), ownership=lambda: ownership, schemes=ownership.schemes
        )
        assert service.find(name, snapshot).hits
        bound = {"name": name}
        times = side_by_side(
            {
                "find": lambda: service.find(name, snapshot),
                "query": lambda: alone.query(_QUERY, parameters=bound),
            },
            repeat=repeat,
        )
        engine.close()
        alone.close()
    print(f"     {'a pattern name':<28} find {spread(times['find'])},"
          f" the query {spread(times['query'])}")  # fmt: skip
    ratio = median(times["find"]) / median(times["query"])
    return [verdict("find a pattern name / the query alone", ratio, at_most=AT_MOST)]


def nothing_seen(store: PatternStore) -> tuple[Snapshot, Ownership]:
    """Take a snapshot of ClickHouse alone, of which no node_id was seen."""
    ownership = Ownership((), schemes=NamingSchemes.of())
    rolled = roll_up(Readings(store.quick()), ownership)
    figures = {m: StoreFigures(m, StoreState.OK, Amount()) for m in Measure}
    parts = rolled.tenants, rolled.shared, rolled.unattributed
    return Snapshot(datetime.now(UTC), figures, *parts), ownership


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--partitions", type=int, default=1_000, help="of ClickHouse; filled first")
    parser.add_argument("--repeat", type=int, default=9)
    options = parser.parse_args()
    print(f"{options.tenants:,} tenants: medians of {options.repeat}, taking turns")
    met = memory_section(options.tenants, options.repeat)
    met += clickhouse_section(options.partitions, options.repeat)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
