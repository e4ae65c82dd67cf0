"""Fleets and moments as the metrics see them, and what their text says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from services.backups.models import Backup, Run, Standing, State
from services.figures import PREDICTIONS, Amount, Measure, StoreState, Usage
from services.metrics.models import Books, Moment
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Claim, ClaimState
from services.usage.refresh import CollectorState
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures, TenantUsage, Unattributed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZERO = Amount(0, 0)

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def usage(keys: int | None = 0, size: int | None = 0, **more: Amount | None) -> Usage:
    """Return somebody's figures: so many keys, all of one kind, and other measures by name."""
    figures = {m.value: more.get(m.value, ZERO) for m in Measure}
    figures["keys"] = None if keys is None else Amount(keys, size)
    predictions = more.get(PREDICTIONS, None if keys is None else ZERO)
    kinds = None if keys is None else {"frequency": keys}
    return Usage(**figures, keys_by_kind=kinds, predictions=predictions)


def snapshot(
    tenants: Mapping[str, Usage] | Sequence[tuple[TenantKey, Usage]] = (), *,
    shared: Sequence[Usage] = (), unowned: Usage | None = None, at: datetime = NOW,
    **stores: StoreFigures,
) -> Snapshot:  # fmt: skip
    """Return a snapshot of these tenants; every store that is not given was read to the end."""
    if isinstance(tenants, Mapping):
        tenants = [(TenantKey("tenant", name), usage) for name, usage in tenants.items()]
    read = {
        m: stores.get(m.value)
        or StoreFigures(m, StoreState.OK, Amount(7, 70), collected_at=at, seconds=2.0)
        for m in Measure
    }
    both = Claim(ClaimState.SHARED, (), "")
    return Snapshot(
        at, read, tuple(TenantUsage(key, ClaimState.KNOWN, has, ()) for key, has in tenants),
        tuple(KbUsage(f"kb{n}", True, both, has) for n, has in enumerate(shared)),
        Unattributed(unowned or usage()),
    )  # fmt: skip


def moment(snapshot: Snapshot | None = None, *, books: Books = Books(), **more: Any) -> Moment:  # noqa: B008
    """Return a moment a minute after a snapshot that took 5 seconds."""
    state = CollectorState(snapshot, seconds=None if snapshot is None else 5.0)
    made = Moment(NOW.replace(minute=1), state, 3, 1, books, "0.1.0")
    return replace(made, **more)


def backed(
    tenant: str, *, run: bool = True, proven: datetime | None = None, problem: str = "",
    late: timedelta | None = None,
) -> Standing:  # fmt: skip
    """Return how a tenant is backed up: whether there was a run, and what it came to."""
    key = TenantKey("tenant", tenant)
    state = State.FAILED if problem else State.TAKING if proven is None else State.PROVEN
    took = Backup("a1", key, proven or NOW, state, problem=problem) if run else None
    last = Run(key, NOW, NOW, "a1") if run else None
    return Standing(key, None, last, took, took if proven else None, NOW, late)


class Made(Collector):
    """Metrics that are there, for prometheus_client to write."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def written_again(text: str) -> str:
    """Return what prometheus_client writes of the series that it reads in a text."""
    return generate_latest(Made(text_string_to_metric_families(text))).decode()


def series(text: str | bytes) -> Series:
    """Read a text in the format 0.0.4; a series that is there twice is an error."""
    found: Series = {}
    words = text if isinstance(text, str) else text.decode()
    for family in text_string_to_metric_families(words):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(found: Series, name: str, **labels: str) -> float | None:
    """Return the value of one series, None where it is not there."""
    return found.get((f"kato_tenants_{name}", frozenset(labels.items())))
