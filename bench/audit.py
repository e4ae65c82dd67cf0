"""The isolation audit of a whole fleet, against the usage snapshot of the same.

    python -m bench.audit [--keys 1000000 --kb-ids 5000 --tenants 1000 --collections 1000]

The stores are those of `bench.collector`. A snapshot is what the collector takes; an audit asks
every store for its facts and judges that snapshot by every rule, and a whole run of
`kato-tenants audit` is both. What the rules alone take is measured apart.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import timedelta
from unittest import mock

from bench import collector
from bench.clickhouse import DATABASE
from bench.measure import Run, median, side_by_side, spread, verdict
from services.isolation.audit import IsolationService
from services.isolation.models import RuleState
from services.isolation.ports import FactSources
from services.isolation.rules import RULES
from services.settings.environment import Settings
from services.stores.clickhouse.audit import PatternAudit
from services.stores.clickhouse.query import ClickHouse
from services.stores.kato.audit import KatoAudit
from services.stores.qdrant.audit import VectorAudit
from services.stores.redis.audit import KeyAudit
from services.usage.collect import UsageService
from services.usage.snapshot import Snapshot

AT_MOST = 2.0


def isolation_of(found: collector.Stores, usage: UsageService) -> IsolationService:
    """Build the use case over the same engines, keeping nothing."""
    settings = Settings()
    return IsolationService(
        rules=RULES,
        sources=FactSources(
            PatternAudit(ClickHouse(found.connect, database=DATABASE)),
            KeyAudit(found.redis, pass_seconds=settings.pass_seconds),
            VectorAudit(
                found.qdrant, shared_collections=frozenset(settings.shared_collections)
            ),
            KatoAudit(),
        ),
        book=mock.Mock(),
        collect=usage.collect,
        ownership=usage.ownership,
        tombstones=lambda *_: (),
        deadline=settings.pass_seconds,
        interval=timedelta(minutes=settings.audit_minutes),
        embedded=False,
    )  # fmt: skip


def what(isolation: IsolationService, snapshot: Snapshot) -> None:
    """Say what the audit found, and how long each rule took that takes long."""
    audit = isolation.look(snapshot)
    states = [result.state for result in audit.results]
    print(f"     {len(audit.findings):,} findings;",
          ", ".join(f"{states.count(state)} {state.value}" for state in RuleState))  # fmt: skip
    for result in audit.results:
        if result.state is RuleState.UNKNOWN:
            print(f"     unknown: {result.rule.code}: {result.reason}")


def slow_rules(isolation: IsolationService, snapshot: Snapshot) -> None:
    """Name the rules that take longest."""
    with mock.patch("services.isolation.audit.judge", return_value=[]) as judging:
        isolation.look(snapshot)
    seen = judging.call_args.args[1]
    times = {}
    for rule in RULES:
        began = time.perf_counter()
        list(rule.find(seen)) if rule.area != "exposure" else None
        times[rule.code] = time.perf_counter() - began
    for code in sorted(times, key=lambda code: -times[code])[:5]:
        print(f"     rule {code:<28} {times[code] * 1e3:8.1f} ms")


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--kb-ids", type=int, default=5_000)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--collections", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with collector.stores(options) as found, collector.cold_usage(found) as usage:
        snapshot = usage.collect()
        isolation = isolation_of(found, usage)
        what(isolation, snapshot)
        slow_rules(isolation, snapshot)
        cases: dict[str, Run] = {
            "snapshot": usage.collect,
            "audit": lambda: isolation.look(snapshot),
        }
        times = side_by_side(cases, repeat=options.repeat)
    for name, taken in times.items():
        print(f"     {name:<12} {spread(taken)}")
    ratio = median(times["audit"]) / median(times["snapshot"])
    return 0 if all([
        verdict("audit / snapshot", ratio, at_most=AT_MOST),
        verdict("snapshot and audit / snapshot", ratio + 1, at_most=AT_MOST),
    ]) else 1  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
