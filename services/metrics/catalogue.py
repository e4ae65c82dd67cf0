"""Every metric of this product: its name, type, labels and meaning. Pure.

Names are as Prometheus asks for (https://prometheus.io/docs/practices/naming/): base units, one
unit a metric, `_total` for counters alone. `docs/metrics.md` lists the same, which a test holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)

PREFIX = "kato_tenants_"

_HOLDER = ("holder", "tenant")
_LIMIT = ("tenant", "measure")


@dataclass(frozen=True, slots=True)
class Described:
    """A gauge: what it tells, and the labels of its series."""

    meaning: str
    labels: tuple[str, ...] = ()


HOLDERS: dict[str, Described] = {
    "patterns": Described("Patterns.", _HOLDER),
    "patterns_bytes": Described("Bytes on disk of the patterns.", _HOLDER),
    "keys": Described("Redis keys, sessions apart.", _HOLDER),
    "keys_bytes": Described("Memory of the Redis keys.", _HOLDER),
    "keys_by_kind": Described("Redis keys of one kind.", (*_HOLDER, "kind")),
    "predictions_bytes": Described("Memory of the keys of predictions.", _HOLDER),
    "vectors": Described("Vectors (points) in Qdrant.", _HOLDER),
    "vectors_bytes": Described("Bytes of the vectors.", _HOLDER),
    "sessions": Described("Sessions in Redis.", _HOLDER),
    "sessions_bytes": Described("Memory of the sessions.", _HOLDER),
}
"""What each holder has: a tenant, the other tenants, what is shared, what is unowned."""

LIMITS: dict[str, Described] = {
    "limit": Described("How many a tenant should have at most.", _LIMIT),
    "limit_bytes": Described("How many bytes a tenant should have at most.", _LIMIT),
    "limit_used_ratio": Described("How much of a limit is used, 1 for all of it.", _LIMIT),
    "limit_state": Described("Whether a tenant is near or over a limit.", (*_LIMIT, "state")),
}
"""Each limit of a tenant."""

GAUGES: dict[str, Described] = {
    "collecting": Described("Whether this dashboard reads the stores, and no other one does."),
    "dashboards": Described("Dashboards on the same records that are there."),
    "tenants": Described("Tenants, by whether they have series of their own.", ("named",)),
    "limit_tenants": Described("Tenants with a limit, by their gravest state.", ("state",)),
    "stored": Described("What a store says that it holds, of everyone.", ("measure",)),
    "stored_bytes": Described("Bytes of what a store holds, of everyone.", ("measure",)),
    "unaccounted": Described("What a store holds less the sum over all holders.", ("measure",)),
    "unaccounted_bytes": Described("Its bytes less the sum over all holders.", ("measure",)),
    "measure_known": Described("Whether a measure was read to the end.", ("measure",)),
    "measure_sampled": Described("Whether its bytes are estimated by a sample.", ("measure",)),
    "measure_read_timestamp_seconds": Described("When it was last read.", ("measure",)),
    "measure_read_duration_seconds": Described("How long reading it took.", ("measure",)),
    "store_up": Described("Whether a store answered when it was last asked.", ("store",)),
    "snapshot_timestamp_seconds": Described("When the snapshot was taken."),
    "snapshot_age_seconds": Described("How old the snapshot is."),
    "snapshot_duration_seconds": Described("How long the last refresh took."),
    "audit_timestamp_seconds": Described("When the isolation audit was last made."),
    "audit_duration_seconds": Described("How long it took, snapshot apart."),
    "audit_score_ratio": Described("Its score, from 0 to 1."),
    "audit_rules": Described("Rules of the audit, by what came of them.", ("state",)),
    "findings": Described("Findings that are not resolved.", ("severity", "status")),
    "alerts": Described("Alerts that fire.", ("severity", "silenced")),
    "alerts_looked_timestamp_seconds": Described("When alerts were last looked for."),
    "alert_route_up": Described("Whether a route took what was last sent to it.", ("route",)),
    "alert_messages_waiting": Described("Messages that are still to be sent.", ("route",)),
    "purge_jobs": Described("Purge jobs, by state.", ("state",)),
    "purge_outcomes": Described("Purge jobs that ended, by what they came to.", ("outcome",)),
    "purge_longest_running_seconds": Described("Since when the oldest running purge runs."),
    "purge_unattended": Described("Running purges that no process has taken on."),
    "jobs": Described("Jobs of one kind, purges apart, by state.", ("kind", "state")),
    "jobs_unattended": Described("Running jobs that no process has taken on.", ("kind",)),
    "backup_tenants": Described("Tenants that a rule has backed up, by state.", ("state",)),
    "backup_newest_timestamp_seconds": Described(
        "When a tenant's newest proven archive was taken.", ("tenant",)
    ),
    "deployment_up": Described("Whether a deployment of several has started.", ("deployment",)),
    "deployments_read": Described("Whether the file of deployments is read as it is now."),
}
"""What is told of the whole deployment, and of several."""

COUNTERS = {
    "refreshes": "Refreshes of the snapshot that ended since the start, well or not.",
    "refresh_failures": "Refreshes that brought no snapshot at all, since the start.",
}
"""What is counted since the start."""

INFO_MEANING = "The version of this product, and the deployment's name."


def gauge(name: str) -> GaugeMetricFamily:
    """Return a gauge of this name without series."""
    found = GAUGES[name]
    return GaugeMetricFamily(PREFIX + name, found.meaning, labels=found.labels)


def single(name: str, value: float) -> GaugeMetricFamily:
    """Return a gauge of this name that has no labels, and so one series."""
    return GaugeMetricFamily(PREFIX + name, GAUGES[name].meaning, value=value)


def counter(name: str, value: int) -> CounterMetricFamily:
    """Return a counter of this name."""
    return CounterMetricFamily(PREFIX + name, COUNTERS[name], value=value)


def info(version: str, deployment: str) -> Metric:
    """Return what says which product this is."""
    words = {"version": version, "deployment": deployment}
    return InfoMetricFamily(PREFIX.rstrip("_"), INFO_MEANING, value=words)


def names() -> frozenset[str]:
    """Return the name of every series, as it is in the text."""
    counted = (f"{name}_total" for name in COUNTERS)
    return frozenset(PREFIX + name for name in (*HOLDERS, *LIMITS, *GAUGES, *counted, "info"))
