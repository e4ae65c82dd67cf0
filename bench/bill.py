"""A month's bill of a large fleet: to reckon it, again, of a year, and to write its files.

    python -m bench.bill [--tenants 10000] [--days 365] [--changing 0.1]

The fleet is that of `bench.history`, in SQLite. All is processors' time, told as of 10,000 tenants.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.history import END, filled
from bench.measure import PeakMemory, costs, median, verdict
from cli.bill import csv_of, json_text
from services.bill import statement
from services.bill.models import Bill
from services.bill.month import Month
from services.bill.prices import read_terms
from services.bill.service import BillService
from services.bill.xlsx import workbook
from services.history.read import HistoryService
from services.history.record import Retention
from services.stores.records.history import HistoryRecords

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
PRICES = """
currency = "EUR"
decimals = 2
rounding = "half_up"
shared = "by_use"
[prices."*"]
base = 20
thousand_patterns = 40
disk_gib = 0.25
memory_gib = 4
vectors_gib = 0.9
session_hour = 0.01
"""


def service_of(store: HistoryRecords) -> BillService:
    """Return what makes bills, and has read nothing yet."""
    now = datetime.fromtimestamp(END, UTC)
    retention, terms = Retention(timedelta(days=90), timedelta(days=3660)), read_terms(PRICES)
    history = HistoryService(store, retention=retention, now=lambda: now)
    return BillService(history, terms=lambda: terms, zone=ZoneInfo("UTC"), now=lambda: now)


def statements(bill: Bill) -> None:
    """Write everybody's statement."""
    for each in bill.tenants:
        statement.html(bill, each)


def year(service: BillService) -> None:
    """Reckon months one after another."""
    month = OCTOBER
    for _ in range(11):
        month = month.before
        service.month(month)


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--changing", type=float, default=0.1)
    options = parser.parse_args()
    times, met = 10_000 / options.tenants, list[bool]()

    def measured(name: str, run: Callable[[], object], at_most: float, *, repeat: int = 3) -> None:
        found = costs({name: run}, repeat=repeat)
        spent = median(found.processor[name]) * times
        met.append(verdict(name, spent, at_most=at_most, unit="s"))

    with tempfile.TemporaryDirectory() as place:
        store = filled(Path(place), options.tenants, options.days, options.changing)
        measured("a month", lambda: service_of(store).month(OCTOBER), 4)
        measured("a month so far", lambda: service_of(store).month(NOVEMBER), 4)
        service = service_of(store)
        with PeakMemory() as memory:
            bill = service.month(OCTOBER)
        verdict("its memory meanwhile, as measured", memory.above_idle, unit="MiB")
        measured("the same month again", lambda: service.month(OCTOBER), 1)
        measured("eleven months before it", lambda: year(service), 44, repeat=1)
        measured("JSON", lambda: json_text(bill), 3)
        measured("CSV", lambda: csv_of(bill), 3)
        measured("XLSX", lambda: workbook(bill), 8)
        measured("everybody's statement", lambda: statements(bill), 3)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
