"""Bills as table rows and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.draw import cards
from dashboard.draw.formatting import moment, visible
from services.bill import formats, statement
from services.bill.models import Bill, Quantity, TenantBill
from services.bill.past import MonthSum
from services.bill.prices import Charge
from services.bill.rounding import money
from services.history.models import OwnerKind

_NAME, _CALLED, _SUM, _NUMBER, _CHARGE, _COVERAGE_WIDTH = 150, 110, 84, 100, 68, 74
"""Pixels; a page of 1400 has 940 for all columns."""

_MEASURED = [charge for charge in Charge if charge is not Charge.BASE]
_BEFORE, _CHANGE, _COVERAGE, _TOTAL = "Month before", "Change", "Coverage", "Total"
HOURS = {charge: f"{formats.WORDS[charge].title} ({formats.WORDS[charge].hour})"
         for charge in _MEASURED}  # fmt: skip


COVERS = (
    "The share of the month in which the least known of its figures was known, of those that ever "
    "were. What is not known is not billed."
)


def frame(bill: Bill, before: Bill | None, most: int) -> pd.DataFrame:
    """Return a row for each of the `most` who pay most: costs, now and the month before, or use.

    Who had nothing the month before has no figure there; nobody has where nothing of it is known.
    """
    some = ranked(bill)[:most]
    rows = _used(some) if bill.terms is None else _amounts(bill, before, some)
    found = pd.DataFrame(list(rows))
    return found if any(each.name for each in some) else found.drop(columns=cards.NAME)


def ranked(bill: Bill) -> list[TenantBill]:
    """Return the tenants, who pays most first and those of unknown amount last; else by name."""
    return sorted(bill.tenants, key=lambda each: (each.amount is None, -(each.amount or 0)))


def _amounts(
    bill: Bill, before: Bill | None, some: Sequence[TenantBill]
) -> Iterator[Mapping[str, object]]:
    had = {} if before is None else {each.tenant: each for each in before.tenants}
    for each in some:
        charges = {formats.WORDS[line.charge].title: _money(bill, line.amount)
                   for line in each.lines}  # fmt: skip
        was = had.get(each.tenant)
        then = None if was is None or before is None else _money(before, was.amount)
        now = _money(bill, each.amount)
        change = None if bill.so_far or now is None or then is None else now - then
        yield {"Tenant": visible(each.tenant), cards.NAME: visible(each.name), _TOTAL: now,
               _COVERAGE: formats.share(each.known), _BEFORE: then, _CHANGE: change,
               **charges}  # fmt: skip


def _used(some: Sequence[TenantBill]) -> Iterator[Mapping[str, object]]:
    for each in some:
        hours = {name: _hours(each.line(charge).used) for charge, name in HOURS.items()}
        yield {
            "Tenant": visible(each.tenant),
            cards.NAME: visible(each.name),
            _COVERAGE: formats.share(each.known),
            **hours,
        }


def _hours(used: Quantity | None) -> float | None:
    return None if used is None else float(used.hours)


def _money(bill: Bill, units: int | None) -> float | None:
    """Return an amount as a table draws it; files have its digits."""
    if units is None or bill.terms is None:
        return None
    return float(money(units, bill.terms.decimals))


def columns(bill: Bill) -> dict[str, Any]:
    """Return how the table of a bill is drawn."""
    number = st.column_config.NumberColumn
    found = {
        "Tenant": st.column_config.TextColumn(pinned=True, width=_NAME),
        cards.NAME: st.column_config.TextColumn(width=_CALLED),
        _COVERAGE: number(format="percent", width=_COVERAGE_WIDTH, help=COVERS),
        **{name: number(format="%.6f") for name in HOURS.values()},
    }  # fmt: skip
    if bill.terms is not None:
        form = f".{bill.terms.decimals}f"
        titles = (formats.WORDS[charge].title for charge in Charge)
        found |= dict.fromkeys(titles, number(format=f"%{form}", width=_CHARGE))
        found[formats.WORDS[Charge.MEMORY].title] = number(format=f"%{form}", width=_NUMBER)
        found[_TOTAL] = number(format=f"%{form}", width=_SUM)
        found[_BEFORE] = number(format=f"%{form}", width=_NUMBER, help="At the prices of today")
        found[_CHANGE] = number(
            format=f"%+{form}",
            width=_NUMBER,
            help="Against the month before, once this one is over",
        )
    return found


def shown(bill: Bill) -> list[str] | None:
    """Return the columns that are shown at first; None for all. The menu of the table has more."""
    if bill.terms is None:
        return None
    titles = [formats.WORDS[charge].title for charge in _MEASURED]
    against = _BEFORE if bill.so_far else _CHANGE
    return ["Tenant", "Open", cards.NAME, _TOTAL, against, _COVERAGE, *titles]


def lines(bill: Bill, tenant: TenantBill) -> pd.DataFrame:
    """Return one tenant's lines, as its statement has them."""
    return pd.DataFrame(list(statement.rows(bill, tenant)), columns=list(statement.HEADS))


def before_frame(bill: Bill, before: Iterable[MonthSum]) -> pd.DataFrame:
    """Return a row for each month before; a month in which nothing has an amount has none."""
    rows = [
        {"Month": str(each.month), "Amount": _money(bill, each.amount),
         _COVERAGE: None if each.known is None else formats.share(each.known)}
        for each in before
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Month", "Amount", _COVERAGE]).astype(
        {"Amount": float, _COVERAGE: float}
    )


def before_columns(bill: Bill) -> dict[str, Any]:
    """Return how the table of months before is drawn."""
    decimals = bill.terms.decimals if bill.terms else 0
    number = st.column_config.NumberColumn
    return {"Amount": number(format=f"%.{decimals}f"), _COVERAGE: number(format="percent")}


def sentence(bill: Bill) -> str:
    """Say of what time it is, and by which rules."""
    said = f"{statement.title(bill)}: from {moment(bill.began)} to {moment(bill.ended)}"
    if bill.terms is None:
        return f"{said}."
    return f"{said}. In {bill.terms.currency}; {statement.SHARED_WORDS[bill.terms.shared]}."


def unbilled(bill: Bill) -> str:
    """Say what nobody pays for; empty where that is nothing."""
    names = {OwnerKind.SHARED: "shared", OwnerKind.NOBODY: "unowned"}
    some = (
        f"{formats.digits(left.used.hours)} {formats.WORDS[left.charge].hour} of "
        f"{formats.WORDS[left.charge].title} ({names[left.kind]})"
        for left in bill.unbilled
    )
    said = ", ".join(some)
    return f"Billed to nobody: {said}." if said else ""


def coverage(known: Fraction) -> str:
    """Write a share in hundredths of a per cent, rounded down; only nothing is 0."""
    hundredths = int(known * 10_000)
    return "below 0.01 %" if known and not hundredths else f"{hundredths / 100:g} %"


def total(bill: Bill, units: int | None) -> str:
    """Write an amount with its currency, or that there is none."""
    if units is None or bill.terms is None:
        return "no amount"
    return f"{money(units, bill.terms.decimals):,f} {bill.terms.currency}"


def every_line(bill: Bill) -> pd.DataFrame:
    """Return every line as its file has it: amounts in digits, names visible."""
    rows = ([visible(cell) if isinstance(cell, str) else cell for cell in row]
            for row in formats.rows(bill))  # fmt: skip
    return pd.DataFrame(rows, columns=list(formats.COLUMNS))
