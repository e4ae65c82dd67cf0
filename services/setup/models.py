"""What a tenant is set up with, what is known of its names, and each step of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.access.viewer import TenantPattern
from services.cards.labels import contact_of, labels_of, name_of
from services.cards.models import Edit
from services.errors import KatoTenantsError, Problem
from services.figures import Measure
from services.limits.models import Rule
from services.sessions.create import TTL_DEFAULT
from services.sessions.landing import Landing
from services.setup.advice import Advice, Place
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Layout
from services.tenancy.schemes import NamingScheme

DISTANCES = ("Euclid", "Cosine", "Dot", "Manhattan")
"""Qdrant's metrics, by its names; KATO's collections have the first."""

LARGEST_VECTOR = 65_536
"""Longest vector that Qdrant takes: `max_size` of its API for a collection's vectors."""


class SetupRefused(KatoTenantsError):
    """A tenant that may not be set up so."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Where the tenant's vectors are to go.

    `collection` is the shared one's name, where it is not its own. `size` is the vectors'
    dimension and `distance` their metric, by Qdrant's name.
    """

    place: Place
    size: int = 0
    distance: str = DISTANCES[0]
    collection: str = ""
    layout: Layout = Layout.KATO

    def name(self, landing: Landing) -> str:
        """Return the name of the collection."""
        if self.place is not Place.OWN:
            return self.collection
        if self.layout is Layout.GUIDE:
            return f"kato_tenant_{landing.tenant.id}"
        return f"vectors_{landing.kb_id}"


@dataclass(frozen=True, slots=True)
class FirstSession:
    """The first session; `ttl_seconds` and the texts are as `SessionService.create` takes them."""

    ttl_seconds: int = TTL_DEFAULT
    metadata: Mapping[str, str] = field(default_factory=dict)
    word: str = ""
    again: bool = False
    over: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A tenant that is to be set up: how it is named, and what it is to have.

    `limits` are how much it should have at most, by quantity. `card` is what its card is to say.
    `expected` is how many points it is likely to have, None where nobody says.
    """

    scheme: NamingScheme
    values: Mapping[str, str]
    limits: Mapping[str, int] = field(default_factory=dict)
    vectors: Vectors | None = None
    session: FirstSession | None = None
    card: Edit | None = None
    expected: int | None = None

    @property
    def tenant(self) -> TenantKey:
        """Who it is."""
        return self.scheme.tenant(self.values)


class StepName(StrEnum):
    """The steps, in their order: what KATO is asked for comes last."""

    CARD = "card"
    LIMITS = "limits"
    COLLECTION = "collection"
    TENANT_INDEX = "tenant index"
    SHARD_KEY = "shard key"
    SESSION = "session"


class StepState(StrEnum):
    """How far a step is."""

    TO_DO = "to do"
    THERE = "there already"
    DONE = "done"
    WAITING = "waits for a second person"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to do."""
        return self in (StepState.THERE, StepState.DONE)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `what` it is about by name, why it was not done, and the request that waits."""

    name: StepName
    what: str
    state: StepState = StepState.TO_DO
    problem: Problem | None = None
    request: str = ""


class ClashKind(StrEnum):
    """What is known, or guessed, that stands near a new name."""

    THERE = "there"  # the tenant is there already
    GUESSED = "guessed"  # a kb_id of others, or of unknown ones, may be read as its
    SHARED = "shared"  # it would share memory with others
    ALIKE = "alike"  # others look like it
    PREFIX = "prefix"  # what is matched by a prefix hits both
    ERASED = "erased"  # its data was erased


@dataclass(frozen=True, slots=True)
class Clash:
    """A name that is there already and touches the new one's."""

    kind: ClashKind
    tenants: tuple[TenantKey, ...] = ()
    kb_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What setting up would do. `unread` are the figures that nobody could look through, and why.

    `refusal` says why the name may not be used; empty where it may.
    """

    order: Order
    landing: Landing
    clashes: tuple[Clash, ...]
    steps: tuple[Step, ...]
    advice: Advice
    unread: Mapping[Measure, Problem]

    @property
    def refusal(self) -> str:
        """Why the name may not be used."""
        return self.landing.refusal

    @property
    def may_begin(self) -> bool:
        """Whether there is anything to do, and nothing stands against it."""
        states = {step.state for step in self.steps}
        return not self.refusal and StepState.REFUSED not in states and StepState.TO_DO in states


def rules_of(order: Order) -> tuple[Rule, ...]:
    """Return the limits as rules for this one tenant."""
    scope = TenantPattern(order.tenant.kind, order.tenant.id)
    return tuple(Rule(scope, quantity, most) for quantity, most in order.limits.items())


def edit_of(
    scheme: NamingScheme, values: Mapping[str, str], *, name: str, contact: str, labels: str
) -> Edit | None:
    """Return what a card is to say, None where nobody says anything. Raises CardError.

    `labels` are written `plan=gold, region=eu`.
    """
    if not (name or contact or labels) or not values.get(scheme.kind):
        return None
    return Edit(
        scheme.tenant(values), name_of(name) or None, contact_of(contact) or None,
        labels=labels_of(labels),
    )  # fmt: skip
