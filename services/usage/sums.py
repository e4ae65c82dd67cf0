"""Sums of amounts, and of what owners have. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from services.figures import Amount, Measure, Usage


class Sum:
    """A running sum of amounts: a fleet has more of them than frozen values could be made of."""

    __slots__ = ("bytes", "bytes_variance", "count", "count_variance")

    def __init__(self) -> None:
        self.count = 0
        self.bytes: int | None = None
        self.count_variance = self.bytes_variance = 0.0

    def add(self, amount: Amount) -> None:
        """Add one: bytes where known, independent errors in quadrature."""
        self.count += amount.count
        if amount.bytes is not None:
            self.bytes = amount.bytes + (self.bytes or 0)
        if amount.count_margin or amount.bytes_margin:
            self.count_variance += amount.count_margin**2
            self.bytes_variance += amount.bytes_margin**2

    def amount(self) -> Amount:
        """Return the sum."""
        if not (self.count_variance or self.bytes_variance):
            return Amount(self.count, self.bytes)
        margins = math.sqrt(self.count_variance), math.sqrt(self.bytes_variance)
        return Amount(self.count, self.bytes, *margins)


def total(amounts: Iterable[Amount]) -> Amount:
    """Return the sum of amounts."""
    found = Sum()
    for amount in amounts:
        found.add(amount)
    return found.amount()


def add_usages(usages: Iterable[Usage]) -> Usage:
    """Sum usages; a figure that is unknown in one is unknown in the sum."""
    first, *rest = usages
    for usage in rest:
        first = _add_two(first, usage)
    return first


def _add_two(a: Usage, b: Usage) -> Usage:
    def both(measure: Measure) -> Amount | None:
        one, other = a.of(measure), b.of(measure)
        return None if one is None or other is None else one + other

    kinds = None
    if a.keys_by_kind is not None and b.keys_by_kind is not None:
        kinds = dict(Counter(a.keys_by_kind) + Counter(b.keys_by_kind))
    return Usage(**{measure.value: both(measure) for measure in Measure}, keys_by_kind=kinds)
