"""What a bill is made of: frozen values. Pure.

Quantities are exact fractions, amounts whole numbers of the currency's last unit. Nothing of it is
a float.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from services.bill.month import Month
from services.bill.prices import Charge, Price, Terms
from services.history.models import OwnerKind
from services.tenancy.kb_ids import TenantKey

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much of something for how long: its unit times hours, with its margin.

    The margin is the most by which it may be wrong where memory was sampled, else 0.
    """

    hours: Fraction = ZERO
    margin: Fraction = ZERO

    def __add__(self, other: Quantity) -> Quantity:
        """Add two; both may be wrong in the same direction."""
        if other is NONE:  # most hold nothing with others
            return self
        return Quantity(self.hours + other.hours, self.margin + other.margin)


NONE = Quantity()


def sum_of(amounts: Iterable[int | None]) -> int | None:
    """Sum up those that are there; None where none is."""
    found = [each for each in amounts if each is not None]
    return sum(found) if found else None


@dataclass(frozen=True, slots=True)
class Line:
    """One charge of one tenant: what it used, and what that costs.

    `shared` is its part of what it holds with others. `known` is the share of the month so far in
    which it was known, from 0 to 1, with why it was not in the rest: what is not known is in no
    quantity, and not billed. `billed` is the quantity in the price's own unit. Quantities and
    amount are None where it was never known; price and amount where the file has no price of it.
    """

    charge: Charge
    own: Quantity | None
    shared: Quantity | None
    known: Fraction
    reason: str
    billed: Fraction | None
    price: Price | None = None
    amount: int | None = None

    @property
    def used(self) -> Quantity | None:
        """What it used in all; None where that was never known."""
        return None if self.own is None or self.shared is None else self.own + self.shared


@dataclass(frozen=True)  # without slots: sums are kept once they were reckoned
class TenantBill:
    """The lines of one tenant, as `kind/id`, a line a charge.

    `name` is what people call it, empty where its card has no display name or is not known.
    """

    tenant: str
    lines: tuple[Line, ...]
    name: str = ""

    @cached_property
    def amount(self) -> int | None:
        """Their sum; None where nothing of it has a price and was ever known."""
        return sum_of(line.amount for line in self.lines)

    @cached_property
    def known(self) -> Fraction:
        """The share of the month in which the least known of its lines was, of those ever known.

        A store that tells no size at all would make it 0 however well all else is known.
        """
        return min((line.known for line in self.lines if line.known), default=ZERO)

    def line(self, charge: Charge) -> Line:
        """Return the line of a charge."""
        return next(line for line in self.lines if line.charge is charge)


@dataclass(frozen=True, slots=True)
class Unbilled:
    """What nobody pays for: of what is unowned, or of what is shared."""

    kind: OwnerKind
    charge: Charge
    used: Quantity


@dataclass(frozen=True, slots=True)
class Bill:
    """A month of the whole fleet, or of the tenants that a viewer sees.

    `zone` is the IANA name of the zone whose month it is. `began` and `ended` are between which
    moments it was reckoned; `so_far` is whether the month is
    not over, and then `ended` is now. `terms` are None without a price file: then there are
    quantities alone. `never` are the charges that were never known, and so are in no amount.
    `total` is the sum of all lines, None without prices, where none of them was ever known, and for
    who does not see all of it.
    """

    month: Month
    zone: str
    began: datetime
    ended: datetime
    so_far: bool
    terms: Terms | None
    tenants: tuple[TenantBill, ...]
    unbilled: tuple[Unbilled, ...] = ()
    never: tuple[Charge, ...] = ()
    total: int | None = None

    @property
    def sum(self) -> int | None:
        """What the tenants that are here pay; None where nothing of that was ever known."""
        found = sum_of(each.amount for each in self.tenants)
        return 0 if found is None and not self.never else found

    def of(self, tenant: str) -> TenantBill | None:
        """Return a tenant's, None where it had nothing."""
        return next((each for each in self.tenants if each.tenant == tenant), None)


@dataclass(frozen=True, slots=True)
class Monthly:
    """An amount of money a month, rounded; `at_least` where not all that has a price is known."""

    amount: Decimal
    currency: str
    at_least: bool = False


Costs = Mapping[TenantKey, Monthly]
"""What each of some tenants' data costs a month."""
