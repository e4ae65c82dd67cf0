"""What months came to for each tenant, held so that a year of one tenant is read at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from services.bill.models import Bill, TenantBill
from services.bill.month import Month
from services.bill.prices import Terms

MONTHS = 12
"""So many before a month are told with it."""

FRESH = timedelta(minutes=15)
"""So long the sum of a month is held that may still change, by labels or by what is rolled up."""

HELD = 36
"""Months that are held; one of 10,000 tenants takes about 2 MiB."""


@dataclass(frozen=True, slots=True)
class MonthSum:
    """What one tenant pays for a month, in units of the currency, and how much of it was known.

    `amount` is None where it had nothing that is known and has a price, and `known` where it had
    nothing at all.
    """

    month: Month
    amount: int | None = None
    known: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """The months before one, the newest first; `under_way` is whether more are to come."""

    months: tuple[MonthSum, ...] = ()
    under_way: bool = False


def month_sum(bill: Bill, tenant: str) -> MonthSum:
    """Return what a month came to for a tenant."""
    found = bill.of(tenant)
    return MonthSum(bill.month) if found is None else _sum(bill, found)


def _sum(bill: Bill, each: TenantBill) -> MonthSum:
    return MonthSum(bill.month, each.amount, each.known)


@dataclass(frozen=True, slots=True)
class _Held:
    terms: Terms | None
    until: datetime | None
    sums: Mapping[str, MonthSum]


class Sums:
    """Holds what months came to, at the prices they were reckoned at."""

    def __init__(self) -> None:
        self._held: dict[Month, _Held] = {}

    def keep(self, bill: Bill, until: datetime | None) -> None:
        """Hold what a month came to; None for one that does not change any more."""
        sums = {each.tenant: _sum(bill, each) for each in bill.tenants}
        self._held.pop(bill.month, None)
        self._held[bill.month] = _Held(bill.terms, until, sums)  # behind all that was kept before
        while len(self._held) > HELD:
            self._held.pop(next(iter(self._held)), None)

    def of(self, month: Month, terms: Terms, tenant: str, now: datetime) -> MonthSum | None:
        """Return a tenant's sum of a month; None where it is not held at these prices any more."""
        found = self._held.get(month)
        if found is None or found.terms != terms or (found.until and found.until <= now):
            return None
        return found.sums.get(tenant, MonthSum(month))
