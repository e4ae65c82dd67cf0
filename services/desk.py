"""One viewer's desk: every use case, behind the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.access.gate import Approvals, Gate, Log
from services.access.viewer import Viewer
from services.approvals.access import DeskApprovals
from services.audit_log.access import DeskLog
from services.audit_log.chain import LogKeys
from services.browse.access import DeskInspection
from services.canary.access import DeskCanary
from services.find.access import DeskFind
from services.isolation.access import DeskIsolation
from services.purge.access import DeskPurge
from services.purge.log_ends import missing_ends
from services.sessions.access import DeskCare, DeskRotation, DeskSessions
from services.settings.environment import Settings
from services.stores.records.approvals import ApprovalStore
from services.stores.records.audit_log import LogStore
from services.stores.records.database import open_for
from services.stores.records.purges.jobs import PurgeJobs
from services.usage.access import DeskFleet
from services.wiring.gate import logbook_of
from services.wiring.x_access_wiring import approvals_of

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
        log=DeskLog(
            gate, services.logbook, missing=lambda: missing_ends(services.jobs, ownership)
        ),
        rotation=DeskRotation(gate, services.rotation),
    )  # fmt: skip


def gate_of(
    settings: Settings, viewer: Callable[[], Viewer], *, log: Log, approvals: Approvals
) -> Gate:
    """Return a gate that asks `viewer` anew for every action."""
    return Gate(
        viewer=viewer,
        log=log,
        approvals=approvals,
        now=lambda: datetime.now(UTC),
        read_only=settings.read_only,
        two_persons=settings.two_person_actions,
    )


@dataclass(frozen=True)
class Alone:
    """A gate, and the log as its viewer may use it."""

    gate: Gate
    log: DeskLog


@contextmanager
def alone(settings: Settings, viewer: Callable[[], Viewer]) -> Iterator[Alone]:
    """Open this product's own records and nothing else. Raises SettingsError, StoreError."""
    with ExitStack() as stack:
        database = open_for(settings, stack)
        logbook = logbook_of(settings, LogStore(database, LogKeys(settings.log_keys)), stack)
        approvals = approvals_of(settings, ApprovalStore(database))
        gate = gate_of(settings, viewer, log=logbook, approvals=approvals)
        yield Alone(gate, DeskLog(gate, logbook, missing=lambda: missing_ends(PurgeJobs(database))))
