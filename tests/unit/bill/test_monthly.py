"""What so much of a tenant costs a month: by its own price, and never what is not known as 0."""

from __future__ import annotations

from decimal import Decimal

from dashboard.parking.tables import parked_frame
from services.bill.models import Monthly
from services.bill.monthly import monthly
from services.bill.prices import read_terms
from services.figures import Amount, Measure
from services.parking.models import Parked
from services.tenancy.kb_ids import TenantKey
from tests.unit.bill.months import BEGAN, price_file

ACME, BIG = TenantKey("tenant", "acme"), TenantKey("org", "big")
GIB = 1024**3
TERMS = read_terms(price_file({
    "*": {"base": "10", "disk_gib": "0.25", "thousand_patterns": "0.5", "session_hour": "9"},
    "label:plan=gold": {"memory_gib": "3"}, "org/*": {"disk_gib": "0.1", "vectors_gib": "1"},
}))  # fmt: skip
HAD = {
    Measure.PATTERNS: Amount(3000, 2 * GIB), Measure.KEYS: Amount(9, 3 * GIB),
    Measure.VECTORS: Amount(5, None), Measure.SESSIONS: Amount(4, 100),
}  # fmt: skip


def test_it_is_what_is_stored_at_the_prices_of_the_tenant() -> None:
    """Neither its base fee nor its sessions; a label's price counts as in the bill."""
    assert monthly(TERMS, ACME, (), HAD) == Monthly(Decimal("2.00"), "EUR")
    gold = monthly(TERMS, ACME, ["label:plan=gold"], HAD)
    assert gold == Monthly(Decimal("11.00"), "EUR")


def test_what_has_a_price_and_is_not_known_makes_it_at_least() -> None:
    assert monthly(TERMS, BIG, (), HAD) == Monthly(Decimal("1.70"), "EUR", at_least=True)
    vectors = {Measure.VECTORS: Amount(5, None)}
    assert monthly(TERMS, BIG, (), vectors) is None
    assert monthly(TERMS, ACME, (), vectors) is None


def test_parked_tenants_say_what_that_saves_where_prices_are_set() -> None:
    away = ("ann", "x", "id", "file", 9, "purge", "erased", "job")
    parked = [Parked(each, BEGAN, *away) for each in (ACME, BIG)]
    assert "Saves a month" not in parked_frame(parked, {}, {})
    costs = {BIG: Monthly(Decimal("1234.50"), "EUR", at_least=True)}
    frame = parked_frame(parked, {}, costs)
    assert list(frame["Saves a month"]) == ["unknown", "at least 1,234.50 EUR"]
