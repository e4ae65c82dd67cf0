"""Who grew and who shrank between two moments. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from services.history.models import FLEET, NOTHING, Figure, Holder
from services.history.read import Then


@dataclass(frozen=True, slots=True)
class Move:
    """What a holder had at two moments; the figures are of a known moment each."""

    holder: Holder
    before: Figure
    after: Figure

    @property
    def change(self) -> int:
        """How much more there was at the second one; less is negative."""
        return self.after.value - self.before.value

    @property
    def margin(self) -> int:
        """Half the width of the change's 95 % interval: 0 for one of two exact figures."""
        return round(math.hypot(self.before.margin, self.after.margin))

    @property
    def share(self) -> Fraction | None:
        """The change as a share of what was there; None where nothing was."""
        return Fraction(self.change, self.before.value) if self.before.value else None

    @property
    def is_new(self) -> bool:
        """Whether there was nothing at the first moment."""
        return not self.before.value

    @property
    def is_gone(self) -> bool:
        """Whether there was nothing at the second moment."""
        return not self.after.value


@dataclass(frozen=True, slots=True)
class Movers:
    """How a quantity moved: whoever has another figure, the largest change first.

    `unknown` is why there are none; else `began` and `ended` are the first and the last moment of
    the time asked of at which it was known. `fleet` is None for who does not see all of it; else
    its change is the sum of all the others'.
    """

    quantity: str
    began: datetime
    ended: datetime
    moves: tuple[Move, ...] = ()
    fleet: Move | None = None
    unknown: str = ""


def movers(before: Then, after: Then, quantity: str) -> Movers:
    """Compare two moments at which a quantity was known."""
    moves = list(_moves(before, after, quantity))
    fleet = next((move for move in moves if move.holder == FLEET), None)
    ranked = sorted(
        (move for move in moves if move.change and move is not fleet),
        key=lambda move: (-abs(move.change), move.holder.kind, move.holder.tenant),
    )
    return Movers(quantity, before.at, after.at, tuple(ranked), fleet)


def _moves(before: Then, after: Then, quantity: str) -> Iterator[Move]:
    left = dict(after.figures)
    for holder, had in before.figures.items():
        has = left.pop(holder, {})
        yield Move(holder, had.get(quantity, NOTHING), has.get(quantity, NOTHING))
    for holder, has in left.items():
        yield Move(holder, NOTHING, has.get(quantity, NOTHING))
