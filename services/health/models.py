"""How a store is: frozen values. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.errors import Problem
from services.figures import StoreState


@dataclass(frozen=True, slots=True)
class Lack:
    """A right that a store does not give us, as it is named there, and what is unknown for it."""

    right: str
    costs: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a store answered when asked how it is. `latency` is in seconds.

    `lacks` are rights without which only a part of its figures is unknown; one without which no
    pass is possible raises StoreDenied in their place.
    """

    store: str
    version: str
    latency: float
    detail: str = ""
    lacks: tuple[Lack, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """How one store is. `health` is None unless it answered; `advice` says what to do."""

    store: str
    state: StoreState
    health: Health | None
    problem: Problem | None = None
    advice: str | None = None

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """The rights that it does not give us, where it answered."""
        return self.health.lacks if self.health else ()
