"""Limits as they are set, and where tenants stand: frozen values. Pure.

Limits are soft: nothing stops KATO from storing more. A quantity is one of `services.history`: a
count (`patterns`), its bytes (`patterns_bytes`), the keys of one kind (`keys:prediction`) or the
memory of predictions (`keys:prediction_bytes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from services.cards.scope import Scope
from services.cards.specific import breadth
from services.errors import Problem
from services.figures import Measure
from services.history.models import PREDICTION_BYTES, Figure, quantities_of
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import KB_KINDS

KINDS = tuple(f"{Measure.KEYS}:{kind}" for kind in (*sorted(KB_KINDS), "other"))
QUANTITIES = (
    *(each for measure in Measure for each in quantities_of(measure)), PREDICTION_BYTES, *KINDS,
)  # fmt: skip
"""What may have a limit, in the order in which it is shown."""

MOST = 10**18
"""The highest limit; a database keeps no number that is much larger."""


class State(StrEnum):
    """Where a tenant stands to one limit. Of what is not known, nothing is said."""

    OVER = "over"
    NEAR = "near"
    UNKNOWN = "unknown"
    UNDER = "under"

    @property
    def rank(self) -> int:
        """How much it asks for attention: 0 for the gravest."""
        return _RANKS[self]


_RANKS = {state: rank for rank, state in enumerate(State)}


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit of a quantity, for those that `scope` covers: one, a label's, a kind, or every one.

    `most` is how much they should have at most, in patterns, keys, points, sessions or bytes;
    None says that there is no limit, whatever less specific rules say.
    """

    scope: Scope
    quantity: str
    most: int | None

    @property
    def key(self) -> tuple[Scope, str]:
        """What there is one rule of."""
        return self.scope, self.quantity


@dataclass(frozen=True, slots=True)
class Kept:
    """A rule as it is kept: who set it, when, and why."""

    rule: Rule
    by: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a tenant is near a limit, and how far it has to come back, in per cent of the limit.

    Near begins at `near`. A state is left for a lower one only when the figure is `back` below
    where it began: one that goes to and fro around it does not.
    """

    near: int = 80
    back: int = 5


@dataclass(frozen=True, slots=True)
class Crossed:
    """The state over or near that a tenant is known to be in, to which limit, and since when."""

    state: State
    most: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of one limit a tenant uses.

    `used` is None where it is not known, with the `reason`; with `at_least`, it may be more.
    `source` is what the rule is for that gave the limit. `now` is the state by this figure alone,
    `state` the one that counts: it may be higher than `now` until the figure has come back.
    `since` is when that state was first seen, None where it is under, unknown or new.
    """

    tenant: TenantKey
    quantity: str
    used: Figure | None
    most: int
    source: Scope
    state: State
    now: State
    at_least: bool = False
    reason: Problem | None = None
    since: datetime | None = None

    @property
    def shown(self) -> State:
        """What it is called: over only while it is that now; near for as long as it is held."""
        if self.now is State.OVER or self.state is not State.OVER:
            return self.state
        return State.NEAR

    @property
    def share(self) -> float | None:
        """How much of the limit is used, 1 for all of it; None where not known, or it is 0."""
        return None if self.used is None or not self.most else self.used.value / self.most


@dataclass(frozen=True)
class Standings:
    """Every tenant that has a limit, with each of its limits."""

    every: tuple[Standing, ...] = ()

    @cached_property
    def by_tenant(self) -> Mapping[TenantKey, tuple[Standing, ...]]:
        """The standings of each tenant, the gravest first, and then the fullest."""
        found: dict[TenantKey, list[Standing]] = {}
        for each in self.every:
            found.setdefault(each.tenant, []).append(each)
        return {tenant: tuple(sorted(mine, key=gravity)) for tenant, mine in found.items()}

    def of(self, tenant: TenantKey) -> tuple[Standing, ...]:
        """Return those of one tenant, the gravest first; none where it has no limit."""
        return self.by_tenant.get(tenant, ())

    def worst(self, tenant: TenantKey) -> Standing | None:
        """Return a tenant's gravest, or None where it has no limit."""
        return next(iter(self.of(tenant)), None)

    def tenants(self, state: State) -> tuple[TenantKey, ...]:
        """Return the tenants of whom a state is the gravest that is shown."""
        worst = ((tenant, mine[0].shown) for tenant, mine in self.by_tenant.items())
        return tuple(tenant for tenant, shown in worst if shown is state)


def gravest(standings: Iterable[Standing]) -> dict[TenantKey, State]:
    """Return the gravest state of each tenant, as it is held."""
    found: dict[TenantKey, State] = {}
    for each in standings:
        had = found.get(each.tenant)
        if had is None or each.state.rank < had.rank:
            found[each.tenant] = each.state
    return found


def gravity(standing: Standing) -> tuple[int, float]:
    """Return what sorts standings: the gravest that is shown first, and then the fullest."""
    return standing.shown.rank, -(standing.share or 0.0)


def in_order(rules: Iterable[Kept]) -> Iterator[Kept]:
    """Yield rules as they are listed: for all, kinds, labels, tenants; by name and quantity."""
    ordered = {quantity: at for at, quantity in enumerate(QUANTITIES)}
    return iter(sorted(rules, key=lambda kept: (
        breadth(kept.rule.scope), str(kept.rule.scope),
        ordered.get(kept.rule.quantity, len(ordered)), kept.rule.quantity,
    )))  # fmt: skip
