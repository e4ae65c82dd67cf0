"""Makes a bill of what was used in a month and of prices. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from services.cards.models import Labels, LabelsOf, each_label, unlabelled
from services.figures import Measure
from services.history.models import NOBODY, SHARED, OwnerKind, members, quantities_of
from services.history.totals import Total, Totals
from services.tenancy.kb_ids import TenantKey

_HOUR, _GIB, _THOUSAND = 3600, 2**30, 1000
_ONCE = Fraction(1)
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


def bill_of(
    period: Period, used: Totals, terms: Terms | None, labels: LabelsOf = unlabelled
) -> Bill:
    """Reckon a month: every charge of every tenant who was there, and what nobody pays for.

    `labels` tells the labels of a tenant, by which prices may go.
    """
    rule = SharedRule.NOBODY if terms is None else terms.shared
    meters = {charge: _Meter(charge, used, rule, period) for charge in METERS}
    known = _known(used)
    prices = _prices_by(terms, labels)
    drafts = {name: tuple(_drafts(name, known, meters, prices)) for name in _there(used)}
    amounts = iter(() if terms is None else _amounts(terms, drafts.values()))
    tenants = tuple(
        TenantBill(name, tuple(_line(draft, amounts) for draft in some))
        for name, some in drafts.items()
    )
    unbilled = tuple(line for meter in meters.values() for line in meter.unbilled())
    bill = Bill(period.month, period.zone, used.began, used.ended, period.so_far, terms,
                tenants, unbilled, never=_never(known))  # fmt: skip
    return bill if terms is None else replace(bill, total=bill.sum)


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

    def __init__(self, charge: Charge, used: Totals, rule: SharedRule, period: Period) -> None:
        self.charge = charge
        quantity, unit = METERS[charge]
        self._hour = unit * _HOUR
        self._billed = self._hour if charge is Charge.SESSIONS else unit * period.seconds
        self._totals = {who: some[quantity] for who, some in used.figures.items()
                        if quantity in some}  # fmt: skip
        groups = {members(who): total for who, total in self._totals.items()
                  if who.kind is OwnerKind.GROUP}  # fmt: skip
        self._alone = {who.tenant: total for who, total in self._totals.items()
                       if who.kind is OwnerKind.TENANT}  # fmt: skip
        alone = {name: total.value for name, total in self._alone.items()}
        values = {who: total.value for who, total in groups.items()}
        margins = {who: total.margin for who, total in groups.items()}
        self._shared = split(values, alone, rule)
        self._margins = split(margins, alone, rule)

    def of(self, name: str) -> tuple[Quantity, Quantity, Fraction]:
        """Return what a tenant used alone, and of what it holds with others; and what is billed."""
        own = self._alone.get(name, Total())
        mine = self._hours(own.value, own.margin) if own.value or own.margin else NONE
        if name not in self._shared:
            return mine, NONE, Fraction(own.value, self._billed) if own.value else ZERO
        shared = self._shared[name]
        part = self._hours(shared, self._margins.get(name, ZERO))
        return mine, part, Fraction(own.value + shared, self._billed)

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
        margins = Fraction(margin, self._hour) if margin else ZERO
        return Quantity(Fraction(value, self._hour), margins)


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


def written(labels: Labels) -> list[str]:
    """Return labels as the price file has them."""
    return [f"{LABEL}{label}" for label in each_label(labels)]


def _prices_by(terms: Terms | None, labels: LabelsOf) -> Callable[[TenantKey], Prices]:
    """Return what tells every price of a tenant."""
    same: dict[tuple[str, ...], Prices] = {}

    def prices(tenant: TenantKey) -> Prices:
        if terms is None:
            return dict.fromkeys(Charge)
        mine = written(labels(tenant))
        own = str(tenant) if str(tenant) in terms.prices else ""
        told = same.get((own, tenant.kind, *mine))  # most have none of their own
        if told is None:
            told = {charge: terms.price(tenant, charge, mine) for charge in Charge}
            same[own, tenant.kind, *mine] = told
        return told

    return prices


Draft = tuple[
    Charge, Quantity | None, Quantity | None, Fraction, str, Fraction | None, Price | None
]
"""A line without its amount: what is that of one goes by all of them."""


def _drafts(
    name: str, known: Known, meters: Mapping[Charge, _Meter],
    prices_of: Callable[[TenantKey], Prices],
) -> Iterator[Draft]:  # fmt: skip
    prices = prices_of(TenantKey.written(name))
    yield Charge.BASE, NONE, NONE, *known[Charge.BASE], _ONCE, prices[Charge.BASE]
    for charge, meter in meters.items():
        share, reason = known[charge]
        if not share:
            yield charge, None, None, share, reason, None, prices[charge]
            continue
        own, shared, billed = meter.of(name)
        yield charge, own, shared, share, reason, billed, prices[charge]


def _amounts(terms: Terms, drafts: Iterable[Sequence[Draft]]) -> list[int]:
    """Round all lines that cost anything, so that they sum up to the fleet's rounded total."""
    exact = [billed * _units(price.amount, terms.decimals)
             for some in drafts for *_, billed, price in some
             if price is not None and billed is not None]  # fmt: skip
    return apportioned(exact, terms.rounding)


@lru_cache(maxsize=1024)
def _units(price: Decimal, decimals: int) -> Fraction:
    """Return a price in units of the currency's last decimal."""
    return Fraction(price) * Fraction(10**decimals)


def _line(draft: Draft, amounts: Iterator[int]) -> Line:
    *_, billed, price = draft
    return Line(*draft, None if price is None or billed is None else next(amounts))
