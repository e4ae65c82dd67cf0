"""A tenant's card, its labels, and a legal hold: frozen values. Pure.

What stands on a card is people's word, and no store is asked for it. Times are in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey

Labels = Mapping[str, str]
"""The labels of one tenant: a value for each key, as `gold` for `plan`."""

LabelsOf = Callable[[TenantKey], Labels]


def unlabelled(_: TenantKey) -> Labels:
    """Return no label, of any tenant."""
    return {}


class CardError(KatoTenantsError):
    """A tenant's card, a label, a hold, or a file of them, that cannot be taken."""


class OnHold(KatoTenantsError):
    """The data of `tenant` has to be kept, for a `reason` in somebody's words."""

    def __init__(self, tenant: str, reason: str) -> None:
        super().__init__(f"{tenant} is on legal hold ({reason}): nothing of it may be erased")
        self.tenant, self.reason = tenant, reason


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """One label, written `plan=gold`; a rule is for `label:plan=gold`."""

    key: str
    value: str

    def on(self, labels: Labels) -> bool:
        """Whether it is among the labels of a tenant."""
        return labels.get(self.key) == self.value

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


def each_label(labels: Labels) -> Iterator[Label]:
    """Yield the labels of a tenant by their keys."""
    return (Label(key, labels[key]) for key in sorted(labels))


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: nothing of the tenant is erased, whoever asks for it. `by` is who set it."""

    reason: str
    by: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A tenant whose data has to be kept, and why."""

    tenant: TenantKey
    hold: Hold

    def __str__(self) -> str:
        return (
            f"{self.tenant} is on legal hold since {self.hold.since:%Y-%m-%d}: {self.hold.reason}"
        )


@dataclass(frozen=True, slots=True)
class Card:
    """What is said of one tenant; empty where nothing is.

    `name` is what people call it, `contact` whom to write to, `by` who changed it last, `at`
    when: None for a card that nobody wrote.
    """

    tenant: TenantKey
    name: str = ""
    contact: str = ""
    labels: Labels = field(default_factory=dict)
    notes: str = ""
    hold: Hold | None = None
    by: str = ""
    at: datetime | None = None

    @property
    def says(self) -> bool:
        """Whether anything stands on it."""
        return bool(self.name or self.contact or self.labels or self.notes or self.hold)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one card; what is None stays. A label whose value is None is taken away.

    With `only`, so is every label that is not named.
    """

    tenant: TenantKey
    name: str | None = None
    contact: str | None = None
    notes: str | None = None
    labels: Mapping[str, str | None] = field(default_factory=dict)
    only: bool = False

    def after(self, card: Card) -> Card:
        """Return the card as it is then."""
        kept = {} if self.only else dict(card.labels)
        labels = {**kept, **self.labels}
        return replace(
            card,
            name=card.name if self.name is None else self.name,
            contact=card.contact if self.contact is None else self.contact,
            notes=card.notes if self.notes is None else self.notes,
            labels={key: value for key, value in labels.items() if value is not None},
        )

    @property
    def of_texts(self) -> Edit:
        """Return what of it is about texts."""
        return replace(self, labels={}, only=False)

    @property
    def of_labels(self) -> Edit:
        """Return what of it is about labels."""
        return Edit(self.tenant, labels=self.labels, only=self.only)


class State(StrEnum):
    """What is the matter with a tenant, the gravest first; it follows from holds and jobs."""

    ON_HOLD = "on hold"
    PURGING = "being purged"
    MOVING = "being moved"
    APART = "being taken apart"
    ARCHIVING = "being archived"
    PARKED = "parked"
    MOVED = "moved"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Doing:
    """A state that a tenant is in: since when and by whom, and by which job where one is it."""

    state: State
    since: datetime | None = None
    by: str = ""
    job: str = ""


def states_of(card: Card, doings: tuple[Doing, ...] = ()) -> tuple[Doing, ...]:
    """Return every state of a tenant, the gravest first: active where there is no other."""
    held = () if card.hold is None else (Doing(State.ON_HOLD, card.hold.since, card.hold.by),)
    order = list(State)
    found = sorted((*held, *doings), key=lambda each: order.index(each.state))
    return tuple(found) or (Doing(State.ACTIVE),)
