"""This product's own records, behind the gate, and what needs no store but them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.wiring.logged import gate_of
from services.wiring.records import OwnRecords

if TYPE_CHECKING:
    from services.access.gate import Gate
    from services.access.viewer import Viewer
    from services.alerts.access import DeskAlerts
    from services.audit_log.access import DeskLog
    from services.bill.access import DeskBill
    from services.cards.access import DeskCards
    from services.history.access import DeskHistory
    from services.limits.access import DeskLimits
    from services.names.access import DeskNames
    from services.settings.environment import Settings


@dataclass(frozen=True)
class Alone:
    """A gate, and what needs no store, as its viewer may use it."""

    gate: Gate
    log: DeskLog
    names: DeskNames
    history: DeskHistory
    limits: DeskLimits
    cards: DeskCards
    bill: DeskBill
    alerts: DeskAlerts


@contextmanager
def alone(settings: Settings, viewer: Callable[[], Viewer]) -> Iterator[Alone]:
    """Open this product's own records and nothing else. Raises SettingsError, StoreError."""
    from services.alerts.access import DeskAlerts
    from services.audit_log.access import DeskLog
    from services.bill.access import DeskBill
    from services.cards.access import DeskCards
    from services.history.access import DeskHistory
    from services.limits.access import DeskLimits
    from services.names.access import DeskNames
    from services.purge.log_ends import missing_ends

    with closing(OwnRecords(settings)) as records:
        gate = gate_of(records, viewer)
        yield Alone(
            gate,
            DeskLog(gate, records.logbook, missing=lambda: missing_ends(records.jobs)),
            DeskNames(gate, records.state, ownership=records.owners.now, now=records.now),
            DeskHistory(gate, records.history, records.events),
            DeskLimits(gate, lambda: records.limits),
            DeskCards(gate, lambda: records.cards),
            DeskBill(gate, records.bill, lambda: records.cards),
            DeskAlerts(gate, records.alerting.tools),
        )
