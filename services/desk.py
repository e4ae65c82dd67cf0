"""One viewer's desk: every use case, behind the gate.

A part is imported, and what it is a part of made, when it is first used: most commands need one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from services.access.viewer import Viewer
from services.wiring.logged import WorkingDesk

if TYPE_CHECKING:
    from services.alerts.access import DeskAlerts
    from services.approvals.access import DeskApprovals
    from services.audit_log.access import DeskLog
    from services.backups.access import DeskBackups
    from services.bill.access import DeskBill
    from services.bootstrap import Services
    from services.browse.access import DeskInspection
    from services.canary.access import DeskCanary
    from services.cards.access import DeskCards
    from services.find.access import DeskFind
    from services.history.access import DeskHistory
    from services.imports.access import DeskImports
    from services.isolation.access import DeskIsolation
    from services.limits.access import DeskLimits
    from services.metrics.access import DeskMetrics
    from services.move.access import Elsewhere
    from services.names.access import DeskNames
    from services.sessions.access import DeskCare, DeskRotation, DeskSessions
    from services.setup.access import DeskSetup
    from services.usage.access import DeskFleet


class Desk(WorkingDesk):
    """What one viewer may use, behind a gate that asks `viewer` anew for every action.

    Nothing here is kept between two viewers, nor shared by two threads.
    """

    def __init__(
        self, services: Services, viewer: Callable[[], Viewer], elsewhere: Elsewhere | None = None
    ) -> None:
        super().__init__(services, viewer, elsewhere)
        self._services: Services = services

    @cached_property
    def fleet(self) -> DeskFleet:
        """Figures, and how the stores are."""
        from services.usage.access import DeskFleet

        services = self._services
        return DeskFleet(
            self.gate, read=services.usage.collect, collector=services.collector,
            state=services.state, ownership=services.usage.ownership,
            settings=services.settings, health=lambda: services.health,
            workers=lambda: services.stores.kato_workers, dashboards=services.dashboards,
        )  # fmt: skip

    @cached_property
    def history(self) -> DeskHistory:
        """Usage over time."""
        from services.history.access import DeskHistory

        return DeskHistory(self.gate, self._services.history, self._services.events)

    @cached_property
    def limits(self) -> DeskLimits:
        """Limits, and who is near or over."""
        from services.limits.access import DeskLimits

        return DeskLimits(self.gate, lambda: self._services.limits)

    @cached_property
    def cards(self) -> DeskCards:
        """What is said of tenants, and who is on hold."""
        from services.cards.access import DeskCards

        return DeskCards(self.gate, lambda: self._services.cards)

    @cached_property
    def metrics(self) -> DeskMetrics:
        """What is told to a scrape."""
        from services.metrics.access import DeskMetrics

        return DeskMetrics(self.gate, self._services.metrics)

    @cached_property
    def bill(self) -> DeskBill:
        """What a month costs."""
        from services.bill.access import DeskBill

        return DeskBill(self.gate, self._services.bill, lambda: self._services.cards)

    @cached_property
    def sessions(self) -> DeskSessions:
        """Creating sessions."""
        from services.sessions.access import DeskSessions

        forward = self._services.settings.forward_token
        return DeskSessions(self.gate, self._services.sessions, forward=forward)

    @cached_property
    def setup(self) -> DeskSetup:
        """Setting tenants up."""
        from services.setup.access import DeskSetup

        services = self._services
        return DeskSetup(
            self.gate, sessions=self.sessions, limits=self.limits, cards=self.cards,
            places=lambda: services.stores.writers.vector_setup, ownership=services.usage.ownership,
        )  # fmt: skip

    @cached_property
    def imports(self) -> DeskImports:
        """Writing data for a tenant out of a file."""
        from services.imports.access import DeskImports

        ownership = self._services.usage.ownership
        return DeskImports(self.gate, lambda: self._services.imports, ownership=ownership)

    @cached_property
    def care(self) -> DeskCare:
        """Looking at sessions, extending, clearing and ending them."""
        from services.sessions.access import DeskCare

        services = self._services
        return DeskCare(
            self.gate, services.care, ownership=services.usage.ownership,
            holds=services.card_book.holds, forward=services.settings.forward_token,
        )  # fmt: skip

    @cached_property
    def inspection(self) -> DeskInspection:
        """One tenant's patterns, keys and vectors."""
        from services.browse.access import DeskInspection

        found, name = self._services, self._services.settings.service_name
        owns = found.usage.ownership
        return DeskInspection(self.gate, found.inspection, ownership=owns, service=name)

    @cached_property
    def finding(self) -> DeskFind:
        """Whose something is."""
        from services.find.access import DeskFind

        return DeskFind(
            self.gate, self._services.finding, ownership=self._services.usage.ownership,
            snapshot=lambda: self._services.collector.state.snapshot,
        )  # fmt: skip

    @cached_property
    def isolation(self) -> DeskIsolation:
        """Findings."""
        from services.isolation.access import DeskIsolation

        return DeskIsolation(
            self.gate, self._services.isolation, ownership=self._services.usage.ownership,
            want=self._services.audit_soon,
        )  # fmt: skip

    @cached_property
    def canary(self) -> DeskCanary:
        """The canary test."""
        from services.canary.access import DeskCanary

        return DeskCanary(self.gate, self._services.canary)

    @cached_property
    def backups(self) -> DeskBackups:
        """Archives that are taken by themselves."""
        from services.backups.access import DeskBackups

        found, labels = self._services, self._services.cards.labels_within
        return DeskBackups(self.gate, lambda: found.backing.service, labels=labels)

    @cached_property
    def names(self) -> DeskNames:
        """Bringing node_ids, and confirming whose a kb_id is."""
        from services.names.access import DeskNames

        services = self._services
        return DeskNames(
            self.gate, services.state, ownership=services.usage.ownership, now=services.now,
            refresh=services.collector.refresh,
        )  # fmt: skip

    @cached_property
    def alerts(self) -> DeskAlerts:
        """Alerts, silences, and who is told."""
        from services.alerts.access import DeskAlerts

        return DeskAlerts(self.gate, self._services.alerting.tools)

    @cached_property
    def approvals(self) -> DeskApprovals:
        """Requests of others to be approved."""
        from services.approvals.access import DeskApprovals

        return DeskApprovals(self.gate, self._services.approvals)

    @cached_property
    def log(self) -> DeskLog:
        """The audit log."""
        from services.audit_log.access import DeskLog
        from services.purge.log_ends import missing_ends

        services = self._services
        return DeskLog(
            self.gate, services.logbook,
            missing=lambda: missing_ends(services.jobs, services.usage.ownership),
        )  # fmt: skip

    @cached_property
    def rotation(self) -> DeskRotation:
        """Encrypting metadata with the first key."""
        from services.sessions.access import DeskRotation

        return DeskRotation(self.gate, self._services.rotation)
