"""Which limit holds for a tenant, and which state a figure is in. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from services.history.models import Figure
from services.limits.models import State, Thresholds
from services.tenancy.kb_ids import TenantKey

_WHOLE = 100


class Scope(Protocol):
    """Whom something is set for: one tenant, a kind of them, or every one."""

    @property
    def kind(self) -> str:
        """The kind of tenant, `*` for every one."""

    @property
    def id(self) -> str:
        """The tenant's id, `*` for every one of the kind."""


class Scoped(Protocol):
    """What is set for one tenant, a kind of them, or every one."""

    @property
    def scope(self) -> Scope:
        """Whom it is for."""

    @property
    def quantity(self) -> str:
        """What it is of."""


RuleT = TypeVar("RuleT", bound=Scoped)


class Rules(Generic[RuleT]):
    """Rules, asked for the one that holds. The most specific wins: tenant, kind, every tenant."""

    def __init__(self, rules: Iterable[RuleT]) -> None:
        self._found: dict[str, dict[tuple[str, str], RuleT]] = {}
        for rule in rules:
            self._found.setdefault(rule.quantity, {})[rule.scope.kind, rule.scope.id] = rule

    @property
    def quantities(self) -> tuple[str, ...]:
        """What any rule is about."""
        return tuple(self._found)

    def of(self, tenant: TenantKey, quantity: str) -> RuleT | None:
        """Return the rule that holds for a tenant; None where none is for it."""
        there = self._found.get(quantity, {})
        kind = tenant.kind
        return there.get((kind, tenant.id)) or there.get((kind, "*")) or there.get(("*", "*"))


@dataclass(frozen=True, slots=True)
class Reading:
    """How much of something a tenant has; with `at_least`, that much or any more."""

    figure: Figure
    at_least: bool = False

    @property
    def surely(self) -> int:
        """What it has at least: a sampled figure less its margin."""
        return max(0, self.figure.value - self.figure.margin)


def judge(
    reading: Reading | None, most: int, thresholds: Thresholds, before: State | None = None
) -> State:
    """Return the state of a figure to a limit, coming from the state before, where that is known.

    It is over only where it surely is: with a margin, where the lower end is. Of what is only a
    lower bound, and not over, nothing can be said.
    """
    if reading is None:
        return State.UNKNOWN
    if reading.surely > most:
        return State.OVER
    if reading.at_least:
        return State.UNKNOWN
    value, near, back = reading.figure.value, thresholds.near, thresholds.back
    if before is State.OVER and _reaches(value, most, _WHOLE - back):
        return State.OVER
    if before in (State.OVER, State.NEAR) and _reaches(value, most, near - back):
        return State.NEAR
    return State.NEAR if value and value * _WHOLE >= most * near else State.UNDER


def _reaches(value: int, most: int, per_cent: int) -> bool:
    """Whether a figure is more than so many per cent of a limit; exact, whatever its size."""
    return value * _WHOLE > most * per_cent
