"""What finding brings back: which tenant has what was looked for, and how that is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.errors import Problem
from services.find.x_questions import Question
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState
from services.usage.snapshot import Usage

TENANT = "tenant"
NODE = "node_id"
KB = "kb_id"
SESSION = "session id"
PATTERN = "pattern name"
KEY = "Redis key"
COLLECTION = "Qdrant collection"
"""What a text can be, apart from a field of a naming scheme, which goes by its own name."""


class Certainty(StrEnum):
    """How well a name fits what was looked for."""

    EXACT = "exact"  # it is the very text
    INFERRED = "inferred"  # it is the text as far as a kb_id keeps it
    CONTAINS = "contains"  # the text is somewhere in it


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A kb_id or, in the guide's layout, the name that stands for one (then `is_kb` is False)."""

    name: str
    is_kb: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """One thing that fits: `what` it is, and its name as stored (`found`).

    `tenant` is None for what belongs to nobody, or whose it is not known yet. `place` is where
    its data lies, None for a whole tenant. `state` is how the ownership is known, `how` one
    sentence for the screen, `others` tenants that the same name could also mean.
    """

    what: str
    found: str
    certainty: Certainty
    tenant: TenantKey | None
    place: Place | None
    state: ClaimState
    how: str
    others: tuple[TenantKey, ...] = ()


@dataclass(frozen=True, slots=True)
class TenantHit:
    """A tenant that has what was looked for.

    `usage` sums the places that match; a figure is None where its store is not known. `shared`
    names those that other tenants hold too: their figures stand with each holder.
    """

    tenant: TenantKey
    state: ClaimState
    matches: tuple[Match, ...]
    places: tuple[Place, ...]
    shared: tuple[str, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Looked:
    """Something that was looked at, or could not be: then `reason` says why.

    `at` is when it was read. `absent` marks a store that no address was given for. `count` is
    how many there are in the whole fleet, where that was counted.
    """

    store: str
    what: str
    reason: Problem | None = None
    at: datetime | None = None
    absent: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Every tenant that has what was looked for, as far as could be looked.

    `nobodys` are matches without a tenant. `illegible` counts kb_ids of no seen node_id whose
    name KATO cut, so that a field in them cannot be read.
    """

    question: Question
    hits: tuple[TenantHit, ...] = ()
    nobodys: tuple[Match, ...] = ()
    looked: tuple[Looked, ...] = ()
    illegible: int = 0

    @property
    def unknown(self) -> tuple[Looked, ...]:
        """What could not be looked at: there may be more than was found."""
        return tuple(look for look in self.looked if look.reason is not None)

    @property
    def matches(self) -> tuple[Match, ...]:
        """Every match, those of tenants first."""
        return (*(match for hit in self.hits for match in hit.matches), *self.nobodys)
