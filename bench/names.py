"""100,000 names: how long an import takes, and what knowing them costs every collect.

    python -m bench.names [--names 100000] [--tenants 10000] [--repeat 7]

The import is the whole of it, from the bytes of a CSV file to the records in SQLite and who owns
what. A collect is over made-up stores that answer at once: with the names that its sessions bring,
and with all the others known as well. In the first one after names came, who owns what is worked
out anew; all the later ones are what a dashboard does every minute.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import median, seconds, side_by_side, spread, verdict
from bench.pages_server import usage_of
from bench.readings import Fleet, fleet
from services.access.viewer import Role, Viewer
from services.names.judge import judge
from services.names.read import read
from services.stores.records.nodes import StateStore
from services.tenancy.schemes import NamingSchemes
from services.usage.kept import Owners

NOW = datetime.now(UTC)
ADMIN = Viewer("bench", Role.ADMIN)


def file_of(names: int, tenants: int) -> bytes:
    """Return a CSV file of so many node_ids of these tenants."""
    lines = (f"tenant:t{at % tenants:05d}:user:n{at},,2025-01-31\r\n" for at in range(names))
    return b"node_id,tenant,since\r\n" + "".join(lines).encode()


def bring(data: bytes, state: StateStore) -> int:
    """Import a file, and work out who owns what then. Return how many names are known."""
    owners = Owners(state, schemes=NamingSchemes.of(), service="kato")
    found = judge(read(data), owners.now(), ADMIN, now=NOW)
    since = {line.node_id: line.since or NOW for line in found.lines if line.taken}
    state.import_nodes(since, by=ADMIN.id)
    return len(owners.now().nodes_by_kb)


def collects(made_up: Fleet, data: bytes, repeat: int) -> list[bool]:
    """Compare collects with the fleet's own names and with those of the file besides."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        few, many = StateStore.open(Path(one)), StateStore.open(Path(other))
        usage = {"its own names": usage_of(made_up, few), "all": usage_of(made_up, many)}
        bring(data, many)
        first = {name: seconds(each.collect) for name, each in usage.items()}
        times = side_by_side({name: each.collect for name, each in usage.items()}, repeat=repeat)
        few.close()
        many.close()
    for name, found in times.items():
        print(f"     collect, {name:<31} {spread(found)}, the first {first[name] * 1e3:,.0f} ms")
    ratio = median(times["all"]) / median(times["its own names"])
    return [verdict("a collect with all names known", ratio, at_most=1.2)]


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    data = file_of(options.names, options.tenants)
    with tempfile.TemporaryDirectory() as folder:
        state = StateStore.open(Path(folder))
        took = seconds(lambda: bring(data, state))
        again = seconds(lambda: bring(data, state))
        state.close()
    met = [
        verdict(f"import of {options.names:,} names", took, at_most=10, unit="s"),
        verdict("the same file again", again, at_most=10, unit="s"),
        *collects(fleet(options.tenants), data, options.repeat),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
