"""How a store is: frozen values. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.errors import Problem
from services.figures import StoreState


@dataclass(frozen=True, slots=True)
class Health:
    """What a store answered when asked how it is. `latency` is in seconds."""

    store: str
    version: str
    latency: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """How one store is. `health` is None unless it answered; `advice` says what to do."""

    store: str
    state: StoreState
    health: Health | None
    problem: Problem | None = None
    advice: str | None = None
