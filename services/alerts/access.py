"""Alerts, silences and routes, as one viewer may use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.access.gate import Gate, digest_of_words
from services.access.viewer import Action, Viewer
from services.alerts.confined import confined_alerts, sees_route, sees_silence
from services.alerts.deliver import Deliverer
from services.alerts.deliveries import deliveries
from services.alerts.models import (
    Alert,
    AlertError,
    Alerts,
    AlertState,
    Condition,
    Delivery,
    Letter,
    Message,
    Route,
    Silence,
)
from services.alerts.ports import AlertStore
from services.alerts.worker import new_id
from services.approvals.models import HOW_LONG, WHY
from services.tenancy.kb_ids import TenantKey

LONGEST = timedelta(days=366)
PAST = 500
"""So long a silence may last, and so many alerts that are over are read."""

_WHY_LIMIT = 500  # characters


@dataclass(frozen=True, slots=True)
class AlertTools:
    """What the desk needs: records, the table, the routes, and who sends here and now."""

    store: AlertStore
    table: Mapping[str, Condition]
    routes: Sequence[Route]
    deliverer: Callable[[], Deliverer]
    now: Callable[[], datetime]
    wake: Callable[[], None] = lambda: None


class DeskAlerts:
    """Alerts about tenants in scope; silences of these, and tests of routes within them."""

    def __init__(self, gate: Gate, tools: AlertTools) -> None:
        self._gate, self._tools = gate, tools

    def all(self) -> Alerts:
        """Return every alert that the viewer may see, the newest first. Raises StoreError."""
        viewer = self._gate.allow(Action.SEE_ALERTS)
        store = self._tools.store
        seen = self._confined(store.alerts(past=PAST), viewer)
        silences = tuple(each for each in store.silences() if sees_silence(each, seen, viewer))
        over = AlertState.RESOLVED
        return Alerts(
            tuple(each for each in seen if each.state is not over),
            tuple(each for each in seen if each.state is over),
            silences, store.looked_at(),
        )  # fmt: skip

    def firing(self) -> int:
        """Return how many alerts fire that the viewer may see and nobody silenced.

        Raises StoreError.
        """
        viewer = self._gate.allow(Action.SEE_ALERTS)
        store, now = self._tools.store, self._tools.now()
        fires = self._confined(store.firing(), viewer)
        quiet = [
            each for each in (store.silences() if fires else ())
            if each.holds(now) and sees_silence(each, fires, viewer)
        ]  # fmt: skip
        return sum(not any(each.covers(alert) for each in quiet) for alert in fires)

    def deliveries(self) -> tuple[Delivery, ...]:
        """Return how each route does of which all is in scope. Raises StoreError."""
        viewer = self._gate.allow(Action.SEE_ALERTS)
        routes = self._routes(viewer)
        return deliveries(routes.values(), self._tools.store.sendings(list(routes)))

    def silence(
        self, *, why: str, until: datetime | timedelta, alert: str = "", code: str = "",
        tenant: TenantKey | None = None,
    ) -> Silence:  # fmt: skip
        """Silence one alert by its id, a condition, a tenant, or a condition of a tenant.

        Raises AccessDenied, AlertError, StoreError.
        """
        viewer, now = self._gate.allow(Action.SILENCE), self._tools.now()
        end = now + until if isinstance(until, timedelta) else until
        _check(why, end, now)
        new = Silence(new_id(), viewer.id, why.strip(), now, end, code, "", tenant)
        tenants: tuple[TenantKey, ...] = () if tenant is None else (tenant,)
        if alert:
            found = self._alert(alert, viewer)
            new = replace(new, code=found.code, subject=found.subject, tenant=None)
            tenants = found.concerns or ()
        elif not code and tenant is None:
            raise AlertError("say what is to be silenced: an alert, a condition or a tenant")
        elif code and code not in self._tools.table:
            raise AlertError("there is no such condition")
        with self._gate.doing(
            Action.SILENCE, tenants=tenants, target=_target(new), reason=new.why,
            digest=digest_of_words(new.code, new.subject, str(tenant), str(until)),
            details={WHY: new.why, HOW_LONG: _length(until)},
        ):  # fmt: skip
            self._tools.store.silence(new)
        return new

    def unsilence(self, silence_id: str) -> None:
        """End a silence. Raises AccessDenied, AlertError, StoreError."""
        self._gate.allow(Action.SILENCE)
        alerts, now = self.all(), self._tools.now()
        found = next((each for each in alerts.silences if each.id == silence_id), None)
        if found is None or not found.holds(now):
            raise AlertError("there is no such silence, or it has ended")
        tenants: tuple[TenantKey, ...] = () if found.tenant is None else (found.tenant,)
        if found.subject:
            seen = (*alerts.live, *alerts.past)
            tenants = next((each.concerns or () for each in seen if found.covers(each)), ())
        with self._gate.doing(
            Action.SILENCE, tenants=tenants, target=f"end: {_target(found)}",
            digest=digest_of_words("end", silence_id),
        ):  # fmt: skip
            self._tools.store.lift(silence_id, now)

    def test(self, route: str) -> str:
        """Have a test message sent to a route soon, and return its id.

        Raises AccessDenied, AlertError, StoreError.
        """
        viewer = self._gate.allow(Action.TEST_ROUTE, target=route)
        if route not in self._routes(viewer):
            raise AlertError("there is no such route")
        message = Message(new_id(), route, self._tools.now(), (), test=True)
        with self._gate.doing(Action.TEST_ROUTE, target=route, digest=digest_of_words(route)):
            self._tools.store.post(message)
        self._tools.wake()
        return message.id

    def test_here(self, route: str) -> Letter:
        """Send a test message here and now, and return what came of it. Raises as `test`."""
        letter = self.letter(self.test(route))
        self._tools.deliverer().send(letter)
        return self.letter(letter.message.id)

    def letter(self, message_id: str) -> Letter:
        """Return how a message does, that is of a route in scope. Raises AlertError, StoreError."""
        viewer = self._gate.allow(Action.SEE_ALERTS)
        found = self._tools.store.letter(message_id)
        if found is None or found.message.route not in self._routes(viewer):
            raise AlertError("there is no such message")
        return found

    def _alert(self, alert_id: str, viewer: Viewer) -> Alert:
        live = self._confined(self._tools.store.alerts(past=0), viewer)
        found = next((each for each in live if each.id == alert_id), None)
        if found is None:
            raise AlertError("there is no such alert, or it is over")
        return found

    def _routes(self, viewer: Viewer) -> Mapping[str, Route]:
        return {each.name: each for each in self._tools.routes if sees_route(each, viewer)}

    def _confined(self, alerts: Sequence[Alert], viewer: Viewer) -> tuple[Alert, ...]:
        return confined_alerts(alerts, self._tools.table, viewer)


def _check(why: str, until: datetime, now: datetime) -> None:
    if not why.strip():
        raise AlertError("say why")
    if len(why) > _WHY_LIMIT:
        raise AlertError(f"the reason is longer than {_WHY_LIMIT:,} characters")
    if until <= now:
        raise AlertError("that time has passed")
    if until - now > LONGEST:
        raise AlertError(f"a silence lasts at most {LONGEST.days} days")


def _length(until: datetime | timedelta) -> str:
    if isinstance(until, timedelta):
        return f"{until.total_seconds() / 3600:,.1f} hours"
    return f"until {until:%Y-%m-%d %H:%M} UTC"


def _target(silence: Silence) -> str:
    tenant = "" if silence.tenant is None else str(silence.tenant)
    return " ".join(part for part in (silence.code, silence.subject, tenant) if part)
