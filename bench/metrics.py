"""A scrape of a fleet of 10,000 tenants, every one of which has series of its own and three limits.

    python -m bench.metrics [--tenants 10000] [--repeat 5]

The series of all holders are written once a snapshot, in the thread that took it; a scrape adds
what changes by itself. prometheus_client writing the same series stands beside that. The records
answer at once: what a scrape waits for them is bounded (`services/metrics/books.py`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector as Collects

from bench.finding import snapshot_of
from bench.measure import await_quiet, median, seconds, spread, verdict
from bench.readings import fleet
from services.access.viewer import TenantPattern
from services.alerts.tally import AlertTally
from services.backups.models import Standing
from services.isolation.models import Report
from services.limits.judge import Rules
from services.limits.models import Rule, Standings, Thresholds
from services.limits.standing import standings
from services.metrics.books import Bookkeeper, Sources
from services.metrics.models import JobTally, Tally
from services.metrics.service import MetricsService
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.refresh import Collector, CollectorState
from services.usage.snapshot import Snapshot

AT_MOST = 150.0
MOST_TENANTS = 100_000
_EVERY = TenantPattern("*", "*")
_LIMITED = ("patterns", "keys_bytes", "vectors")
_ACCEPT = "application/openmetrics-text;version=1.0.0"


class Quiet:
    """Records with no purge job and no audit, and three limits for every tenant."""

    def tally(self, since: datetime) -> Tally:
        """Return that there is none."""
        del since
        return Tally()

    def report_or_none(self) -> Report | None:
        """Return that there is none."""
        return None

    def version(self) -> int:
        """Return that no limit is changed."""
        return 1

    def standings(self, snapshot: Snapshot) -> Standings:
        """Judge every tenant by them."""
        rules = Rules(Rule(_EVERY, quantity, 1000) for quantity in _LIMITED)
        return Standings(tuple(standings(snapshot, rules, Thresholds(), {})))


class Read(Collects):
    """The series of a text, as prometheus_client would be given them."""

    def __init__(self, text: str) -> None:
        self._metrics = list(text_string_to_metric_families(text))

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        yield from self._metrics


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    made_up = fleet(options.tenants)
    snapshot = snapshot_of(made_up, Ownership(made_up.seen, schemes=NamingSchemes.of()))
    state = SimpleNamespace(state=CollectorState(snapshot, seconds=1.0), rounds=1, failures=0)
    quiet = Quiet()
    books = Bookkeeper(
        Sources(quiet, quiet, quiet, AlertTally, JobTally, tuple[Standing, ...]), patience=60
    )
    service = MetricsService(
        cast("Collector", state), books, most=MOST_TENANTS, version="bench",
        deployment="", now=lambda: datetime.now(UTC),
    )  # fmt: skip
    if not await_quiet():
        print("     the machine is busy")
    writing, scrapes = [], []
    for _ in range(options.repeat):
        service.expose(_ACCEPT)
        state.state = replace(state.state, snapshot=replace(snapshot))
        writing.append(seconds(lambda: service.follow(state.state.snapshot)))
        scrapes.append(seconds(lambda: service.expose(_ACCEPT)))
    text = service.expose("").body
    theirs = Read(text.decode())
    alone = seconds(lambda: generate_latest(theirs))
    series = sum(not line.startswith(b"#") for line in text.splitlines())
    print(f"     {options.tenants:,} tenants, {series:,} series, {len(text) / 1e6:,.1f} MB")
    print(f"     written once a snapshot in {spread(writing)}, by prometheus_client {alone:,.1f} s")
    print(f"     a scrape {spread(scrapes)}")
    met = verdict("a scrape", median(scrapes) * 1e3, at_most=AT_MOST, unit="ms")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
