"""Metrics of the snapshot, of each measure, and of the stores that were asked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from services.errors import Fault
from services.figures import Measure, Precision, StoreState
from services.metrics.catalogue import counter, gauge, info, single
from services.metrics.models import Moment
from services.usage.snapshot import Snapshot, StoreFigures

RECORDS = "records"
"""How this product's own records are called among the stores."""

_STORES = {
    Measure.PATTERNS: "clickhouse", Measure.KEYS: "redis", Measure.VECTORS: "qdrant",
}  # fmt: skip


def about(moment: Moment) -> Iterator[Metric]:
    """Yield which product this is, and how its refreshes go."""
    state, snapshot = moment.collector, moment.collector.snapshot
    yield info(moment.version, moment.deployment)
    yield single("collecting", moment.collects)
    if moment.dashboards is not None:
        yield single("dashboards", moment.dashboards)
    yield counter("refreshes", moment.rounds)
    yield counter("refresh_failures", moment.failures)
    if state.seconds is not None:
        yield single("snapshot_duration_seconds", state.seconds)
    if snapshot is not None:
        at = snapshot.collected_at
        yield single("snapshot_timestamp_seconds", at.timestamp())
        yield single("snapshot_age_seconds", max((moment.now - at).total_seconds(), 0))
        yield from _tenants(moment, snapshot)


def _tenants(moment: Moment, snapshot: Snapshot) -> Iterator[Metric]:
    """Yield how many tenants there are: not told where one may be there that was not found."""
    if all_found(snapshot):
        found = gauge("tenants")
        found.add_metric(("true",), moment.named)
        found.add_metric(("false",), moment.others)
        yield found


def all_found(snapshot: Snapshot) -> bool:
    """Whether every tenant was found: each store that is configured was read to the end."""
    return all(_is_read(figures) for figures in snapshot.stores.values())


def _is_read(figures: StoreFigures) -> bool:
    return figures.whole or figures.state is StoreState.NOT_CONFIGURED


def measures(moment: Moment) -> Iterator[Metric]:
    """Yield what is known of each measure, and what its store holds of everyone."""
    snapshot = moment.collector.snapshot
    if snapshot is None:
        return
    for name, value_of in _BY_MEASURE.items():
        yield _by_measure(gauge(name), snapshot.stores, value_of)


def _by_measure(
    found: GaugeMetricFamily,
    stores: Mapping[Measure, StoreFigures],
    value_of: Callable[[StoreFigures], float | None],
) -> Metric:
    for measure, figures in stores.items():
        value = None if figures.state is StoreState.NOT_CONFIGURED else value_of(figures)
        if value is not None:
            found.add_metric((measure.value,), value)
    return found


def _stored(figures: StoreFigures) -> float | None:
    return figures.total.count if figures.whole and figures.total else None


def _stored_bytes(figures: StoreFigures) -> float | None:
    return figures.total.bytes if figures.whole and figures.total else None


def _unaccounted(figures: StoreFigures) -> float | None:
    return figures.difference.count if figures.whole and figures.difference else None


def _unaccounted_bytes(figures: StoreFigures) -> float | None:
    return figures.difference.bytes if figures.whole and figures.difference else None


def _sampled(figures: StoreFigures) -> float | None:
    return float(figures.precision is Precision.SAMPLED) if figures.whole else None


def _read_at(figures: StoreFigures) -> float | None:
    """Tell when it was last read to the end: of a pass under way that is not known."""
    good = figures.whole or figures.failed
    return figures.collected_at.timestamp() if good and figures.collected_at else None


def _seconds(figures: StoreFigures) -> float | None:
    return figures.seconds if figures.whole else None


_BY_MEASURE: Mapping[str, Callable[[StoreFigures], float | None]] = {
    "measure_known": lambda figures: float(figures.whole),
    "measure_sampled": _sampled,
    "measure_read_timestamp_seconds": _read_at,
    "measure_read_duration_seconds": _seconds,
    "stored": _stored,
    "stored_bytes": _stored_bytes,
    "unaccounted": _unaccounted,
    "unaccounted_bytes": _unaccounted_bytes,
}


def stores(moment: Moment) -> Iterator[Metric]:
    """Yield whether each store answered; nothing of one without an address, or not asked yet."""
    found, snapshot = gauge("store_up"), moment.collector.snapshot
    if snapshot is not None:
        for store, up in _answered(snapshot, ended=moment.collector.seconds is not None):
            found.add_metric((store,), float(up))
    if moment.books.up is not None:
        found.add_metric((RECORDS,), float(moment.books.up))
    yield found


def _answered(snapshot: Snapshot, *, ended: bool) -> Iterator[tuple[str, bool]]:
    """Yield which stores answered; KATO's pass leaves no sign before all have `ended`."""
    for measure, store in _STORES.items():
        figures = snapshot.stores[measure]
        if figures.state is StoreState.OK or figures.failed:
            yield store, not figures.failed
    silent, problem = snapshot.kato_failing_since is not None, snapshot.kato_problem
    absent = problem is not None and problem.fault is Fault.NOT_CONFIGURED
    if silent or (ended and not absent):
        yield "kato", not silent
