"""What looking into one tenant asks for and brings back: frozen values. Pure.

Texts of names are as `names.text_of` decodes them, so that any bytes come through. Times
are aware datetimes in UTC, sizes are bytes, TTLs seconds. `None` is *not known* or *not there*,
never zero; where it matters, the fields say which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.errors import Problem
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Owner

# --- whose it is ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Space:
    """Where a tenant's points are: a whole collection, or those points that carry `tenant_id`.

    `aliases` are the other names of the collection.
    """

    collection: str
    tenant_id: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """One name under which a tenant has data; `shared_with` are the others who hold it too."""

    name: str
    owner: Owner
    spaces: tuple[Space, ...] = ()
    shared_with: tuple[TenantKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything that may be looked into for one tenant."""

    tenant: TenantKey
    holdings: tuple[Holding, ...]


# --- patterns ---------------------------------------------------------------------------------


class PatternSort(StrEnum):
    """What a page of patterns goes by; ties go by name and kb_id."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LONGEST = "longest"
    SHORTEST = "shortest"
    FREQUENT = "most frequent"


@dataclass(frozen=True, slots=True)
class PatternCursor:
    """The last row of a page: what was sorted by (a date as seconds since 1970), and which row."""

    value: int
    name: str
    kb_id: str


@dataclass(frozen=True, slots=True)
class PatternQuery:
    """Which patterns, in which order, and after which row.

    `kb_ids` are exact. `prefix` begins the name, `token` is one of its symbols, lengths are
    inclusive, `since` is inclusive and `until` exclusive, both of the creation.
    """

    kb_ids: tuple[str, ...]
    prefix: str = ""
    token: str = ""
    min_length: int | None = None
    max_length: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: PatternSort = PatternSort.NEWEST
    limit: int = 50
    after: PatternCursor | None = None


@dataclass(frozen=True, slots=True)
class PatternRow:
    """One pattern. `frequency` is None where Redis has no number for it, or was not asked."""

    kb_id: str
    name: str
    length: int
    token_count: int
    created_at: datetime
    updated_at: datetime
    frequency: int | None = None


@dataclass(frozen=True, slots=True)
class ReadCost:
    """What ClickHouse reads at most for a query, by its own estimate, against the whole table.

    The whole is None for who may not know how much others have in it.
    """

    rows: int
    parts: int
    all_rows: int | None
    all_parts: int | None


@dataclass(frozen=True, slots=True)
class PatternPage:
    """One page. `next` is None on the last; `problem` says why frequencies are not known."""

    rows: tuple[PatternRow, ...]
    next: PatternCursor | None
    cost: ReadCost
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class PatternContent:
    """One pattern's events, and how many there are where not all are here (`cut`)."""

    row: PatternRow
    events: tuple[tuple[str, ...], ...]
    event_count: int
    cut: bool
    vector_names: tuple[str, ...]


# --- keys -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KindSummary:
    """All keys of one kind: how many, their memory, and how many expire, within which TTLs.

    `bytes` is None where Redis does not let us ask.
    """

    kind: str
    count: int
    bytes: int | None
    with_ttl: int
    shortest_ttl: float | None
    longest_ttl: float | None


@dataclass(frozen=True, slots=True)
class SizedKey:
    """One key with its memory and TTL, None for a key that never expires."""

    key: str
    kind: str
    bytes: int
    ttl: float | None


@dataclass(frozen=True, slots=True)
class KeyInventory:
    """Every key of one owner, counted exactly, and the largest of them."""

    kinds: tuple[KindSummary, ...]
    largest: tuple[SizedKey, ...]
    count: int


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key's value, or the beginning of it.

    `members` are its parts in the order Redis gave them: of a string one, of a hash, a sorted
    set or a stream pairs. `size` is the whole length: bytes of a string, members of the rest.
    `memory` is what it takes in Redis, `note` says what was cut.
    """

    key: str
    type: str
    size: int
    memory: int | None
    ttl: float | None
    members: tuple[tuple[bytes, ...], ...]
    note: str = ""


# --- vectors ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpaceFacts:
    """One collection as it is now: `points` are the tenant's own, the rest is the collection's.

    `indexed` counts the vectors that an index has; None where the server does not say.
    """

    space: Space
    points: int
    size: int | None
    distance: str | None
    status: str
    indexed: int | None
    vector_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One point; `score` is how near it is, where that was asked."""

    id: int | str
    payload: Mapping[str, object]
    score: float | None = None


@dataclass(frozen=True, slots=True)
class PointPage:
    """Some points in the order of their ids; `next` begins the next page, None on the last."""

    points: tuple[Point, ...]
    next: int | str | None


@dataclass(frozen=True, slots=True)
class PatternDetail:
    """One pattern with what the other stores hold of it.

    `facts` are Redis' values by kind, None for a kind that has no key. `problems` say which
    store could not be asked, and why.
    """

    content: PatternContent
    facts: Mapping[str, KeyValue | None]
    points: tuple[Point, ...]
    problems: tuple[Problem, ...] = ()
