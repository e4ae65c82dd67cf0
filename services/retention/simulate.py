"""What policies would have come to in the past, by usage over time. A bound, and no guess. Pure.

The past knows how many of a tenant's there were, and neither when each was written nor of which
kb_id. So of a bound by number it is told how many would have gone *at least*, and of a bound by
time how many *at most*: what is older than a span was there all through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.cards.scope import Scope
from services.history.models import PREDICTION_BYTES, Cell
from services.retention.judge import Policies
from services.retention.models import BOUNDS, SPANS, Bound, Matter, bound_of
from services.tenancy.kb_ids import TenantKey

DAYS = 90
"""How far back it is looked."""

HISTORY_OF: Mapping[Matter, str] = {
    Matter.PREDICTIONS: "keys:prediction",
    Matter.SESSIONS: "sessions",
    Matter.PATTERNS: "patterns",
}
"""The quantity of usage over time that tells how many there were."""

NO_KBS = "how many kb_ids it has is not known now"
NO_PAST = "usage over time does not reach back that far"
_DAY = 86_400


class Sense(StrEnum):
    """How what would have gone is to be read."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Day:
    """One day: how many there were at its end, and how many would have gone; None is not known.

    Of a bound by bytes both are bytes.
    """

    day: datetime
    there: int | None
    gone: int | None


@dataclass(frozen=True, slots=True)
class Simulated:
    """One policy of one tenant in the past. `reason` says why it cannot be told."""

    tenant: TenantKey
    quantity: str
    source: Scope
    most: int
    sense: Sense
    days: tuple[Day, ...] = ()
    reason: str = ""


Series = Callable[[TenantKey, str, int], Sequence[Cell]]
"""Returns the days of a tenant's figure, so many of them, the oldest first."""


def simulate(
    tenants: Iterable[TenantKey], policies: Policies, kb_ids: Mapping[TenantKey, int],
    series: Series,
) -> Iterator[Simulated]:  # fmt: skip
    """Yield what each policy that holds for a tenant would have come to.

    `kb_ids` is how many knowledge bases each tenant has now.
    """
    for tenant in tenants:
        for matter, quantity in HISTORY_OF.items():
            for bound in BOUNDS[matter]:
                policy = policies.of(tenant, f"{matter}:{bound}")
                if policy is not None and policy.most is not None:
                    yield _one(
                        Simulated(tenant, policy.quantity, policy.scope, policy.most,
                                  Sense.UNKNOWN),
                        quantity, kb_ids.get(tenant), series,
                    )  # fmt: skip


def _one(empty: Simulated, quantity: str, kb_ids: int | None, series: Series) -> Simulated:
    bound = bound_of(empty.quantity)
    if bound is Bound.BYTES:
        quantity = PREDICTION_BYTES
    if bound in SPANS:
        span = -(-empty.most // _DAY)
        cells = series(empty.tenant, quantity, DAYS + span)
        days = tuple(_older(cells, span))[-DAYS:]
        return _told(empty, Sense.AT_MOST, days)
    if kb_ids is None:
        return _unknown(empty, NO_KBS)
    cells = series(empty.tenant, quantity, DAYS)
    return _told(empty, Sense.AT_LEAST, tuple(_beyond(cells, empty.most * kb_ids)))


def _beyond(cells: Iterable[Cell], most: int) -> Iterator[Day]:
    """Yield how many there surely were beyond what all kb_ids together might have had."""
    for cell in cells:
        there = _end(cell)
        gone = None if there is None else max(0, there - cell.margin - most)
        yield Day(cell.began, there, gone)


def _older(cells: Sequence[Cell], span: int) -> Iterator[Day]:
    """Yield how many may have been there all through the span before the end of a day."""
    for at, cell in enumerate(cells):
        window = cells[at - span : at + 1] if at >= span else ()
        least = [_least(each) for each in window]
        known = [each for each in least if each is not None]
        gone = min(known) if known and len(known) == len(least) else None
        yield Day(cell.began, _end(cell), gone)


def _end(cell: Cell) -> int | None:
    return None if cell.rollup is None else cell.rollup.last


def _least(cell: Cell) -> int | None:
    return None if cell.rollup is None else cell.rollup.least


def _told(empty: Simulated, sense: Sense, days: tuple[Day, ...]) -> Simulated:
    if not any(day.gone is not None for day in days):
        return _unknown(empty, NO_PAST)
    return Simulated(empty.tenant, empty.quantity, empty.source, empty.most, sense, days)


def _unknown(empty: Simulated, reason: str) -> Simulated:
    return Simulated(
        empty.tenant, empty.quantity, empty.source, empty.most, Sense.UNKNOWN, reason=reason
    )
