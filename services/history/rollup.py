"""What a figure did in a span of time, exactly, and rolled up to longer spans. Pure.

Times are whole seconds since the epoch; every span takes in its start and not its end. A figure
holds until the next one is known to differ, and never through a time in which it was not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

Sample = tuple[int, int]
"""Since which second a figure was what: a count or bytes."""


@dataclass(frozen=True, slots=True)
class Look:
    """A span in which a figure was known at each look; with a `reason`, in which it was not.

    It ends a second after its last look, or where one found the contrary. Between two spans
    nobody looked.
    """

    began: int
    ended: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rollup:
    """What a figure did while it was known.

    `known` are the seconds in which it was, one at least, and `integral` the figure times these.
    All are whole numbers, so that a roll-up of roll-ups is that of the whole.
    """

    first: int
    last: int
    least: int
    most: int
    integral: int
    known: int

    @classmethod
    def constant(cls, value: int, seconds: int) -> Rollup:
        """Return that of a figure that stayed what it was."""
        return cls(value, value, value, value, value * seconds, seconds)

    def __add__(self, later: Rollup) -> Rollup:
        """Add what came later."""
        return Rollup(
            self.first, later.last, min(self.least, later.least), max(self.most, later.most),
            self.integral + later.integral, self.known + later.known,
        )  # fmt: skip

    @property
    def mean(self) -> Fraction:
        """The mean, weighted by time."""
        return Fraction(self.integral, self.known)


def rolled_up(
    samples: Sequence[Sample], looks: Iterable[Look], began: int, ended: int, *, before: int = 0
) -> Rollup | None:
    """Return what a figure did in a span; None where it was not known at any moment of it.

    `samples` are its changes in this span, the oldest first, and `before` what it was until then;
    `looks` may be of other times too, the oldest first.
    """
    known = (Look(max(look.began, began), min(look.ended, ended)) for look in looks
             if not look.reason)  # fmt: skip
    return merged(
        Rollup.constant(value, until - since)
        for look in known for since, until, value in _held(samples, look, before)
        if since < until
    )  # fmt: skip


def merged(rollups: Iterable[Rollup | None]) -> Rollup | None:
    """Return the roll-up of spans that follow one another; None where none is known."""
    known = tuple(each for each in rollups if each is not None)
    return reduce(Rollup.__add__, known) if known else None


def known_seconds(looks: Iterable[Look], began: int, ended: int) -> int:
    """Return how long a figure was known in a span."""
    known = (min(look.ended, ended) - max(look.began, began) for look in looks if not look.reason)
    return sum(max(0, seconds) for seconds in known)


def reason_in(looks: Iterable[Look], began: int, ended: int) -> str:
    """Return why a figure was not known in a span, by the last that tells; empty where none."""
    reasons = [look.reason for look in looks if look.began < ended and look.ended > began]
    return next(filter(None, reversed(reasons)), "")


def _held(samples: Sequence[Sample], look: Look, before: int) -> Iterator[tuple[int, int, int]]:
    """Yield since when, until when and what a figure was while it was known."""
    since, value = look.began, before
    for at, changed in samples:
        if at >= look.ended:
            break
        if at > since:
            yield since, at, value
            since = at
        value = changed
    yield since, look.ended, value
