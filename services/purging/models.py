"""A purge before, while and after it runs: plan, job, receipt. Frozen values. Pure.

Counts are numbers of rows, keys, points or sessions; `bytes` are bytes, None where not known;
times are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.figures import Measure
from services.identity import TenantKey


@dataclass(frozen=True, slots=True)
class Target:
    """Whose data is to go: a whole tenant, one of its node_ids, or one user of all tenants.

    `tenant` is None for a user of all tenants; `node_id` and `user` exclude each other.
    """

    tenant: TenantKey | None = None
    node_id: str | None = None
    user: str | None = None

    @property
    def name(self) -> str:
        """What has to be typed to confirm."""
        if self.node_id is not None:
            return self.node_id
        return self.user if self.user is not None else str(self.tenant)

    def __str__(self) -> str:
        """Say it in words."""
        if self.node_id is not None:
            return f"the node_id {self.node_id} of {self.tenant}"
        if self.user is not None:
            return f"the user {self.user}" + (f" of {self.tenant}" if self.tenant else "")
        return str(self.tenant)


@dataclass(frozen=True, slots=True)
class Request:
    """What an admin asks for.

    `stores` are the stores that are to be purged, `included` the kb_ids that are not surely the
    target's alone and are to go all the same, `trim_streams` whether KATO's `stm:*` streams are
    to be emptied, of everyone's observations.
    """

    target: Target
    stores: frozenset[Measure] = frozenset(Measure)
    included: frozenset[str] = frozenset()
    trim_streams: bool = False


@dataclass(frozen=True, slots=True)
class Surface:
    """The exact names that a purge goes by, and nothing else.

    `kb_ids` are erased whole; `tenant_ids` are raw ids as the guide's layout writes them
    (`tenant:{id}:…`, `kato_tenant_{id}`, a point's payload `tenant_id`); `nodes` are the raw
    node_ids whose sessions end. `collections` of Qdrant are dropped whole, and of
    `shared_collections` only the points that carry one of `tenant_ids`. `sessions` are ids of
    KATO's sessions that a job has seen, with their node_ids: by these it finds what is cached of
    them when their records are gone.
    """

    kb_ids: frozenset[str] = frozenset()
    tenant_ids: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    shared_collections: frozenset[str] = frozenset()
    sessions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is there: so much of one kind, of one owner, in one store.

    `owner` is a kb_id, a node_id or a tenant's raw id, as it is written; `kind` a table, a kind
    of key, a collection, or `session`. `how` says how it would be erased and what that costs.
    """

    store: Measure
    owner: str
    kind: str
    count: int
    bytes: int | None = None
    samples: tuple[str, ...] = ()
    how: str = ""

    @property
    def key(self) -> tuple[Measure, str, str]:
        """What makes it the same thing in another look."""
        return self.store, self.owner, self.kind


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at one store found.

    `items` are erased, `blockers` say what is there and cannot be erased by this product, or not
    told from what is another's: with one, nothing is purged. `disclosed` is what is there and
    cannot be told apart by tenant.
    """

    items: tuple[Item, ...] = ()
    blockers: tuple[str, ...] = ()
    disclosed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A kb_id that is not surely the target's alone, and is not touched unless it is named."""

    kb_id: str
    why: str
    losers: tuple[TenantKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge would do; nothing was written to make it.

    `problems` has the stores that could not be asked, with the reason: such a plan cannot run.
    `absent` are the stores that are not configured. `digest` is over everything but the time.
    """

    request: Request
    surface: Surface
    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...]
    disclosed: tuple[str, ...]
    blockers: tuple[str, ...]
    problems: Mapping[Measure, str]
    absent: tuple[Measure, ...]
    created_at: datetime
    digest: str

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why this plan cannot run; empty when it can."""
        unasked = (
            f"{store.value} could not be asked: {why}" for store, why in self.problems.items()
        )
        return (*unasked, *self.blockers)

    def total(self, store: Measure) -> int:
        """Return how many of a store's rows, keys, points or sessions would go."""
        return sum(item.count for item in self.items if item.store is store)


class StepName(StrEnum):
    """The steps of a job, in their order."""

    CHECK = "check"
    SESSIONS = "end sessions"
    FLUSH = "flush inserts"
    KEYS = "erase keys"
    PATTERNS = "erase patterns"
    VECTORS = "erase vectors"
    CACHES = "invalidate caches"
    VERIFY = "verify"
    SETTLE = "verify again"


class StepState(StrEnum):
    """How far a step is."""

    WAITING = "waiting"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the journal has it. `result` is what it found or did, `error` why it failed."""

    name: StepName
    state: StepState = StepState.WAITING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


class JobState(StrEnum):
    """Where a job is. A stopped or failed job can be resumed; an ended one cannot."""

    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    ENDED = "ended"


class Outcome(StrEnum):
    """What a purge came to."""

    ERASED = "erased"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Job:
    """A purge that was confirmed, as the state store has it.

    `owner` is the process that runs it, until `leased_until`. `stop_asked` ends it between steps.
    """

    id: str
    plan: Plan
    asked_by: str
    reason: str
    created_at: datetime
    state: JobState
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    stop_asked: bool = False
    owner: str = ""
    leased_until: datetime | None = None
    problem: str = ""
    progress: str = ""
    steps: tuple[Step, ...] = ()

    def step(self, name: StepName) -> Step | None:
        """Return one step, or None when the job has it not."""
        return next((step for step in self.steps if step.name is name), None)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt: planned / deleted / already absent / failed / left."""

    store: Measure
    owner: str
    kind: str
    planned: int
    deleted: int
    absent: int
    failed: int
    left: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a purge. `left` None means that the store could not be asked: *unknown*."""

    job_id: str
    target: str
    stores: tuple[Measure, ...]
    asked_by: str
    reason: str
    digest: str
    planned_at: datetime
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    lines: tuple[Line, ...]
    left_out: tuple[LeftOut, ...]
    disclosed: tuple[str, ...]
    problems: tuple[str, ...]
    seconds: Mapping[str, float]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A kb_id that was purged: what comes back under it later is reported."""

    kb_id: str
    tenant: str
    job_id: str
    erased_at: datetime


def held_names(tenants: Iterable[TenantKey], kb_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the names by which a job has tenants and kb_ids for itself alone."""
    found = {*map(str, tenants)}
    return (*sorted(found), *sorted(f"kb_id {kb_id}" for kb_id in kb_ids))
