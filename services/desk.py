"""One viewer's desk: every use case, behind the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.access.gate import Gate
from services.access.viewer import Viewer
from services.audit_log.access import DeskLog
from services.browse.access import DeskFind, DeskInspection
from services.isolation.access import DeskApprovals, DeskCanary, DeskIsolation
from services.purge.access import DeskPurge
from services.sessions.access import DeskCare, DeskSessions
from services.sessions.x_desk_rotating import DeskRotation
from services.usage.access import DeskFleet
from services.x_desk_opening import gate_of

if TYPE_CHECKING:
    from services.bootstrap import Services


@dataclass(frozen=True)
class Desk:
    """What one viewer may use. Nothing here is kept between two viewers."""

    gate: Gate
    fleet: DeskFleet
    sessions: DeskSessions
    care: DeskCare
    inspection: DeskInspection
    finding: DeskFind
    isolation: DeskIsolation
    canary: DeskCanary
    purge: DeskPurge
    approvals: DeskApprovals
    log: DeskLog
    rotation: DeskRotation


def desk_of(services: Services, viewer: Callable[[], Viewer]) -> Desk:
    """Put the use cases behind a gate that asks `viewer` anew for every action."""
    settings, ownership = services.settings, services.usage.ownership
    gate = gate_of(settings, viewer, log=services.logbook, approvals=services.approvals)
    return Desk(
        gate=gate,
        fleet=DeskFleet(
            gate, read=services.usage.collect, collector=services.collector,
            health=services.health, state=services.state, ownership=ownership,
            settings=settings.in_force,
        ),
        sessions=DeskSessions(gate, services.sessions, forward=settings.forward_token),
        care=DeskCare(
            gate, services.care, ownership=ownership, forward=settings.forward_token
        ),
        inspection=DeskInspection(
            gate, services.inspection, ownership=ownership, service=settings.service_name
        ),
        finding=DeskFind(
            gate, services.finding, ownership=ownership,
            snapshot=lambda: services.collector.state.snapshot,
        ),
        isolation=DeskIsolation(
            gate, services.isolation, ownership=ownership, refresh=services.collector.refresh
        ),
        canary=DeskCanary(gate, services.canary),
        purge=DeskPurge(gate, services.purge, ownership=ownership),
        approvals=DeskApprovals(gate, services.approvals),
        log=DeskLog(gate, services.logbook, jobs=services.jobs, ownership=ownership),
        rotation=DeskRotation(gate, services.rotation),
    )  # fmt: skip
