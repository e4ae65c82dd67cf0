"""What data costs a month as long as it stays as it is, at the prices of now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from services.bill.models import Monthly
from services.bill.prices import Charge, Terms
from services.figures import Amount, Measure
from services.tenancy.kb_ids import TenantKey

_GIB, _THOUSAND = 1024**3, 1000
_CHARGED = (
    (Charge.PATTERNS, Measure.PATTERNS, _THOUSAND),
    (Charge.DISK, Measure.PATTERNS, _GIB),
    (Charge.MEMORY, Measure.KEYS, _GIB),
    (Charge.VECTORS, Measure.VECTORS, _GIB),
)


def monthly(
    terms: Terms, tenant: TenantKey, labels: Collection[str], amounts: Mapping[Measure, Amount]
) -> Monthly | None:
    """Return what so much costs a tenant, without its base fee and sessions.

    None where nothing of it has a price, or nothing that has one is known.
    """
    costs = list(_costs(terms, tenant, labels, amounts))
    known = [cost for cost in costs if cost is not None]
    if not known:
        return None
    last = Decimal(1).scaleb(-terms.decimals)
    total = sum(known, Decimal()).quantize(last, ROUND_HALF_UP)
    return Monthly(total, terms.currency, at_least=len(known) < len(costs))


def _costs(
    terms: Terms, tenant: TenantKey, labels: Collection[str], amounts: Mapping[Measure, Amount]
) -> Iterator[Decimal | None]:
    """Yield what each charge comes to, None where it has a price and how much it is is unknown."""
    for charge, measure, unit in _CHARGED:
        price, amount = terms.price(tenant, charge, labels), amounts.get(measure)
        if price is not None and amount is not None:
            used = amount.count if charge is Charge.PATTERNS else amount.bytes
            yield None if used is None else price.amount * used / unit
