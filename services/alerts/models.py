"""What is seen, what fires because of it, and what is told to whom. Frozen, pure. Times in UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from services.access.viewer import Action, Role, TenantPattern, Viewer
from services.alerts.look import Look
from services.errors import KatoTenantsError, Problem
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey

Value = int | str
"""What a condition says of what it saw: numbers, and words of ours or names of its own tenants."""

Facts = Mapping[str, Value]


class AlertError(KatoTenantsError):
    """An alert, a silence or a route that is not there, or a silence that cannot be so."""


class AlertState(StrEnum):
    """Where an alert is. What goes away before it fires is forgotten."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class ShownTo(StrEnum):
    """Who may be told of what a condition sees."""

    TENANTS = "tenants"  # whoever has all tenants in scope that it concerns
    EVERYONE = "everyone"  # it names and counts nobody
    FLEET = "fleet"  # whoever sees all tenants


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that a condition sees now. `subject` tells it from others of the condition.

    `tenants` are those that it names, `concerns` all who have to be in scope of whoever is told;
    None where that takes all tenants. `facts` are about `tenants` and the stores alone.
    """

    subject: str
    severity: Severity
    tenants: tuple[TenantKey, ...] = ()
    concerns: tuple[TenantKey, ...] | None = None
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition sees now; `unknown` says why more may be there than it sees."""

    seen: tuple[Sighting, ...] = ()
    unknown: Problem | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that asks for somebody. `title` names it, `todo` says what to do first.

    What it sees has to be seen for as long as `holds` before it fires, and not for as long as
    `clears` before that is over. `action` is what a viewer has to be trusted with to be shown it.
    """

    code: str
    severity: Severity
    title: str
    todo: str
    shown_to: ShownTo
    action: Action
    holds: timedelta
    clears: timedelta
    look: Callable[[Look], Verdict]


class Told(StrEnum):
    """What a route has been told of an alert last."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One sighting over time. `id` is another one each time that it begins anew.

    `began` is since when it is seen, `fired` since when it fires, `seen` when it was seen last,
    `ended` when it was over. `told` has what each route was told last, and when.
    """

    id: str
    code: str
    subject: str
    severity: Severity
    state: AlertState
    began: datetime
    seen: datetime
    fired: datetime | None = None
    ended: datetime | None = None
    missed: datetime | None = None
    tenants: tuple[TenantKey, ...] = ()
    concerns: tuple[TenantKey, ...] | None = None
    facts: Facts = field(default_factory=dict)
    told: Mapping[str, tuple[Told, datetime]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What it is about, whenever."""
        return self.code, self.subject


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that nobody is told of until a time; those of which everything fits that is not empty.

    `code` is a condition's, `tenant` one that an alert is about and nobody else, `subject` that of
    one alert. `by` and `why` say who set it, and for what.
    """

    id: str
    by: str
    why: str
    at: datetime
    until: datetime
    code: str = ""
    subject: str = ""
    tenant: TenantKey | None = None

    def covers(self, alert: Alert) -> bool:
        """Whether an alert is one of these."""
        whose = self.tenant is None or (alert.concerns or ()) == (self.tenant,)
        return whose and self.code in ("", alert.code) and self.subject in ("", alert.subject)

    def holds(self, now: datetime) -> bool:
        """Whether it still does."""
        return now < self.until


@dataclass(frozen=True, slots=True)
class Alerts:
    """What fires or is about to, which of it is silenced by what, and what is over.

    `looked_at` is when somebody last looked, None before the first time.
    """

    live: tuple[Alert, ...]
    past: tuple[Alert, ...]
    silences: tuple[Silence, ...]
    looked_at: datetime | None

    def silence_of(self, alert: Alert, now: datetime) -> Silence | None:
        """Return the silence of an alert that lasts longest."""
        found = (each for each in self.silences if each.holds(now) and each.covers(alert))
        return max(found, key=lambda each: each.until, default=None)


class Kind(StrEnum):
    """How a route's receiver is spoken to."""

    ALERTMANAGER = "alertmanager"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class Route:
    """Who is told of which alerts. `address` and `secret` are secrets, and in no representation.

    `codes` empty are all conditions; alerts less grave than `severity` are not for it. What still
    fires is said again after `again`, None for never.
    """

    name: str
    kind: Kind
    address: str = field(repr=False)
    secret: str = field(default="", repr=False)
    codes: frozenset[str] = frozenset()
    severity: Severity = Severity.INFO
    scope: frozenset[TenantPattern] = field(default_factory=frozenset)
    again: timedelta | None = None

    @property
    def viewer(self) -> Viewer:
        """Somebody who may be told what this route may."""
        return Viewer(f"route/{self.name}", Role.VIEWER, self.scope)

    def wants(self, alert: Alert, shown_to: ShownTo) -> bool:
        """Whether an alert is for it."""
        grave = alert.severity.at_least(self.severity) and alert.code in (
            self.codes or {alert.code}
        )
        return grave and may_be_told(alert, shown_to, self.viewer)


def may_be_told(alert: Alert, shown_to: ShownTo, viewer: Viewer) -> bool:
    """Whether an alert tells a viewer of nobody who is not in scope."""
    if viewer.sees_all or shown_to is ShownTo.EVERYONE:
        return True
    if shown_to is ShownTo.FLEET or alert.concerns is None:
        return False
    return viewer.sees_each(alert.concerns)


@dataclass(frozen=True, slots=True)
class Message:
    """What one route is told at one time: alerts as they were then.

    `id` is its own for ever, however often it is sent. `again` is whether it says nothing new.
    """

    id: str
    route: str
    at: datetime
    alerts: tuple[Alert, ...]
    test: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in the journal, which has been tried so many times; the next time is at `next_at`.

    `failed_at` is when it first could not be sent, `problem` why it last could not. `refused` is
    whether the receiver answered, and would not have it.
    """

    message: Message
    number: int
    tries: int = 0
    next_at: datetime | None = None
    failed_at: datetime | None = None
    problem: Problem | None = None
    refused: bool = False
    sent_at: datetime | None = None
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """How one message does, as `Letter` has it, without what it says."""

    route: str
    number: int
    sent_at: datetime | None = None
    failed_at: datetime | None = None
    problem: Problem | None = None
    given_up: bool = False
    test: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a route does: when it last took something, and what it does not take since when."""

    route: str
    kind: Kind
    sent_at: datetime | None = None
    waiting: int = 0
    given_up: int = 0
    failing_since: datetime | None = None
    problem: Problem | None = None
