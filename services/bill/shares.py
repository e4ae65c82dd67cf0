"""Who pays which part of what several tenants hold, by the rule of the price file. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

from services.bill.prices import SharedRule

Used = Mapping[str, int]
"""What each tenant used alone, by its name; one that is missing used nothing."""


def shares(tenants: Sequence[str], used: Used, rule: SharedRule) -> dict[str, Fraction]:
    """Return each tenant's share of what these hold together; they sum up to 1.

    By use, tenants who all used nothing alone share equally. Nobody has no share.
    """
    if rule is SharedRule.NOBODY:
        return {}
    weights = {name: used.get(name, 0) for name in tenants} if rule is SharedRule.BY_USE else {}
    if not any(weights.values()):
        weights = dict.fromkeys(tenants, 1)
    whole = sum(weights.values())
    return {name: Fraction(weight, whole) for name, weight in weights.items() if weight}


def split(
    groups: Mapping[tuple[str, ...], int], used: Used, rule: SharedRule
) -> dict[str, Fraction]:
    """Return what each tenant has of what groups hold, in the same unit."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    for tenants, value in groups.items():
        for name, share in shares(tenants, used, rule).items():
            found[name] += share * value
    return dict(found)
