"""How a store is: frozen values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.errors import Problem
from services.figures import StoreState


@dataclass(frozen=True, slots=True)
class Lack:
    """A right that a store does not give us, as it is named there, and what is unknown for it."""

    right: str
    costs: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What a store keeps in memory, in bytes; None is what it does not say.

    `limit` is 0 where it has none. `evicted` counts what it threw away since it started.
    """

    used: int | None
    limit: int | None
    evicted: int | None


class ReplicaState(StrEnum):
    """How one server of a store that is a cluster is."""

    WELL = "well"
    BEHIND = "behind"  # it lacks writes of some time ago, and is not read
    READ_ONLY = "read only"  # it has no session with Keeper: it hears of no write, and takes none
    SILENT = "does not answer"


@dataclass(frozen=True, slots=True)
class Replica:
    """One server of a store that is a cluster, by the name that the cluster's definition has.

    `shard` and `number` begin at 1. `behind` is in seconds and `queue` counts what it has still to
    do; None is what it did not say. `speaks` is whether its shard's figures are read from it.
    """

    name: str
    shard: int
    number: int
    state: ReplicaState
    behind: int | None = None
    queue: int | None = None
    speaks: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """What a store answered when asked how it is. `latency` is in seconds.

    `lacks` are rights without which only a part of its figures is unknown; one without which no
    pass is possible raises StoreDenied in their place. `memory` is None for a store that does not
    live in memory. `replicas` are the servers of a cluster, none of one server alone; `notes` say
    what somebody ought to know of it, and what to do.
    """

    store: str
    version: str
    latency: float
    detail: str = ""
    lacks: tuple[Lack, ...] = ()
    memory: Memory | None = None
    replicas: tuple[Replica, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """How one store is. `health` is None unless it answered; `advice` says what to do.

    `past` are the latencies of the last hour in seconds, oldest first: one for each time that
    anybody asked and it answered.
    """

    store: str
    state: StoreState
    health: Health | None
    problem: Problem | None = None
    advice: str | None = None
    past: tuple[float, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What somebody ought to know of it, where it answered."""
        return self.health.notes if self.health else ()

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """The rights that it does not give us, where it answered."""
        return self.health.lacks if self.health else ()


@dataclass(frozen=True, slots=True)
class Worker:
    """What one of KATO's workers says of itself; None is what it does not say.

    `began` is when it started, by its own clock. `requests`, `peak` and `limit` count calls at one
    time: now, at most so far, allowed. `served` and `errors` count calls since it began,
    `processors` the node_ids in its memory, `counted` the sessions that it counts.
    `pools_unwell` names the stores whose connections are not well. `cache` is the state of its
    cache of patterns, and `hit_rate` the share of hits from 0 to 1, where these were asked for.
    """

    began: datetime | None = None
    requests: int | None = None
    peak: int | None = None
    limit: int | None = None
    processors: int | None = None
    served: int | None = None
    errors: int | None = None
    counted: int | None = None
    pools_unwell: tuple[str, ...] | None = None
    cache: str | None = None
    hit_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Workers:
    """KATO's workers, as far as the moments at which they began tell them apart.

    `configured` is how many KATO says that it starts, None where it does not say. `unanswered`
    counts the connections that got no answer while others did.
    """

    told: tuple[Worker, ...]
    configured: int | None = None
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One process of this product. `name` says where it runs, `heard` is when it was last heard."""

    id: str
    name: str
    version: str
    read_only: bool
    started: datetime
    heard: datetime


@dataclass(frozen=True, slots=True)
class Dashboards:
    """Every dashboard on these records that is there, the oldest first, at the time `now`.

    `collects` is the id of the one that reads the stores, empty where none does right now, and
    `since` when it began to; `this` is the one that is asked. `alone` says why this one does not
    show what that one read.
    """

    there: tuple[Dashboard, ...]
    collects: str
    since: datetime | None
    now: datetime
    this: str
    alone: Problem | None = None
