"""Makes a bill of what was used in a month and of prices. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from services.bill.models import NONE, ZERO, Bill, Line, Quantity, TenantBill, Unbilled
from services.bill.month import Month
from services.bill.prices import Charge, Price, SharedRule, Terms
from services.bill.rounding import apportioned
from services.bill.shares import split
from services.cards.labels import LABEL
from services.cards.models import LabelsOf, each_label, unlabelled
from services.figures import Measure
from services.history.models import NOBODY, SHARED, Holder, OwnerKind, members, quantities_of
from services.history.totals import Total, Totals
from services.tenancy.kb_ids import TenantKey

_HOUR, _GIB, _THOUSAND = 3600, 2**30, 1000
_PATTERNS, _DISK = quantities_of(Measure.PATTERNS)
_KEYS, _MEMORY = quantities_of(Measure.KEYS)
_VECTORS, _VECTOR_BYTES = quantities_of(Measure.VECTORS)
_SESSIONS, _ = quantities_of(Measure.SESSIONS)

METERS: Mapping[Charge, tuple[str, int]] = {
    Charge.PATTERNS: (_PATTERNS, _THOUSAND),
    Charge.DISK: (_DISK, _GIB),
    Charge.MEMORY: (_MEMORY, _GIB),
    Charge.VECTORS: (_VECTOR_BYTES, _GIB),
    Charge.SESSIONS: (_SESSIONS, 1),
}
"""Of which quantity each charge is, and how many of it make its unit."""

WANTED = frozenset({_KEYS, _VECTORS, *(quantity for quantity, _ in METERS.values())})
"""What a bill is reckoned of: who had any of these at any time was there in that month."""


@dataclass(frozen=True, slots=True)
class Period:
    """A month, and how many seconds all of it has, over which the price of a month is spread."""

    month: Month
    zone: str
    seconds: int
    so_far: bool = False

    @property
    def hours(self) -> Fraction:
        """All its hours."""
        return Fraction(self.seconds, _HOUR)


def bill_of(
    period: Period, used: Totals, terms: Terms | None, labels: LabelsOf = unlabelled
) -> Bill:
    """Reckon a month: every charge of every tenant who was there, and what nobody pays for.

    `labels` tells the labels of a tenant, by which prices may go.
    """
    rule = SharedRule.NOBODY if terms is None else terms.shared
    meters = {charge: _Meter(charge, used, rule) for charge in METERS}
    known = _known(used)
    prices = _prices_by(terms, labels)
    tenants = [
        TenantBill(name, tuple(_lines(name, period, known, meters, prices)))
        for name in _there(used)
    ]
    unbilled = tuple(line for meter in meters.values() for line in meter.unbilled())
    bill = Bill(period.month, period.zone, used.began, used.ended, period.so_far, terms,
                tuple(tenants), unbilled, never=_never(known))  # fmt: skip
    return bill if terms is None else _priced(bill, terms)


def _there(used: Totals) -> list[str]:
    """Return who had anything, alone or with others, in the order in which people look for it."""
    found = {who.tenant for who, some in used.figures.items()
             if some and who.kind is OwnerKind.TENANT}  # fmt: skip
    for who, some in used.figures.items():
        if some and who.kind is OwnerKind.GROUP:
            found.update(members(who))
    return sorted(found)


class _Meter:
    """One quantity of everybody: what each used alone, and what it has of what is shared."""

    def __init__(self, charge: Charge, used: Totals, rule: SharedRule) -> None:
        self.charge = charge
        quantity, self._unit = METERS[charge]
        self._totals = {who: some[quantity] for who, some in used.figures.items()
                        if quantity in some}  # fmt: skip
        groups = {members(who): total for who, total in self._totals.items()
                  if who.kind is OwnerKind.GROUP}  # fmt: skip
        alone = {who.tenant: total.value for who, total in self._totals.items()
                 if who.kind is OwnerKind.TENANT}  # fmt: skip
        values = {who: total.value for who, total in groups.items()}
        margins = {who: total.margin for who, total in groups.items()}
        self._shared = split(values, alone, rule)
        self._margins = split(margins, alone, rule)

    def own(self, name: str) -> Quantity:
        """Return what a tenant used alone."""
        total = self._totals.get(Holder(OwnerKind.TENANT, name))
        return NONE if total is None else self._hours(total.value, total.margin)

    def shared(self, name: str) -> Quantity:
        """Return a tenant's part of what it holds with others."""
        if name not in self._shared:
            return NONE
        return self._hours(self._shared[name], self._margins.get(name, ZERO))

    def unbilled(self) -> Iterator[Unbilled]:
        """Yield what nobody pays for: what is unowned, and what of the shared is nobody's part."""
        shared, unowned = (self._totals.get(who, Total()) for who in (SHARED, NOBODY))
        left = shared.value - sum(self._shared.values(), Fraction())
        margin = max(Fraction(), shared.margin - sum(self._margins.values(), Fraction()))
        for kind, used in (
            (OwnerKind.SHARED, self._hours(left, margin)),
            (OwnerKind.NOBODY, self._hours(unowned.value, unowned.margin)),
        ):
            if used.hours:
                yield Unbilled(kind, self.charge, used)

    def _hours(self, value: Fraction | int, margin: Fraction | int) -> Quantity:
        each = self._unit * _HOUR
        return Quantity(Fraction(value, each), Fraction(margin, each) if margin else ZERO)


