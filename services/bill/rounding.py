"""Amounts in whole units of a currency, rounded so that they add up. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import starmap
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
    parts = [divmod(each.numerator, each.denominator) for each in exact]
    found, rests = [whole for whole, _ in parts], Counter[int]()
    for each, (_, rest) in zip(exact, parts, strict=True):
        rests[each.denominator] += rest
    whole = sum(found)
    left = rounded(sum(starmap(_fraction, rests.items()), Fraction(whole)), rounding) - whole
    # two fractions differ by one over the product of their denominators at least
    fine = 2 * max((each.bit_length() for each in rests), default=0)
    keys = [(rest << fine) // each.denominator
            for each, (_, rest) in zip(exact, parts, strict=True)]  # fmt: skip
    for at in sorted(range(len(exact)), key=keys.__getitem__, reverse=True)[:left]:
        found[at] += 1
    return found


def _fraction(denominator: int, numerator: int) -> Fraction:
    return Fraction(numerator, denominator)


def money(units: int, decimals: int) -> Decimal:
    """Return an amount in whole currency, with all its decimals."""
    return Decimal(units).scaleb(-decimals) if decimals else Decimal(units)
