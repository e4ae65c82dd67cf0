"""Metrics of alerts and of those who are told. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from services.isolation.severity import Severity
from services.metrics.catalogue import gauge, single
from services.metrics.models import Moment


def alerts(moment: Moment) -> Iterator[Metric]:
    """Yield how many fire and how routes do; nothing before the first look, or where unknown."""
    tally = moment.books.alerts
    if tally is None or tally.looked_at is None:
        return
    yield single("alerts_looked_timestamp_seconds", tally.looked_at.timestamp())
    firing = gauge("alerts")
    for severity in Severity:
        for silenced in (False, True):
            number = tally.firing.get((severity, silenced), 0)
            firing.add_metric((severity.value, str(silenced).lower()), number)
    yield firing
    up, waiting = gauge("alert_route_up"), gauge("alert_messages_waiting")
    for route in tally.routes:
        waiting.add_metric((route.route,), route.waiting)
        if route.sent_at is not None or route.failing_since is not None:
            up.add_metric((route.route,), float(route.failing_since is None))
    yield from (up, waiting)
