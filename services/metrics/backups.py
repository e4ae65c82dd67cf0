"""Metrics of backups. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

from prometheus_client.metrics_core import Metric

from services.backups.judge import failed, missed
from services.backups.models import Standing
from services.metrics.catalogue import gauge
from services.metrics.models import Moment
from services.visible import visible


class State(StrEnum):
    """How a tenant that a rule has backed up stands; the first that is so."""

    MISSED = "missed"
    FAILED = "failed"
    TAKING = "taking"
    PROVEN = "proven"
    WAITING = "waiting"


def backups(moment: Moment) -> Iterator[Metric]:
    """Yield how tenants are backed up that are to be; nothing where it is not known."""
    standings = moment.books.backups
    if standings is None:
        return
    tenants, newest = gauge("backup_tenants"), gauge("backup_newest_timestamp_seconds")
    states = Counter(map(_state, standings))
    for state in State:
        tenants.add_metric((state.value,), states[state])
    for each in standings:
        if each.newest is not None and each.tenant in moment.with_series:
            newest.add_metric((visible(str(each.tenant)),), each.newest.at.timestamp())
    yield from (tenants, newest)


def _state(standing: Standing) -> State:
    """Return how one stands."""
    alone: Sequence[Standing] = (standing,)
    if missed(alone):
        return State.MISSED
    if failed(alone):
        return State.FAILED
    if standing.took is None:
        return State.WAITING
    return State.PROVEN if standing.took.proven else State.TAKING
