"""What follows a snapshot, or is made of one, as tenants become more: microseconds a tenant.

    python -m bench.fleet_growth [--tenants 5000 10000 20000 40000] [--repeat 3]

Of processors, medians of one run. What grows no faster than the fleet stays the same down a
column. The stores are made up (`bench.pages_server`); records are SQLite's.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import median
from bench.pages_server import services_of
from bench.readings import fleet
from services.access.viewer import Role, TenantPattern, Viewer
from services.bootstrap import NEW_OBJECTS, Services
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.confined import confined
from services.usage.formats import as_json
from services.usage.rollup import RolledUp, roll_up

COLUMNS = (
    "roll-up", "tenants", "json", "confined", "audit", "history", "metrics", "alerts", "index",
    "find", "limits",
)  # fmt: skip


def cases(built: Services, tenants: int) -> Mapping[str, Callable[[], object]]:
    """Return what is measured of one fleet."""
    snapshot = built.collector.state.snapshot
    assert snapshot is not None
    made_up = fleet(tenants)
    scope = frozenset({TenantPattern.parse("tenant/t0001*")})
    viewer = Viewer("someone", Role.VIEWER, scope)
    ownership = built.usage.ownership()
    moments = iter(range(1, 1_000))

    def rolled() -> RolledUp:
        nodes = Ownership(made_up.seen, schemes=NamingSchemes.of())
        return roll_up(made_up.readings, nodes)

    def remembered() -> None:
        at = snapshot.collected_at + timedelta(hours=next(moments))
        built.remember(replace(snapshot, collected_at=at))

    def indexed() -> object:
        return built.finding._index_by(replace(snapshot), ownership)  # noqa: SLF001

    return {
        "roll-up": rolled,
        "tenants": lambda: list(rolled().tenants),
        "json": lambda: json.dumps(as_json(snapshot)),
        "confined": lambda: confined(snapshot, viewer, ownership),
        "audit": lambda: built.isolation.audit(snapshot),
        "history": remembered,
        "metrics": lambda: built.metrics.expose("text/plain"),
        "alerts": built.alert_worker.run_once,
        "index": indexed,
        "find": lambda: built.finding.find("t0004", snapshot, contains=True),
        "limits": lambda: built.limits.follow(snapshot),
    }


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, nargs="+", default=[5_000, 10_000, 20_000, 40_000])
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    logging.disable()
    gc.set_threshold(NEW_OBJECTS)
    print(f"{'tenants':>8}" + "".join(f"{name:>10}" for name in COLUMNS))
    for tenants in options.tenants:
        with TemporaryDirectory() as data:
            built = services_of(tenants, Path(data))
            took: dict[str, list[float]] = {}
            for _ in range(options.repeat):
                for name, run in cases(built, tenants).items():
                    began = time.process_time()
                    run()
                    took.setdefault(name, []).append(time.process_time() - began)
            built.close()
        cells = (f"{median(took[name]) / tenants * 1e6:>10,.2f}" for name in COLUMNS)
        print(f"{tenants:>8,}" + "".join(cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
