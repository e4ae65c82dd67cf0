"""Taking a shared kb_id apart: what would be done, and what came of it. Frozen values. Pure.

Counts are of rows, keys, points or sessions; times are aware datetimes in UTC. Names are as KATO
has them.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from services.apart.evidence import Alone, Began, Why, alone
from services.errors import KatoTenantsError
from services.figures import Measure
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import bytes_of

KIND = "apart"
"""How jobs that do this are called."""

_MILLISECONDS = re.compile(r"-(\d+)\Z")


class ApartRefused(KatoTenantsError):
    """A kb_id that may not be taken apart, or not as it is now, or a job that is not there."""


class Trust(StrEnum):
    """Why it is believed since when somebody may have written."""

    NOBODY = "nobody said"
    WORD = "a person's word"
    FIRST_SEEN = "first seen, by a person's word"


class By(StrEnum):
    """By what something is told to be a tenant's."""

    RECORD = "its record names the node_id"
    TIME = "written before anybody else began, and learnt once"
    PATTERN = "named by a pattern that is told apart"


class Stay(StrEnum):
    """Why something that is no pattern cannot be told apart."""

    OF_PATTERN = "of a pattern that stays"
    MIXED = "made of everybody's patterns, with neither a time nor a name"
    VECTOR = "named by a pattern that stays, or by none"


@dataclass(frozen=True, slots=True)
class Words:
    """What the person who asks has said: whom to believe to have begun when, and new node_ids.

    `began` None stands for when the tenant was first seen.
    """

    began: Mapping[TenantKey, datetime | None] = field(default_factory=dict)
    names: Mapping[TenantKey, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """One tenant that shares a kb_id, by its `nodes`, the first of which was seen `since`.

    `began` is since when it may have written by what is trusted; None for since ever. `node_id` is
    its new name and `kb_id` what KATO makes of that; empty where there is none. `again` is whether
    it has had that name since this kb_id was taken apart before.
    """

    tenant: TenantKey
    nodes: tuple[str, ...]
    since: datetime | None
    began: datetime | None = None
    trust: Trust = Trust.NOBODY
    node_id: str = ""
    kb_id: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Goes:
    """So much of a store goes to a tenant's own name."""

    store: Measure
    tenant: TenantKey
    count: int
    by: By


@dataclass(frozen=True, slots=True)
class Stays:
    """So much of a store stays at the shared kb_id."""

    store: Measure
    count: int
    why: Why | Stay


@dataclass(frozen=True, slots=True)
class Cost:
    """What erasing rows costs ClickHouse: parts that are rewritten, their bytes, others cloned."""

    parts: int = 0
    bytes: int = 0
    cloned: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What taking a kb_id apart would do, and what stands in its way."""

    kb_id: str
    shares: tuple[Share, ...]
    goes: tuple[Goes, ...]
    stays: tuple[Stays, ...]
    cost: Cost
    obstacles: tuple[str, ...] = ()

    @property
    def began(self) -> Began:
        """Since when each may have written, None for since ever."""
        return {share.tenant: share.began for share in self.shares}

    @property
    def alone(self) -> Alone | None:
        """Who alone could write at first; None where that cannot be told."""
        return alone(self.began)

    @property
    def first(self) -> Share | None:
        """The share of who was alone at first, where it has a name of its own to go to."""
        found = self.alone
        named = (share for share in self.shares if share.node_id)
        return next((s for s in named if found is not None and s.tenant == found.tenant), None)

    @property
    def tenants(self) -> tuple[TenantKey, ...]:
        """Everyone who shares it."""
        return tuple(share.tenant for share in self.shares)

    @property
    def kb_ids(self) -> tuple[str, ...]:
        """The shared one, and those of the new names."""
        return (self.kb_id, *(share.kb_id for share in self.shares if share.kb_id))

    @property
    def moves(self) -> Mapping[str, str]:
        """The new node_id of each that is taken apart."""
        return {node: share.node_id for share in self.shares if share.node_id
                for node in share.nodes}  # fmt: skip

    @property
    def digest(self) -> str:
        """A SHA-256 of what is trusted and of all names: figures change while one looks."""
        began = [each.began and each.began.astimezone(UTC) for each in self.shares]
        shares = zip(self.shares, began, strict=True)
        doing = (self.kb_id, [(str(s.tenant), s.nodes, at, s.node_id) for s, at in shares])
        return hashlib.sha256(repr(doing).encode("utf-8", "surrogatepass")).hexdigest()


class Outcome(StrEnum):
    """What came of it."""

    APART = "apart"  # nothing that clients use is shared any more: what stays is old
    PARTLY = "partly"  # somebody went on under an old node_id
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a job came to.

    `learnt_again` patterns were told apart and learnt again before the cut: they are at both names.
    `sessions` lead from old ids to new ones, at most so many as a receipt has. `late` sessions were
    made under old node_ids, by clients that still name these, after all had been ended.
    """

    goes: tuple[Goes, ...]
    stays: tuple[Stays, ...]
    sessions: Mapping[str, str] = field(default_factory=dict)
    learnt_again: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Apart:
    """A kb_id that was taken apart: when, by which job, who is where now, and what came of it."""

    kb_id: str
    at: datetime
    job: str
    by: str
    reason: str
    shares: tuple[Share, ...]
    receipt: Receipt


def session_id_for(old: str, node_id: str) -> str:
    """Return the id of a session under a new node_id: of KATO's form, and the same each time."""
    ends = _MILLISECONDS.search(old)
    made = uuid.uuid5(uuid.NAMESPACE_OID, bytes_of(f"{node_id} {old}").hex())
    return f"session-{made}-{ends[1] if ends else 0}"
