"""Wires alerts: what is kept of them, whom they are sent to, and by what they are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.made_once import made_once
from services.settings.environment import Settings

if TYPE_CHECKING:
    from services.alerts.access import AlertTools
    from services.alerts.deliver import Deliverer
    from services.alerts.look import Thresholds
    from services.alerts.models import Condition, Route
    from services.alerts.tally import AlertTally
    from services.alerts.watch import Sources
    from services.alerts.worker import AlertWorker
    from services.stores.records.alerts import AlertRecords
    from services.stores.records.database import Database


def check(settings: Settings) -> None:
    """Make every receiver once. Raises SettingsError for a route that cannot be."""
    if settings.alert_routes:
        from services.alerts.routes import read_routes
        from services.stores.receivers.open import receivers

        with ExitStack() as closing:
            receivers(read_routes(settings.alert_routes.get_secret_value()), closing)


class Alerting:
    """Alerts in the records of `database`. `wake` has whoever has the turn send at once."""

    def __init__(
        self, settings: Settings, database: Database, closing: ExitStack, *,
        now: Callable[[], datetime], wake: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._settings, self._database, self._closing = settings, database, closing
        self._now, self._wake = now, wake

    @made_once
    def records(self) -> AlertRecords:
        """Alerts, silences, and the journal of messages."""
        from services.stores.records.alerts import AlertRecords

        return AlertRecords(self._database)

    @made_once
    def routes(self) -> tuple[Route, ...]:
        """Who is told. Raises SettingsError."""
        from services.alerts.routes import read_routes

        text = self._settings.alert_routes
        return read_routes(text.get_secret_value() if text else "")

    @made_once
    def thresholds(self) -> Thresholds:
        """After what time a condition asks for somebody; figures are never old within a round."""
        from services.alerts.look import Thresholds

        settings = self._settings
        usual = timedelta(seconds=3 * settings.refresh_seconds + settings.pass_seconds)
        return Thresholds(
            timedelta(minutes=settings.alert_store_minutes),
            max(timedelta(minutes=settings.alert_snapshot_minutes), usual),
            timedelta(days=settings.alert_ahead_days),
        )

    @made_once
    def table(self) -> Mapping[str, Condition]:
        """Every condition, by its code."""
        from services.alerts.conditions import conditions

        return conditions(self.thresholds)

    @made_once
    def deliverer(self) -> Deliverer:
        """What sends. Raises SettingsError for a URL that Apprise does not know."""
        from services.alerts.deliver import Deliverer
        from services.stores.receivers.open import receivers

        found = receivers(
            self.routes, self._closing, deployment=self._settings.deployment,
            url=self._settings.address,
        )  # fmt: skip
        return Deliverer(self.records, found, now=self._now, told=self._wake)

    def worker(self, sources: Sources) -> AlertWorker:
        """Return what looks and sends, to be started; it is stopped in the end."""
        from services.alerts.watch import Watch
        from services.alerts.worker import AlertWorker
        from services.jobs.lease import new_owner

        watch = Watch(sources, self.table, thresholds=self.thresholds, since=self._now())
        worker = AlertWorker(
            self.records, self.deliverer, watch, table=self.table, routes=self.routes,
            owner=new_owner(), now=self._now,
        )  # fmt: skip
        self._closing.callback(worker.stop)
        return worker

    def tally(self) -> AlertTally:
        """Count what fires, and how routes do. Raises StoreUnavailable."""
        from services.alerts.tally import tally

        return tally(self.records, self.routes, self._now())

    @made_once
    def tools(self) -> AlertTools:
        """What a desk shows, silences and tests alerts with."""
        from services.alerts.access import AlertTools

        return AlertTools(
            self.records, self.table, self.routes, lambda: self.deliverer, self._now, self._wake
        )
