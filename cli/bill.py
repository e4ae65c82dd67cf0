"""`kato-tenants bill`: what a month costs each tenant, out of this product's own records alone.

Prices are in the file that KATO_TENANTS_PRICES names; without one there are quantities alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cli import desk, files
from cli.desk import load_settings
from cli.errors import EXIT_SETTINGS, fail, one_line_errors
from cli.printed import aligned, plain
from services.access.viewer import Action
from services.bill import formats, statement
from services.bill.models import Bill
from services.bill.month import Month
from services.bill.past import Before, MonthSum
from services.bill.price_file import VARIABLE
from services.bill.prices import Charge
from services.errors import SettingsError
from services.history.models import OwnerKind
from services.spreadsheet import csv_text
from services.tenancy.kb_ids import TenantKey
from services.visible import visible

app = typer.Typer(add_completion=False, help=__doc__)

OfMonth = Annotated[
    str, typer.Option("--month", help="A month, as 2026-10; without it, the last that has ended.")
]
AtPrices = Annotated[
    Path | None,
    typer.Option(
        "--prices", exists=True, dir_okay=False,
        help="A file of prices to try, in place of the one in force.",
    ),
]  # fmt: skip
OfTenant = Annotated[str, typer.Option("--tenant", help="A tenant, as kind/id: tenant/acme.")]
_FIRST_NUMBER = 1  # the column from which on they are to the right


@app.callback(invoke_without_command=True)
def bill_command(
    ctx: typer.Context,
    *,
    month: OfMonth = "",
    tenant: OfTenant = "",
    prices: AtPrices = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the documented JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line a charge.")] = False,
    xlsx: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a workbook into this file.")
    ] = None,
) -> None:
    """Print what a month costs each tenant, and how much of it was known. No store is asked."""
    if ctx.invoked_subcommand is not None:
        if month or tenant or prices or as_json or as_csv or xlsx:
            fail(f"options of the bill go after {ctx.invoked_subcommand}", EXIT_SETTINGS)
        return
    if as_json + as_csv + (xlsx is not None) > 1:
        fail("--json, --csv and --xlsx exclude each other", EXIT_SETTINGS)
    with one_line_errors(), _opened(month, tenant, prices) as (bill, _):
        if xlsx is None:
            typer.echo(json_text(bill) if as_json else csv_of(bill) if as_csv else table_text(bill))
            return
        from services.bill.xlsx import workbook  # noqa: PLC0415  its library, for this alone

        files.write(xlsx, "--xlsx", workbook(bill))


@app.command("statement")
def statement_command(
    *,
    tenant: OfTenant,
    month: OfMonth = "",
    prices: AtPrices = None,
    year: Annotated[
        bool, typer.Option("--year", help="Tell what the 12 months before came to, too.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a page to be printed into this file.")
    ] = None,
) -> None:
    """Print one tenant's statement of a month. It names nobody else."""
    with one_line_errors(), _opened(month, tenant, prices, year=year) as (bill, before):
        (found,) = bill.tenants
        if html is None:
            typer.echo(statement.text(bill, found, before))
        else:
            files.write(html, "--html", statement.html(bill, found, before).encode())


@contextmanager
def _opened(
    month: str, tenant: str, prices: Path | None, *, year: bool = False
) -> Iterator[tuple[Bill, tuple[MonthSum, ...]]]:
    """Give a month's bill, of one tenant where that is named, at the prices of a file.

    With what the `year` before came to for that tenant. Raises KatoTenantsError.
    """
    settings = load_settings()
    if prices is not None:
        settings = settings.model_copy(update={"prices": prices})
    wanted = _month(month, ZoneInfo(settings.bill_zone))
    whose = TenantKey.parse(tenant) if tenant else None
    with (
        desk.opened_alone(settings) as alone,
        alone.gate.doing(
            Action.EXPORT, tenants=None if whose is None else [whose], target=f"bill of {wanted}"
        ),
    ):
        with _named(prices):
            bill = alone.bill.month(wanted)
            before = alone.bill.before(wanted, whose, wait=True) if year and whose else Before()
        yield bill if whose is None else _of(bill, str(whose)), before.months


@contextmanager
def _named(prices: Path | None) -> Iterator[None]:
    """Say what is wrong with prices that are tried by the option that names them."""
    try:
        yield
    except SettingsError as exc:
        if prices is None or exc.variable != VARIABLE:
            raise
        raise SettingsError("--prices", exc.reason) from None


def _of(bill: Bill, tenant: str) -> Bill:
    found = bill.of(tenant)
    if found is None:
        raise SettingsError(
            "--tenant", f"{visible(tenant)} had nothing in {bill.month} that is known"
        )
    return replace(bill, tenants=(found,), unbilled=(), total=None)


def _month(text: str, zone: ZoneInfo) -> Month:
    now = Month.of(datetime.now(UTC), zone)
    if not text:
        return now.before
    try:
        month = Month.parse(text)
    except ValueError as exc:
        raise SettingsError("--month", str(exc)) from None
    if month > now:
        raise SettingsError("--month", f"{month} has not begun")
    return month


def json_text(bill: Bill) -> str:
    """Return the documented JSON, ASCII only: names can hold any bytes."""
    return json.dumps(formats.as_json(bill), indent=2)


def csv_of(bill: Bill) -> str:
    """Return one line a charge; an empty field is not known, or has no price."""
    lines = (map(plain, row) for row in formats.rows(bill))
    return csv_text((formats.COLUMNS, *lines)).removesuffix("\n")


def table_text(bill: Bill) -> str:
    """Return one line a tenant, for people, and what nobody pays for."""
    shape: Callable[[Bill], Iterator[tuple[str, ...]]] = _used if bill.terms is None else _amounts
    told = [f"{name}: {value}" for name, value in statement.facts(bill)]
    told += filter(None, [statement.never_known(bill)])
    return "\n".join((*told, "", aligned(list(shape(bill)), right_from=_FIRST_NUMBER)))


def _amounts(bill: Bill) -> Iterator[tuple[str, ...]]:
    heads = (formats.WORDS[charge].title.upper() for charge in Charge)
    yield ("TENANT", *heads, "TOTAL", "COVERAGE")
    for each in bill.tenants:
        units = (*(line.amount for line in each.lines), each.amount)
        amounts = (formats.amount(bill, unit) or "-" for unit in units)
        yield (visible(each.tenant), *amounts, statement.known_words(each.known))
    if bill.total is not None:
        yield ("TOTAL", *[""] * len(Charge), formats.amount(bill, bill.total) or "", "")


def _used(bill: Bill) -> Iterator[tuple[str, ...]]:
    measured = [charge for charge in Charge if charge is not Charge.BASE]
    words = [formats.WORDS[charge] for charge in measured]
    yield ("TENANT", *(f"{each.title} ({each.hour})".upper() for each in words), "COVERAGE")
    for each in bill.tenants:
        used = (formats.hours(each.line(charge).used) or "-" for charge in measured)
        yield (visible(each.tenant), *used, statement.known_words(each.known))
    for kind in (OwnerKind.SHARED, OwnerKind.NOBODY):
        left = {one.charge: one.used.hours for one in bill.unbilled if one.kind is kind}
        if left:
            none = {charge: "-" if charge in bill.never else "0" for charge in measured}
            hours = (formats.digits(left[c]) if c in left else none[c] for c in measured)
            yield (f"({kind.value})", *hours, "")
