"""The thread that looks, keeps what comes of it, and sends; in one dashboard at a time."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from services.alerts.deliver import Deliverer
from services.alerts.machine import step
from services.alerts.models import Condition, Route, Verdict
from services.alerts.ports import AlertStore, Change
from services.alerts.tell import settled, tell
from services.errors import KatoTenantsError, Problem

TICK_SECONDS = 5.0
LOOK_EVERY = timedelta(seconds=30)
TURN_LASTS = timedelta(seconds=60)
"""How long a dashboard that died still has the turn."""

_TRIES = 5

Look = Callable[[datetime], Mapping[str, Verdict]]
"""What is seen now, by condition."""

logger = logging.getLogger(__name__)


def new_id() -> str:
    """Return an id that nothing else has: 20 hex digits."""
    return secrets.token_hex(10)


def look_once(
    store: AlertStore, look: Look, table: Mapping[str, Condition],
    routes: Sequence[Route], *, now: datetime, ids: Callable[[], str] = new_id,
) -> bool:  # fmt: skip
    """Look, and keep what comes of it with the messages that it takes.

    False where other looks were kept meanwhile. Raises StoreUnavailable; then nothing was kept.
    """
    for _ in range(_TRIES):
        found = store.open(now)
        after = step(found.alerts, look(now), table, now=now, new_id=ids)
        alerts = {alert.id: alert for alert in (*found.alerts, *after.alerts)}
        for gone in after.forgotten:
            alerts.pop(gone)
        telling = tell(
            alerts.values(), routes, table, found.silences, now=now, new_id=ids,
            saying_again=found.saying_again,
        )  # fmt: skip
        before = {alert.id: alert for alert in found.alerts}
        over = frozenset(
            alert.id for alert in telling.alerts
            if settled(alert, routes, table, found.silences, now=now)
        )  # fmt: skip
        changed = tuple(
            alert for alert in telling.alerts
            if alert != before.get(alert.id) or alert.id in over
        )  # fmt: skip
        change = Change(now, changed, over, after.forgotten, telling.messages)
        if store.keep(change, after=found.number):
            return True
    return False


class AlertWorker:
    """Looks every 30 s and with each new snapshot, and sends what waits. Makes no screen's call."""

    def __init__(
        self, store: AlertStore, deliverer: Deliverer, look: Look, *,
        table: Mapping[str, Condition], routes: Sequence[Route], owner: str,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._store, self._deliverer, self._look = store, deliverer, look
        self._table, self._routes, self._owner, self._now = table, routes, owner, now
        self._over, self._woken = threading.Event(), threading.Event()
        self._looked: datetime | None = None
        self._until: datetime | None = None
        self._wanted = False
        self._thread: threading.Thread | None = None
        self.problem: Problem | None = None

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End, and give up the turn; what is being sent is left to its claim after `timeout` s."""
        self._over.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout)
            self._deliverer.wait(timeout)

    def wake(self) -> None:
        """Send at once what waits."""
        self._woken.set()

    def follow(self, _: object) -> None:
        """Look at once: there are new figures."""
        self._wanted = True
        self._woken.set()

    def run_once(self) -> bool:
        """Look where that is due, and begin to send; False where another dashboard has the turn.

        Raises StoreUnavailable.
        """
        now = self._now()
        if not self._has_turn(now):
            return False
        looked = self._looked
        if self._wanted or looked is None or not looked <= now < looked + LOOK_EVERY:
            self._wanted, self._looked = False, now
            look_once(self._store, self._look, self._table, self._routes, now=now)
        self._deliverer.round()
        return True

    def _has_turn(self, now: datetime) -> bool:
        until = self._until
        if until is not None and now + TURN_LASTS / 2 <= until <= now + TURN_LASTS:
            return True
        ends = now + TURN_LASTS
        taken = self._store.lease(self._owner, at=now, until=ends)
        self._until = ends if taken else None
        return taken

    def _work(self) -> None:
        while not self._over.is_set():
            self._woken.clear()
            try:
                self.run_once()
                self.problem = None
            except KatoTenantsError as exc:
                self.problem, self._until = exc.problem, None
                logger.warning("alerts could not be looked at: %s", exc)
            except Exception as exc:  # the thread has to live
                self.problem = Problem(f"a fault in this product: {type(exc).__name__}")
                logger.exception("looking at alerts failed")
            self._woken.wait(TICK_SECONDS)
        self._let_go()

    def _let_go(self) -> None:
        try:
            if self._until is not None:
                self._store.let_go(self._owner)
        except KatoTenantsError as exc:
            logger.warning("the turn to alert runs out by itself: %s", exc)
