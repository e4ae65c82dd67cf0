"""Retention policies, plans, and what came of them: frozen values. Pure.

A quantity is what is bounded and how: `predictions:idle`, `patterns:age`. Spans are whole seconds,
sizes bytes, times aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from services.cards.scope import Scope
from services.cards.specific import breadth
from services.errors import KatoTenantsError, Problem
from services.jobs.schedule import Schedule
from services.tenancy.kb_ids import TenantKey


class RetentionError(KatoTenantsError):
    """A retention policy that cannot be taken, or a run of one that may not begin."""


class Matter(StrEnum):
    """What is kept or not."""

    PREDICTIONS = "predictions"  # `{kb_id}:prediction:*`: no TTL, and no time in them
    SESSIONS = "sessions"
    PATTERNS = "patterns"
    STREAMS = "streams"  # `stm:*`: everybody's observations, which nothing tells apart
    CACHES = "caches"  # `patterns:top:*` and the like: nobody's


class Bound(StrEnum):
    """How it is bounded: each of a kb_id, stream or session by itself."""

    COUNT = "count"  # so many at most, those used last
    BYTES = "bytes"  # so much memory at most, of those used last
    IDLE = "idle"  # not those unused for so long
    TTL = "ttl"  # gone so long from now on, wherever nothing else says sooner
    AGE = "age"  # not those written longer ago
    LENGTH = "length"  # so many entries at most, the newest


BOUNDS: Mapping[Matter, tuple[Bound, ...]] = {
    Matter.PREDICTIONS: (Bound.COUNT, Bound.BYTES, Bound.IDLE, Bound.TTL),
    Matter.SESSIONS: (Bound.IDLE,),
    Matter.PATTERNS: (Bound.AGE,),
    Matter.STREAMS: (Bound.LENGTH, Bound.AGE),
    Matter.CACHES: (Bound.TTL,),
}
QUANTITIES = tuple(f"{matter}:{bound}" for matter, bounds in BOUNDS.items() for bound in bounds)
"""What there may be a policy of, in the order in which it is shown."""

SPANS = frozenset({Bound.IDLE, Bound.TTL, Bound.AGE})
EVERYBODYS = frozenset({Matter.STREAMS, Matter.CACHES})
"""What is nobody's own: its policies are for every tenant, `*`."""

LONGEST_IDLE = 190 * 86_400
"""Seconds. Redis counts how long a key was not used in 24 bits, and begins anew after 194 days."""

SHORTEST = 60
"""Seconds: the shortest span."""


def matter_of(quantity: str) -> Matter:
    """Return what a quantity is of."""
    return Matter(quantity.partition(":")[0])


def bound_of(quantity: str) -> Bound:
    """Return how a quantity bounds it."""
    return Bound(quantity.partition(":")[2])


Key: TypeAlias = tuple[Scope, str]


@dataclass(frozen=True, slots=True)
class Policy:
    """How much of a quantity is kept, of those tenants that `scope` covers.

    `most` None says that all is kept, whatever less specific policies say.
    """

    scope: Scope
    quantity: str
    most: int | None
    schedule: Schedule | None = None

    @property
    def key(self) -> Key:
        """What there is one policy of."""
        return self.scope, self.quantity


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy as it is kept: who set it, when, and why; `begun` is when it last began to run."""

    policy: Policy
    by: str
    at: datetime
    why: str = ""
    begun: datetime | None = None


def in_order(kept: Iterable[Kept]) -> Iterator[Kept]:
    """Yield policies as they are listed: by quantity, and the widest first."""
    ordered = {quantity: at for at, quantity in enumerate(QUANTITIES)}
    return iter(sorted(kept, key=lambda each: (
        ordered.get(each.policy.quantity, len(ordered)), breadth(each.policy.scope),
        str(each.policy.scope),
    )))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changes:
    """Policies that are to be set, in place of those of the same key, and to be removed."""

    put: tuple[Policy, ...] = ()
    removed: tuple[Key, ...] = ()

    def but(self, there: Iterable[Policy]) -> Changes:
        """Return what of it is a change: neither what is so already, nor what is not there."""
        known = {policy.key: policy for policy in there}
        put = {each.key: each for each in self.put if known.get(each.key) != each}
        gone = (key for key in dict.fromkeys(self.removed) if key in known and key not in put)
        return Changes(tuple(put.values()), tuple(gone))

    def after(self, there: Iterable[Policy]) -> tuple[Policy, ...]:
        """Return the policies that there are then."""
        left = {each.key: each for each in there if each.key not in set(self.removed)}
        return tuple((left | {each.key: each for each in self.put}).values())

    def __bool__(self) -> bool:
        return bool(self.put or self.removed)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How one owner's are bounded, each None where it is not."""

    count: int | None = None
    bytes: int | None = None
    idle: int | None = None
    ttl: int | None = None
    age: int | None = None
    length: int | None = None

    def __bool__(self) -> bool:
        return self != Bounds()


class Left(StrEnum):
    """Why something is left as it is."""

    HOLD = "hold"  # it is on legal hold
    HOLD_ELSEWHERE = "hold elsewhere"  # nothing tells apart what of it a tenant on hold has
    SHARED = "shared"
    INFERRED = "inferred"
    BUSY = "busy"  # a purge or another job has it
    NAME = "name"  # its keys are not told from what other keys begin with
    TIMELESS = "timeless"  # it does not say when it was used
    POLICY = "policy"  # it was planned, and no policy is about it any more


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is left as it is, why, and of whom: `owner` is a kb_id, a node_id or a stream."""

    matter: Matter
    owner: str
    why: Left
    tenants: tuple[TenantKey, ...] = ()
    there: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What there is of one owner, and what of it goes. `tenant` is None for what is everybody's.

    `sources` are the policies that hold, by quantity. `due` is how many go, `due_bytes` their
    memory, None where it is not told; `expiring` are given a TTL. With `at_least` more may be due.
    Where it cannot be told what goes, `problem` says why, and nothing does.
    """

    matter: Matter
    tenant: TenantKey | None
    owner: str
    sources: Mapping[str, str]
    there: int | None = None
    due: int | None = None
    due_bytes: int | None = None
    expiring: int = 0
    at_least: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class PartCost:
    """A part of ClickHouse's table that a mutation rewrites, for `due` of its rows."""

    name: str
    rows: int
    bytes: int
    due: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What policies would do now.

    `at` is the moment from which spans are counted back, `digest` that of the policies: it is the
    same as long as these are. `parts` are rewritten where patterns are erased, and `cloned` others
    cloned by hard links. `unread` says by store why it could not be looked at, `lacking` which
    rights a run would lack in Redis, in words.
    """

    at: datetime
    digest: str
    policies: tuple[Policy, ...]
    lines: tuple[Line, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    parts: tuple[PartCost, ...] = ()
    cloned: int = 0
    unread: Mapping[str, Problem] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()

    @property
    def acts(self) -> bool:
        """Whether anything would go or be given a TTL."""
        return any(line.due or line.expiring for line in self.lines)


class Outcome(StrEnum):
    """What a run came to."""

    DONE = "done"
    PARTIAL = "partial"  # some of what was due is there still
    UNKNOWN = "unknown"  # something could not be looked at


def before(at: datetime, seconds: int) -> datetime:
    """Return the moment so many seconds before another."""
    return at - timedelta(seconds=seconds)
