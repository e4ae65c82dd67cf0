"""Figures of the fleet, as one viewer may see them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from services.access.gate import Gate
from services.access.viewer import Action, Viewer
from services.figures import Amount, Measure
from services.tenancy.ownership import Ownership
from services.usage.refresh import Collector, CollectorState
from services.usage.snapshot import Snapshot

if TYPE_CHECKING:
    from services.health.check import HealthService, WorkerSource
    from services.health.models import Check, Dashboards, Workers
    from services.settings.environment import Settings
    from services.settings.redact import InForce
    from services.usage.ports import UsageRecords


class DeskFleet:
    """The collector's figures, the stores' health, and the totals over time."""

    def __init__(
        self, gate: Gate, *, read: Callable[[], Snapshot], collector: Collector,
        state: UsageRecords, ownership: Callable[[], Ownership],
        settings: Settings, health: Callable[[], HealthService],
        workers: Callable[[], WorkerSource], dashboards: Callable[[], Dashboards | None],
    ) -> None:  # fmt: skip
        self._gate, self._read = gate, read
        self._collector, self._health, self._state = collector, health, state
        self._ownership, self._settings, self._workers = ownership, settings, workers
        self._dashboards = dashboards

    def figures(self) -> CollectorState:
        """Return what the collector has, confined. Never waits for a store."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        state = self._collector.shown
        if viewer.sees_all:
            return state
        seen = state.snapshot and self._confined(state.snapshot, viewer)
        problem = state.problem and state.problem.nameless()
        return CollectorState(seen, state.refreshing_since, problem)

    def read(self) -> Snapshot:
        """Read every store here and now, and return that, confined. Raises StoreError."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        found = self._read()
        self._collector.take(found)
        return self._confined(found, viewer)

    def _confined(self, snapshot: Snapshot, viewer: Viewer) -> Snapshot:
        if viewer.sees_all:
            return snapshot
        from services.usage.confined import confined  # noqa: PLC0415  for the others alone

        return confined(snapshot, viewer, self._ownership())

    def refresh(self) -> None:
        """Ask for new figures."""
        self._gate.allow(Action.SEE_FLEET)
        self._collector.refresh()

    def checks(self) -> tuple[Check, ...]:
        """Return how every store is, confined; takes at most the timeout."""
        from services.usage.confined import confined_check  # noqa: PLC0415  as above

        viewer = self._gate.allow(Action.SEE_FLEET)
        return tuple(confined_check(check, viewer) for check in self._health().check())

    def workers(self, *, cache: bool = False) -> Workers | None:
        """Return how KATO's workers are; None for a viewer who does not see the whole fleet.

        With `cache` also how their caches are, which costs KATO much. Raises StoreError.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        return self._workers().figures(cache=cache) if viewer.sees_all else None

    def dashboards(self) -> Dashboards | None:
        """Return which dashboards are on the same records, and which one collects.

        None where they share nothing, and for a viewer who does not see the whole fleet. Raises
        StoreError.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        return self._dashboards() if viewer.sees_all else None

    def history(self, measure: Measure, since: datetime) -> tuple[tuple[datetime, Amount], ...]:
        """Return the whole fleet's totals over time; none for a viewer who does not see it."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return self._state.history(measure, since) if viewer.sees_all else ()

    def settings(self) -> dict[str, InForce]:
        """Return the settings in force, secrets redacted. Raises AccessDenied."""
        self._gate.allow(Action.SEE_SETTINGS)
        from services.settings.redact import in_force  # noqa: PLC0415  for the screen alone

        return in_force(self._settings)
