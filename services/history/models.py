"""What is kept of usage over time: whose figures, which, and how they are called. Pure.

A quantity is a count (`patterns`, `keys`, `vectors`, `sessions`), its bytes (`patterns_bytes`), the
number of keys of one kind (`keys:prediction`), or the memory of predictions, which never expire.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from services.figures import Amount, Measure, Usage
from services.history.rollup import Rollup

BYTES = "_bytes"
_KIND = ":"

PREDICTION_BYTES = f"{Measure.KEYS}{_KIND}prediction{BYTES}"
"""Of other kinds the past has the number alone: memory of each would take far more room."""


class OwnerKind(StrEnum):
    """Whose figures a series has."""

    TENANT = "tenant"
    SHARED = "shared"  # what several tenants hold
    NOBODY = "unowned"
    FLEET = "fleet"  # the sum of all these
    GROUP = "group"  # of what is shared, what the same tenants hold: in no sum

    __hash__ = str.__hash__  # Enum's own is not written in C


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a series; `tenant` is empty but for a tenant's, and then as `kind/id`.

    A group's is what `group` makes of its members.
    """

    kind: OwnerKind
    tenant: str = ""


def group(tenants: Iterable[str]) -> Holder:
    """Return who stands for several tenants, each as `kind/id`, whatever their order."""
    return Holder(OwnerKind.GROUP, json.dumps(sorted(tenants)))


def members(group: Holder) -> tuple[str, ...]:
    """Return a group's tenants."""
    return tuple(json.loads(group.tenant))


SHARED, NOBODY, FLEET = (
    Holder(kind) for kind in (OwnerKind.SHARED, OwnerKind.NOBODY, OwnerKind.FLEET)
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A count or bytes, and half the width of its 95 % interval: 0 for an exact one."""

    value: int
    margin: int = 0

    def differs(self, before: Figure) -> bool:
        """Whether it is another one than before, as far as two samples can tell."""
        if self.margin and before.margin:
            return abs(self.value - before.value) > self.margin
        return self != before


NOTHING = Figure(0)

Figures = Mapping[str, Figure]
"""One holder's figures at one moment, by quantity; one that is missing is 0."""


class Grain(StrEnum):
    """How long the spans are of which rows are kept, in UTC."""

    SECOND = "second"  # since when figures were so: not rolled up
    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """Its length."""
        return _SECONDS[self]

    def start(self, at: int) -> int:
        """Return where the span begins that has this second."""
        return at - at % self.seconds


_SECONDS = {Grain.SECOND: 1, Grain.HOUR: 3600, Grain.DAY: 86_400}
ROLLED = (Grain.HOUR, Grain.DAY)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a figure did in one span; `rollup` is None where it was not known, with the `reason`."""

    began: datetime
    ended: datetime
    rollup: Rollup | None
    margin: int = 0
    reason: str = ""

    @property
    def share(self) -> float:
        """The share of the span in which it was known, from 0 to 1."""
        seconds = (self.ended - self.began).total_seconds()
        return self.rollup.known / seconds if self.rollup and seconds else 0.0


def looked_at(quantity: str) -> str:
    """Return the quantity by which it is told whether this one was known.

    Memory of a kind has looks of its own: the past began without it.
    """
    return quantity if quantity.endswith(BYTES) else quantity.partition(_KIND)[0]


def measured(quantity: str) -> tuple[Measure, str, bool]:
    """Return a quantity's measure, the kind of key that it is of or nothing, and if it is bytes."""
    measure, _, kind = quantity.removesuffix(BYTES).partition(_KIND)
    return Measure(measure), kind, quantity.endswith(BYTES)


def quantities_of(measure: Measure) -> tuple[str, str]:
    """Return a measure's two: its count and its bytes."""
    return measure.value, measure.value + BYTES


def figures_of(usage: Usage) -> dict[str, Figure]:
    """Return the figures of one holder that are known and not 0, by quantity."""
    found = dict(_figures(usage))
    return {quantity: figure for quantity, figure in found.items() if figure != NOTHING}


def _figures(usage: Usage) -> Iterator[tuple[str, Figure]]:
    for measure in Measure:
        amount = usage.of(measure)
        if amount is not None:
            yield from _both(measure, amount)
    for kind, keys in (usage.keys_by_kind or {}).items():
        yield f"{Measure.KEYS}{_KIND}{kind}", Figure(keys)
    predictions = usage.predictions
    if predictions is not None and predictions.bytes is not None:
        yield PREDICTION_BYTES, Figure(predictions.bytes, round(predictions.bytes_margin))


def _both(measure: Measure, amount: Amount) -> Iterator[tuple[str, Figure]]:
    count, size = quantities_of(measure)
    yield count, Figure(amount.count, round(amount.count_margin))
    if amount.bytes is not None:
        yield size, Figure(amount.bytes, round(amount.bytes_margin))


def second(at: datetime) -> int:
    """Return the whole second of a moment, since the epoch."""
    return int(at.timestamp())


def midnight(at: datetime) -> datetime:
    """Return when the day of a moment began, in UTC."""
    return moment(Grain.DAY.start(second(at)))


def moment(at: int) -> datetime:
    """Return a second as a time in UTC."""
    return datetime.fromtimestamp(at, UTC)
