"""Which limit holds for a tenant, and which state a figure is in. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from services.cards.models import LabelsOf, unlabelled
from services.cards.scope import Scope
from services.cards.specific import MostSpecific
from services.history.models import Figure
from services.limits.models import Rule, State, Thresholds
from services.tenancy.kb_ids import TenantKey

_WHOLE = 100


class Rules:
    """Rules, asked for the one that holds. The most specific wins: tenant, label, kind, everyone.

    Of two labels of a tenant that have one each, the lower limit holds. `labels` tells the labels
    of a tenant.
    """

    def __init__(self, rules: Iterable[Rule], labels: LabelsOf = unlabelled) -> None:
        found: dict[str, list[tuple[Scope, Rule]]] = {}
        for rule in rules:
            found.setdefault(rule.quantity, []).append((rule.scope, rule))
        self._found = {of: MostSpecific(mine, labels, _height) for of, mine in found.items()}

    @property
    def quantities(self) -> tuple[str, ...]:
        """What any rule is about."""
        return tuple(self._found)

    def of(self, tenant: TenantKey, quantity: str) -> Rule | None:
        """Return the rule that holds for a tenant; None where none is for it."""
        found = self._found.get(quantity)
        return None if found is None else found.of(tenant)


def _height(rule: Rule) -> float:
    """Return how high a limit is; no limit is above any."""
    return math.inf if rule.most is None else rule.most


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
