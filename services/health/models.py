"""How a store is: frozen values. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.errors import Problem
from services.figures import StoreState


@dataclass(frozen=True, slots=True)
class Memory:
    """What a store keeps in memory, in bytes; None is what it does not say.

    `limit` is 0 where it has none. `evicted` counts what it threw away since it started.
    """

    used: int | None
    limit: int | None
    evicted: int | None


@dataclass(frozen=True, slots=True)
class Health:
    """What a store answered when asked how it is. `latency` is in seconds.

    `memory` is None for a store that does not live in memory.
    """

    store: str
    version: str
    latency: float
    detail: str = ""
    memory: Memory | None = None


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
