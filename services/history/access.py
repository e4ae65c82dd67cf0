"""Usage over time, as one viewer may see it."""

from __future__ import annotations

from datetime import datetime

from services.access.gate import Gate
from services.access.viewer import Action, Sight
from services.history.events import Event, EventBook
from services.history.forecast import Forecast
from services.history.models import Cell, Holder, OwnerKind
from services.history.movers import Movers, movers
from services.history.read import HistoryService, Then
from services.tenancy.kb_ids import TenantKey


class DeskHistory:
    """What was when, of the tenants in scope; the rest of the fleet for who sees all of it."""

    def __init__(self, gate: Gate, history: HistoryService, events: EventBook) -> None:
        self._gate, self._history, self._events = gate, history, events

    def series(
        self, holder: Holder, quantity: str, since: datetime, until: datetime, step: int
    ) -> tuple[Cell, ...]:
        """Return what a figure did in each span, as `HistoryService.series`.

        None for a holder who is not in scope: not a word on whether it is there. Raises
        StoreUnavailable.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        if not _sees(Sight(viewer), holder):
            return ()
        return self._history.series(holder, quantity, since, until, step)

    def happened(
        self, since: datetime, until: datetime, *, tenant: str, most: int
    ) -> tuple[Event, ...]:
        """Return the newest events of a time, as `EventBook.between`: of tenants in scope.

        What is of the whole deployment is for everybody. Raises StoreUnavailable.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        found = self._events.between(since, until, tenant=tenant, most=most)
        return tuple(
            each for each in found
            if not each.tenant or viewer.sees(TenantKey.written(each.tenant))
        )  # fmt: skip

    def made_up_until(self) -> datetime | None:
        """Return until when the past is made up, as `HistoryService.made_up_until`."""
        self._gate.allow(Action.SEE_FLEET)
        return self._history.made_up_until()

    def forecast(self, holder: Holder, quantity: str) -> Forecast | None:
        """Return what is coming, as `HistoryService.forecast`; None for who is not in scope.

        Raises StoreUnavailable.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        return self._history.forecast(holder, quantity) if _sees(Sight(viewer), holder) else None

    def at(self, moment: datetime, quantity: str | None = None) -> Then:
        """Return the figures of a moment, as `HistoryService.at`, confined.

        Raises StoreUnavailable.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        then = self._history.at(moment, quantity)
        if viewer.sees_all:
            return then
        sight = Sight(viewer)
        seen = {each: figures for each, figures in then.figures.items() if _sees(sight, each)}
        return Then(then.at, seen, then.reasons)

    def kept_at(self, moment: datetime) -> Then:
        """Return the same of the last moment until this one of which figures are kept.

        Raises StoreUnavailable.
        """
        self._gate.allow(Action.SEE_FLEET)
        return self.at(self._history.kept(moment))

    def movers(self, since: datetime, until: datetime, quantity: str) -> Movers:
        """Return who has more or less of a quantity than before, confined as `at` is.

        Compared are the first and last moment of this time at which it was known. Raises
        StoreUnavailable.
        """
        self._gate.allow(Action.SEE_FLEET)
        known = self._history.known_within(since, until, quantity)
        if isinstance(known, str):
            return Movers(quantity, since, until, unknown=known)
        began, ended = (self.at(moment, quantity) for moment in known)
        return movers(began, ended, quantity)


def _sees(sight: Sight, holder: Holder) -> bool:
    if holder.kind is not OwnerKind.TENANT:
        return sight.sees_all
    return sight.sees(TenantKey.written(holder.tenant))
