"""The gate and the audit log alone: for what needs no store, and for what opens them itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from services.access.gate import Gate
from services.access.viewer import Viewer
from services.audit_log.access import DeskLog
from services.audit_log.chain import LogKeys
from services.settings.environment import Settings
from services.stores.records.approvals import ApprovalStore
from services.stores.records.audit_log import LogStore
from services.stores.records.database import open_for
from services.stores.records.purges.jobs import PurgeJobs
from services.wiring.gate import logbook_of
from services.wiring.x_access_wiring import approvals_of
from services.x_desk_opening import gate_of


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
        yield Alone(gate, DeskLog(gate, logbook, jobs=PurgeJobs(database)))
