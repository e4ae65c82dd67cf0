"""Months that were used in made-up ways, and price files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.bill.month import Month
from services.bill.prices import Rounding, SharedRule, Terms, read_terms
from services.bill.reckon import Period
from services.history.models import Holder, OwnerKind
from services.history.totals import Total, Totals

MONTH = Month(2026, 10)
BEGAN = datetime(2026, 10, 1, tzinfo=UTC)
SECONDS = 31 * 86_400
PERIOD = Period(MONTH, "UTC", SECONDS)
EVERYBODYS = {
    "base": "20", "thousand_patterns": "40", "disk_gib": "0.25", "memory_gib": "4",
    "vectors_gib": "0.9", "session_hour": "0.01",
}  # fmt: skip


def tenant(name: str) -> Holder:
    """Return who a tenant is in the history."""
    return Holder(OwnerKind.TENANT, f"tenant/{name}")


def used(
    figures: dict[Holder, dict[str, Total]], *, known: int = SECONDS, seconds: int = SECONDS,
    never: frozenset[str] = frozenset(),
) -> Totals:  # fmt: skip
    """Return what was used in a month, known for so many seconds, and some of it `never`."""
    quantities = ("patterns", "patterns_bytes", "keys", "keys_bytes", "vectors", "vectors_bytes",
                  "sessions")  # fmt: skip
    unknown = quantities if known < seconds else never
    reasons = dict.fromkeys(unknown, "Redis did not answer")
    return Totals(
        BEGAN,
        BEGAN + timedelta(seconds=seconds),
        figures,
        {name: 0 if name in never else known for name in quantities},
        reasons,
    )


def price_file(
    prices: dict[str, dict[str, str]] | None = None, *, decimals: int = 2,
    rounding: Rounding = Rounding.HALF_UP, shared: SharedRule = SharedRule.NOBODY,
) -> str:  # fmt: skip
    """Return a price file."""
    tables = "".join(
        f'[prices."{of}"]\n' + "".join(f"{charge} = {price}\n" for charge, price in rates.items())
        for of, rates in (prices or {"*": EVERYBODYS}).items()
    )
    return (
        f'currency = "EUR"\ndecimals = {decimals}\nrounding = "{rounding}"\nshared = "{shared}"\n'
        f"{tables}"
    )


def terms(**options: object) -> Terms:
    """Return what such a file says."""
    return read_terms(price_file(**options))  # type: ignore[arg-type]


GIB_MONTH = 2**30 * SECONDS
"""Of bytes times seconds."""
