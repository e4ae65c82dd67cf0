"""A bill as JSON and as a table. Documented in docs/bill.md; JSON keys stay. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from services.bill.models import Bill, Line, Quantity, TenantBill
from services.bill.prices import Charge
from services.bill.rounding import money
from services.history.models import OwnerKind
from services.usage.formats import Json, stamp

_PLACES, _LEAST_DIGITS, _MILLION = 6, 3, 1_000_000
_EXACTLY = Context(prec=60)


@dataclass(frozen=True, slots=True)
class ChargeWords:
    """How a charge is called; of what it is an hour, and what its price is for."""

    title: str
    hour: str
    priced: str


WORDS: Mapping[Charge, ChargeWords] = {
    Charge.BASE: ChargeWords("Base fee", "", "month"),
    Charge.PATTERNS: ChargeWords("Patterns", "thousand-pattern-hours", "thousand-pattern-months"),
    Charge.DISK: ChargeWords("Disk", "GiB-hours", "GiB-months"),
    Charge.MEMORY: ChargeWords("Redis memory", "GiB-hours", "GiB-months"),
    Charge.VECTORS: ChargeWords("Vectors", "GiB-hours", "GiB-months"),
    Charge.SESSIONS: ChargeWords("Sessions", "session-hours", "session-hours"),
}

COLUMNS = (
    "month", "holder", "tenant", "charge", "unit", "used", "own", "shared", "margin", "billed",
    "billed_unit", "price", "price_of", "currency", "amount", "known", "reason",
    "name",
)  # fmt: skip
"""What is told of each line. Amounts sum up to the fleet's total."""


def as_json(bill: Bill) -> Json:
    """Return a bill as JSON; quantities and amounts are digits in texts, since floats round."""
    terms = bill.terms
    return {
        "month": str(bill.month),
        "zone": bill.zone,
        "from": stamp(bill.began),
        "to": stamp(bill.ended),
        "so_far": bill.so_far,
        "currency": terms and terms.currency,
        "decimals": terms and terms.decimals,
        "rounding": terms and terms.rounding.value,
        "shared": terms and terms.shared.value,
        "issuer": (terms and terms.issuer) or None,
        "note": (terms and terms.note) or None,
        "total": amount(bill, bill.total),
        "tenants": [_tenant(bill, each) for each in bill.tenants],
        "unbilled": [
            {"holder": each.kind.value, "charge": each.charge.value,
             "unit": WORDS[each.charge].hour, **_used(each.used)}
            for each in bill.unbilled
        ],
    }  # fmt: skip


def rows(bill: Bill) -> Iterator[tuple[object, ...]]:
    """Yield the `COLUMNS` of every line, the tenants' first, and of what nobody pays for."""
    currency = bill.terms and bill.terms.currency
    for each in bill.tenants:
        for line in each.lines:
            told = _line(bill, line)
            told |= {"month": str(bill.month), "holder": OwnerKind.TENANT.value,
                     "tenant": each.tenant, "currency": currency,
                     "name": each.name or None}  # fmt: skip
            yield tuple(told[name] for name in COLUMNS)
    for left in bill.unbilled:
        words = WORDS[left.charge]
        told = dict.fromkeys(COLUMNS) | {
            "month": str(bill.month), "holder": left.kind.value, "charge": left.charge.value,
            "unit": words.hour, **_used(left.used),
        }  # fmt: skip
        yield tuple(told[name] for name in COLUMNS)


def amount(bill: Bill, units: int | None) -> str | None:
    """Write an amount of a bill's currency with all its decimals; None where there is none."""
    if units is None or bill.terms is None:
        return None
    return f"{money(units, bill.terms.decimals):f}"


def digits(number: Fraction) -> str:
    """Write a number in decimal digits, rounded to millionths; a small one to three digits."""
    if not number:
        return "0"
    found = _EXACTLY.divide(Decimal(number.numerator), Decimal(number.denominator))
    places = max(_PLACES, _LEAST_DIGITS - 1 - found.adjusted())
    last = Decimal((0, (1,), -places))
    return f"{_EXACTLY.normalize(_EXACTLY.quantize(found, last)):f}"


def _tenant(bill: Bill, each: TenantBill) -> Json:
    return {
        "tenant": each.tenant,
        "name": each.name or None,
        "amount": amount(bill, each.amount),
        "known": share(each.known),
        "lines": [_line(bill, line) for line in each.lines],
    }


def _line(bill: Bill, line: Line) -> dict[str, object]:
    words, price = WORDS[line.charge], line.price
    own, shared, used = line.own, line.shared, line.used
    if line.charge is Charge.BASE:  # it is of no quantity
        own = shared = used = None
    told = _used(used)
    return {
        "charge": line.charge.value,
        "unit": words.hour or None,
        **told,
        "own": told["used"] if own is used else hours(own),
        "shared": hours(shared),
        "billed": None if line.billed is None else digits(line.billed),
        "billed_unit": words.priced,
        "price": None if price is None else f"{price.amount:f}",
        "price_of": None if price is None else price.of,
        "amount": amount(bill, line.amount),
        "known": share(line.known),
        "reason": line.reason or None,
    }


def hours(used: Quantity | None) -> str | None:
    """Write a quantity without its unit; None where it was never known."""
    return None if used is None else digits(used.hours)


def _used(used: Quantity | None) -> dict[str, object]:
    if used is None:
        return dict.fromkeys(("used", "exact", "margin"))
    return {"used": digits(used.hours), "exact": str(used.hours), "margin": digits(used.margin)}


def share(known: Fraction) -> float:
    """Write a share as a number from 0 to 1, rounded down: only all of it is 1."""
    return int(known * _MILLION) / _MILLION
