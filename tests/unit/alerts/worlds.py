"""A place for alerts in memory that dies on demand, receivers, and small alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.access.viewer import Action, TenantPattern
from services.alerts.models import (
    Alert,
    AlertState,
    Condition,
    Kind,
    Letter,
    Message,
    Route,
    ShownTo,
    Sighting,
    Silence,
    Verdict,
)
from services.alerts.ports import Change, Open
from services.errors import Problem, StoreRejected, StoreUnavailable
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")
MINUTE = timedelta(minutes=1)


def condition(
    code: str, holds: int = 0, clears: int = 2, shown: ShownTo = ShownTo.TENANTS
) -> Condition:
    """A condition with its minutes; what it sees is given by hand."""
    return Condition(
        code, Severity.HIGH, code, "look", shown, Action.SEE_FLEET, holds * MINUTE,
        clears * MINUTE, lambda _: Verdict(),
    )  # fmt: skip


def sighting(subject: str, tenant: TenantKey = ACME) -> Sighting:
    """Something about one tenant."""
    return Sighting(subject, Severity.HIGH, (tenant,), (tenant,), {"n": 1})


def alert(
    alert_id: str = "a1", code: str = "growth", *, state: AlertState = AlertState.FIRING,
    tenants: tuple[TenantKey, ...] = (ACME,), **more: object,
) -> Alert:  # fmt: skip
    """An alert about one tenant that fires since a minute."""
    fired = None if state is AlertState.PENDING else NOW
    made = Alert(
        alert_id, code, f"about {alert_id}", Severity.HIGH, state, NOW - MINUTE, NOW, fired,
        tenants=tenants, concerns=tenants or None,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def route(name: str = "all", scope: str = "*", kind: Kind = Kind.WEBHOOK, **more: object) -> Route:
    """A route of some tenants."""
    made = Route(name, kind, "http://x", scope=frozenset({TenantPattern.parse(scope)}))
    return replace(made, **more)  # type: ignore[arg-type]


class Died(Exception):
    """The process was killed."""


@dataclass
class Inbox:
    """A receiver: takes it, is down, refuses it, or takes it and says so to nobody."""

    mode: str = "up"
    got: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        """Take a message, or not."""
        if self.mode == "down":
            raise StoreUnavailable("inbox", "sending", "down")
        if self.mode == "refuses":
            raise StoreRejected("inbox", "sending", "no")
        self.got.append(message)
        if self.mode == "mute":
            raise StoreUnavailable("inbox", "sending", "no answer")
        if self.mode == "kills":
            raise Died

    def once(self) -> list[Message]:
        """What it got, without repeats by their id."""
        return list({message.id: message for message in reversed(self.got)}.values())[::-1]

    def close(self) -> None:
        """Nothing is open."""


class Memory:
    """Keeps alerts as the records do; dies at the n-th call from now, before or after it."""

    def __init__(self) -> None:
        self.number, self.rows = 0, dict[str, tuple[Alert, bool]]()
        self.quiet: list[Silence] = []
        self.journal: dict[str, Letter] = {}
        self.claims: dict[str, datetime] = {}
        self.dies: int | None = None
        self.after = False

    @contextmanager
    def dying(self) -> Iterator[None]:
        """Die before or after what is done, if it is time."""
        at, now = self.dies == 0, self.dies is not None
        if now and self.dies is not None:
            self.dies -= 1
        if at and not self.after:
            raise Died
        yield
        if at:
            raise Died

    def open(self, now: datetime) -> Open:
        with self.dying():
            again = frozenset(each.message.route for each in self._unsent() if each.message.again)
            alive = tuple(alert for alert, settled in self.rows.values() if not settled)
            quiet = tuple(each for each in self.quiet if each.holds(now))
            return Open(self.number, None, alive, quiet, again)

    def keep(self, change: Change, *, after: int) -> bool:
        with self.dying():
            if after != self.number:
                return False
            self.number += 1
            for each in change.alerts:
                self.rows[each.id] = each, each.id in change.settled
            for gone in change.forgotten:
                self.rows.pop(gone, None)
            for message in change.messages:
                self.post(message)
            return True

    def post(self, message: Message) -> None:
        assert message.id not in self.journal, "an id came twice"
        self.journal[message.id] = Letter(message, len(self.journal))

    def waiting(self) -> tuple[Letter, ...]:
        with self.dying():
            return tuple(self._unsent())

    def claim(self, message_id: str, *, at: datetime, until: datetime) -> bool:
        with self.dying():
            if self.claims.get(message_id, at) > at or self.journal[message_id].sent_at:
                return False
            self.claims[message_id] = until
            return True

    def sent(self, message_id: str, at: datetime) -> None:
        with self.dying():
            self.journal[message_id] = replace(self.journal[message_id], sent_at=at)

    def failed(
        self, message_id: str, problem: Problem, at: datetime, *, next_at: datetime | None,
        refused: bool,
    ) -> None:  # fmt: skip
        with self.dying():
            before = self.journal[message_id]
            self.claims.pop(message_id, None)
            self.journal[message_id] = replace(
                before, tries=before.tries + 1, next_at=next_at, problem=problem,
                failed_at=before.failed_at or at, refused=refused, given_up=next_at is None,
            )  # fmt: skip

    def _unsent(self) -> Iterator[Letter]:
        return (e for e in self.journal.values() if e.sent_at is None and not e.given_up)


Verdicts = Mapping[str, Verdict]
Look = Callable[[datetime], Verdicts]
