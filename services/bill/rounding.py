"""Amounts in whole units of a currency, rounded so that they add up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from services.bill.prices import Rounding

_HALF = Fraction(1, 2)


def rounded(exact: Fraction, rounding: Rounding) -> int:
    """Return a number of units, 0 or more, as a whole one."""
    match rounding:
        case Rounding.DOWN:
            return floor(exact)
        case Rounding.UP:
            return ceil(exact)
        case Rounding.HALF_EVEN:
            return round(exact)
        case Rounding.HALF_UP:
            return floor(exact + _HALF)


def apportioned(exact: Sequence[Fraction], rounding: Rounding) -> list[int]:
    """Round each of some numbers up or down, so that they sum up to their rounded sum.

    Those with the largest remainders are rounded up; of equal ones the first. Source: Hamilton's
    method, https://en.wikipedia.org/wiki/Largest_remainders_method
    """
    found = [floor(each) for each in exact]
    left = rounded(sum(exact, Fraction()), rounding) - sum(found)
    by_remainder = sorted(range(len(exact)), key=lambda at: found[at] - exact[at])
    for at in by_remainder[:left]:
        found[at] += 1
    return found


def money(units: int, decimals: int) -> Decimal:
    """Return an amount in whole currency, with all its decimals."""
    return Decimal(units).scaleb(-decimals) if decimals else Decimal(units)