Known = Mapping[Charge, tuple[Fraction, str]]
"""The share of a time in which each charge was known, and why it was not in the rest."""


def _known(used: Totals) -> Known:
    seconds = max(1, round((used.ended - used.began).total_seconds()))
    found = {
        quantity: (Fraction(used.known.get(quantity, 0), seconds), used.reasons.get(quantity, ""))
        for quantity in sorted(WANTED)
    }
    best = max(found.values(), key=lambda each: each[0])  # whoever was seen in it was there
    return {Charge.BASE: best, **{charge: found[of] for charge, (of, _) in METERS.items()}}


def _never(known: Known) -> tuple[Charge, ...]:
    """Return what was never known; the base fee goes by who was there, and is always."""
    return tuple(charge for charge in METERS if not known[charge][0])


Prices = Mapping[Charge, Price | None]


def _prices_by(terms: Terms | None, labels: LabelsOf) -> Callable[[TenantKey], Prices]:
    """Return what tells every price of a tenant."""

    def prices(tenant: TenantKey) -> Prices:
        if terms is None:
            return dict.fromkeys(Charge)
        mine = [f"{LABEL}{label}" for label in each_label(labels(tenant))]
        return {charge: terms.price(tenant, charge, mine) for charge in Charge}

    return prices


def _lines(
    name: str, period: Period, known: Known, meters: Mapping[Charge, _Meter],
    prices_of: Callable[[TenantKey], Prices],
) -> Iterator[Line]:  # fmt: skip
    prices = prices_of(TenantKey.written(name))
    yield Line(Charge.BASE, NONE, NONE, *known[Charge.BASE], Fraction(1), prices[Charge.BASE])
    for charge, meter in meters.items():
        if not known[charge][0]:
            yield Line(charge, None, None, *known[charge], None, prices[charge])
            continue
        own, shared = meter.own(name), meter.shared(name)
        billed = (own + shared).hours
        if charge is not Charge.SESSIONS:
            billed /= period.hours
        yield Line(charge, own, shared, *known[charge], billed, prices[charge])


def _priced(bill: Bill, terms: Terms) -> Bill:
    """Round every line, so that all of them sum up to the rounded total of the fleet."""
    exact = [line.billed * _units(line.price.amount, terms.decimals)
             for each in bill.tenants for line in each.lines
             if line.price is not None and line.billed is not None]  # fmt: skip
    left: Iterator[int] = iter(apportioned(exact, terms.rounding))
    tenants = tuple(replace(each, lines=_with_amounts(each.lines, left)) for each in bill.tenants)
    priced = replace(bill, tenants=tenants)
    return replace(priced, total=priced.sum)


@lru_cache(maxsize=1024)
def _units(price: Decimal, decimals: int) -> Fraction:
    """Return a price in units of the currency's last decimal."""
    return Fraction(price) * Fraction(10**decimals)


def _with_amounts(lines: Sequence[Line], amounts: Iterator[int]) -> tuple[Line, ...]:
    return tuple(
        line if line.price is None or line.billed is None else replace(line, amount=next(amounts))
        for line in lines
    )
