"""A bill as a workbook: amounts are numbers, and no text is a formula or a link."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from io import BytesIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from services.bill import formats
from services.bill.models import Bill, TenantBill, sum_of
from services.bill.prices import Charge
from services.bill.rounding import money
from services.bill.statement import facts, never_known
from services.visible import visible

_TEXTS = {"strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False}
_LONGEST = 32_767  # characters in a cell. Source: Excel's specifications and limits
_NUMBERS = frozenset({"used", "own", "shared", "margin", "billed", "price", "amount"})
_WHO = ("Tenant", "Name")

Row = Iterable[object]


def workbook(bill: Bill) -> bytes:
    """Return a workbook of three sheets: a row a tenant, a row a line, and what it is of.

    A cell has a number's first 15 digits, as a spreadsheet does; JSON and CSV have all of them.
    """
    out = BytesIO()
    places = "." + "0" * bill.terms.decimals if bill.terms and bill.terms.decimals else ""
    with xlsxwriter.Workbook(out, {"in_memory": True, **_TEXTS}) as book:
        book.set_properties({"created": bill.ended.replace(tzinfo=None)})
        head = book.add_format({"bold": True, "bottom": 1})
        plain = book.add_format()
        amounts = book.add_format({"num_format": f"#,##0{places}"}) if bill.terms else plain
        _fill(book.add_worksheet("Bill"), _tenants(bill), head, amounts)
        _fill(book.add_worksheet("Lines"), _lines(bill), head, plain)
        _fill(book.add_worksheet("About"), _about(bill), head, plain)
    return out.getvalue()


def _tenants(bill: Bill) -> Iterator[Row]:
    unit = f" ({bill.terms.currency})" if bill.terms else ""
    hours = [formats.WORDS[charge] for charge in Charge]
    if bill.terms is None:
        yield (
            *_WHO,
            *(f"{w.title} ({w.hour})" for w in hours if w.hour),
            "Coverage of the month",
        )
    else:
        yield (*_WHO, *(w.title + unit for w in hours), "Total" + unit, "Coverage of the month")
    for each in bill.tenants:
        yield (each.tenant, each.name or None, *_figures(bill, each), formats.share(each.known))
    if bill.total is not None and bill.terms is not None:
        sums = (sum_of(each.line(charge).amount for each in bill.tenants) for charge in Charge)
        yield ("Total", None, *_amounts(bill, (*sums, bill.total)))


def _figures(bill: Bill, each: TenantBill) -> Iterator[Decimal | Fraction | None]:
    if bill.terms is None:
        some = (line.used for line in each.lines if line.charge is not Charge.BASE)
        yield from (None if used is None else used.hours for used in some)
        return
    yield from _amounts(bill, (*(line.amount for line in each.lines), each.amount))


def _amounts(bill: Bill, amounts: Iterable[int | None]) -> Iterator[Decimal | None]:
    for units in amounts:
        yield None if units is None or bill.terms is None else money(units, bill.terms.decimals)


def _about(bill: Bill) -> Iterator[Row]:
    yield ("What", "Value")
    yield from facts(bill)
    if never := never_known(bill):
        yield ("Never known", never)


def _lines(bill: Bill) -> Iterator[Row]:
    yield formats.COLUMNS
    for row in formats.rows(bill):
        yield (
            Decimal(str(cell)) if name in _NUMBERS and cell is not None else cell
            for name, cell in zip(formats.COLUMNS, row, strict=True)
        )


def _fill(sheet: Worksheet, rows: Iterable[Row], head: Format, numbers: Format) -> None:
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 20, 20)
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            match cell:
                case None:
                    pass
                case float():
                    sheet.write_number(at, column, cell)
                case Decimal() | Fraction():
                    sheet.write_number(at, column, float(cell), numbers)
                case _:
                    text = visible(str(cell))[:_LONGEST]
                    sheet.write_string(at, column, text, head if not at else None)
