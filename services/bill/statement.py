"""A tenant's statement of a month, to be printed or sent: as text, and as a page of HTML. Pure.

It names nobody else, and says what of the month was not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from html import escape
from itertools import groupby
from zoneinfo import ZoneInfo

from services.bill.formats import WORDS, amount, digits
from services.bill.models import Bill, Line, TenantBill
from services.bill.past import MonthSum
from services.bill.prices import Charge, Rounding, SharedRule
from services.visible import visible

Fact = tuple[str, str]

HEADS = ("Charge", "Used", "Billed", "Price", "Amount", "Coverage")
BEFORE_HEADS = ("Month", "Amount", "Coverage")
BEFORE = "The months before, at the prices of this statement"
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip
SHARED_WORDS = {
    SharedRule.NOBODY: "what several tenants hold is billed to nobody",
    SharedRule.EQUALLY: "what several tenants hold is billed to them in equal parts",
    SharedRule.BY_USE: "what several tenants hold is billed to them in proportion to what each "
    "uses alone",
}
_ROUNDING = {
    Rounding.HALF_UP: "half a unit is rounded up",
    Rounding.HALF_EVEN: "half a unit is rounded to the even one",
    Rounding.UP: "rounded up",
    Rounding.DOWN: "rounded down",
}


def title(bill: Bill) -> str:
    """Name the month: `October 2026`, with whether it is over."""
    month = f"{_MONTHS[bill.month.month - 1]} {bill.month.year}"
    return f"{month}, so far" if bill.so_far else month


def addressee(tenant: TenantBill) -> str:
    """Return whom a statement is for: what people call the tenant, else its name."""
    return visible(tenant.name or tenant.tenant)


def facts(bill: Bill) -> Iterator[Fact]:
    """Yield what a bill is of and by which rules, each with its name; texts are visible."""
    yield "Month", title(bill)
    yield "From", _moment(bill.began, bill.zone)
    yield "To", _moment(bill.ended, bill.zone)
    if bill.terms is None:
        yield "Prices", "not set"
        return
    yield "Currency", bill.terms.currency
    yield "Rounding", f"{_ROUNDING[bill.terms.rounding]}; all lines sum up to the fleet's total"
    yield "Shared", SHARED_WORDS[bill.terms.shared]
    if bill.terms.note:
        yield "Note", visible(bill.terms.note)


def known_words(known: Fraction) -> str:
    """Write which share of the month was known: `all`, `98 %` (rounded down) or `none`."""
    if known in (0, 1):
        return "all" if known else "none"
    return f"{int(known * 100)} %" if known >= Fraction(1, 100) else "below 1 %"


def rows(bill: Bill, tenant: TenantBill) -> Iterator[tuple[str, ...]]:
    """Yield a row of `HEADS` for each charge that has a price, or for all without prices."""
    return (_row(bill, line) for line in _told(bill, tenant))


def notes(bill: Bill, tenant: TenantBill) -> Iterator[str]:
    """Yield what has to be known of these lines, in sentences."""
    told = [line for line in _told(bill, tenant) if line.charge is not Charge.BASE]
    for (known, reason), some in groupby(told, key=lambda line: (line.known, line.reason)):
        if known < 1:
            names = ", ".join(WORDS[line.charge].title for line in some)
            yield (f"{names}: known for {known_words(known)} of the time ("
                   f"{visible(reason) or 'nobody looked'}). What is not known is not billed."
            )  # fmt: skip
    for line in told:
        yield from _notes(line)
    if bill.so_far:
        yield "The month is not over: this is what it comes to so far."


def never_known(bill: Bill) -> str:
    """Say what of a month was never known; empty where there is nothing like that."""
    names = ", ".join(WORDS[charge].title for charge in bill.never)
    return f"Unknown all the time, and so in no amount: {names}." if names else ""


def _notes(line: Line) -> Iterator[str]:
    name, hours = WORDS[line.charge].title, WORDS[line.charge].hour
    if line.used is None or line.shared is None:
        return
    if line.used.margin:
        yield (f"{name}: it was sampled; {digits(line.used.hours)} {hours} may be wrong by at most "
               f"{digits(line.used.margin)}.")  # fmt: skip
    if line.shared.hours:
        yield f"{name}: {digits(line.shared.hours)} {hours} of it are held with others."


def _told(bill: Bill, tenant: TenantBill) -> Iterator[Line]:
    """Yield the lines that are told: those with a price, or without prices all but the base fee."""
    for line in tenant.lines:
        if line.price is not None or (bill.terms is None and line.charge is not Charge.BASE):
            yield line


def before_rows(bill: Bill, before: Iterable[MonthSum]) -> list[tuple[str, ...]]:
    """Return a row of `BEFORE_HEADS` for each month before this one."""
    return [
        (str(each.month), _amount(bill, each.amount),
         "" if each.known is None else known_words(each.known))
        for each in before
    ]  # fmt: skip


def text(bill: Bill, tenant: TenantBill, before: Iterable[MonthSum] = ()) -> str:
    """Return a statement as lines of text, with what months before it came to."""
    lines = _aligned([HEADS, *rows(bill, tenant), ("Total", "", "", "", _total(bill, tenant), "")])
    earlier = before_rows(bill, before)
    past = ["", BEFORE, *_aligned([BEFORE_HEADS, *earlier])] if earlier else []
    head = [f"Statement for {addressee(tenant)}", *_issuer(bill)]
    told = [f"{name}: {value}" for name, value in _facts(bill, tenant)]
    return "\n".join((*head, *told, "", *lines, "", *notes(bill, tenant), *past)).rstrip()


def _facts(bill: Bill, tenant: TenantBill) -> Iterator[Fact]:
    if tenant.name:
        yield "Tenant", visible(tenant.tenant)
    yield from facts(bill)


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def html(bill: Bill, tenant: TenantBill, before: Iterable[MonthSum] = ()) -> str:
    """Return a statement as a page that prints on A4 or Letter; it loads nothing."""
    name = addressee(tenant)
    earlier = before_rows(bill, before)
    past = f"<h2>{BEFORE}</h2>\n<table class=past>\n<thead><tr>{_heads(BEFORE_HEADS)}</tr></thead>"
    past += f"\n<tbody>\n{_body(earlier)}</tbody>\n</table>\n"
    told = "".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>\n" for n, v in _facts(bill, tenant))
    said = "".join(f"<li>{escape(note)}</li>\n" for note in notes(bill, tenant))
    issuer = "".join(f"<p>{escape(words)}</p>\n" for words in _issuer(bill))
    return _PAGE.format(
        title=escape(f"Statement for {name}, {title(bill)}"), name=escape(name), issuer=issuer,
        facts=told, heads=_heads(HEADS), rows=_body(rows(bill, tenant)),
        total=escape(_total(bill, tenant)),
        notes=f"<ul>\n{said}</ul>" if said else "", past=past if earlier else "",
    )  # fmt: skip


def _heads(heads: Iterable[str]) -> str:
    return "".join(f"<th>{escape(head)}</th>" for head in heads)


def _body(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    )


def _row(bill: Bill, line: Line) -> tuple[str, ...]:
    words, price = WORDS[line.charge], line.price
    used = "unknown" if line.used is None else f"{digits(line.used.hours)} {words.hour}"
    each = "" if price is None or bill.terms is None else f"{price.amount:f} {bill.terms.currency}"
    billed = "" if not price or line.billed is None else f"{digits(line.billed)} {words.priced}"
    return (words.title, used if words.hour else "", billed, each, _amount(bill, line.amount),
            known_words(line.known))  # fmt: skip


def _total(bill: Bill, tenant: TenantBill) -> str:
    return _amount(bill, tenant.amount)


def _amount(bill: Bill, units: int | None) -> str:
    written = amount(bill, units)
    return "" if written is None or bill.terms is None else f"{written} {bill.terms.currency}"


def _issuer(bill: Bill) -> list[str]:
    return [visible(bill.terms.issuer)] if bill.terms and bill.terms.issuer else []


def _moment(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
@page {{ margin: 20mm }}
body {{ font: 11pt/1.4 system-ui, sans-serif; color: #111; background: #fff; max-width: 180mm;
  margin: 2em auto; padding: 0 1em; overflow-wrap: anywhere }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .2em 1.5em }}
dt {{ color: #555 }}
dd {{ margin: 0 }}
table {{ border-collapse: collapse; width: 100%; margin: 1.5em 0; overflow-wrap: normal }}
th, td {{ text-align: left; vertical-align: top; padding: .4em .8em .4em 0;
  border-bottom: 1px solid #ccc }}
.past {{ width: auto }}
th:nth-child(n+2):nth-child(-n+5), td:nth-child(n+2):nth-child(-n+5) {{ text-align: right;
  font-variant-numeric: tabular-nums }}
td:nth-child(4), td:nth-child(5) {{ white-space: nowrap }}
tfoot td {{ font-weight: bold; border-bottom: 0 }}
tr {{ break-inside: avoid }}
ul {{ color: #333; padding-left: 1.2em }}
@media print {{ body {{ margin: 0; max-width: none; padding: 0 }} }}
</style>
<h1>Statement for {name}</h1>
{issuer}<dl>
{facts}</dl>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}</tbody>
<tfoot><tr><td>Total</td><td></td><td></td><td></td><td>{total}</td><td></td></tr></tfoot>
</table>
{notes}
{past}</html>
"""
