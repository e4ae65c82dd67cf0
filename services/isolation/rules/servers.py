"""Rules on ClickHouse tables that reach further than the servers that are asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.isolation.models import Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.layout import bytes_of


def _unasked(seen: Seen) -> Iterable[Finding]:
    facts = seen.patterns
    unasked = facts.unasked if facts else {}
    for table in sorted(unasked, key=bytes_of):
        known, asked = unasked[table]
        yield Finding(
            code="layout.servers",
            subject=table,
            severity=Severity.MEDIUM,
            what=f"The table {table} has {known:,} replicas, of which {asked:,} are asked.",
            evidence={
                "replicas that Keeper knows": known,
                "replicas that are asked": asked,
                "a cluster is set": "yes" if facts and facts.clustered else "no",
            },
            deeds=(Deed(DeedKind.SYSTEM, "clickhouse"),),
        )


RULES: tuple[Rule, ...] = (
    Rule(
        code="layout.servers",
        severity=Severity.MEDIUM,
        title="Replicas that nobody asks",
        why="What a purge erases is looked for on the servers that are asked alone: a replica that "
        "lags or is down can hold it still, and nothing would tell.",
        remedy="Set CLICKHOUSE_CLUSTER to the cluster whose definition has all replicas, or take "
        "those that are gone for good out of Keeper with SYSTEM DROP REPLICA.",
        needs=frozenset({Need.CLICKHOUSE}),
        find=_unasked,
    ),
)
