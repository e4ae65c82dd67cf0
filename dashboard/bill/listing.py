"""A month of all tenants: what it comes to, a table, and its files."""

from __future__ import annotations

import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.app.cache import cached
from dashboard.bill import tables
from dashboard.draw.chosen import open_box, rows_table
from dashboard.draw.downloads import as_csv, export_button
from dashboard.draw.formatting import escaped, markdown, visible
from dashboard.draw.usage_tables import NONE
from services.access.viewer import Action
from services.bill.models import Bill
from services.bill.month import Month
from services.errors import SettingsError, StoreError
from services.tenancy.kb_ids import TenantKey

NO_PRICES = (
    "No prices are set: name a TOML file of them in `KATO_TENANTS_PRICES` (docs/bill.md says what "
    "is in it). What was used is here all the same."
)
MOST = 200
"""Rows that are drawn; the files have all."""

_MONTHS = 600
"""Most that can be chosen; the command takes any."""


def choose() -> tuple[Bill, Bill | None] | None:
    """Draw the choice of a month, and return its bill and the one before; None where it cannot be.

    None of the month before where nothing of it is known.
    """
    try:
        months = [str(month) for month in _months()]
        month = st.selectbox("Month", months[:_MONTHS], key=state_keys.MONTH, width=160,
                             bind="query-params")  # fmt: skip
        at = months.index(month)
        before = _bill(months[at + 1]) if at + 1 < len(months) else None
        return _bill(month), before
    except StoreError:
        st.caption("Unknown: this product's own records did not answer.")
    except SettingsError as exc:
        st.error(f"{exc.variable}: {markdown(exc.reason)}", icon=":material/error:")
    return None


@cached(Action.SEE_FLEET, seconds=60, entries=4)
def _months() -> tuple[Month, ...]:
    return runtime.desk().bill.months()


@cached(Action.SEE_FLEET, seconds=60, entries=32, spinner="Reckoning the month…")
def _bill(month: str) -> Bill:
    return runtime.desk().bill.month(Month.parse(month))


def draw(bill: Bill, before: Bill | None) -> None:
    """Draw a month's bill."""
    if bill.terms is None:
        st.info(NO_PRICES, icon=":material/sell:")
    else:
        _cards(bill, before)
    st.caption(escaped(tables.sentence(bill)))
    if bill.terms is not None and bill.terms.note:
        st.caption(markdown(bill.terms.note))
    if not bill.tenants:
        st.caption("Nothing is known of this month that belongs to a tenant.")
        return
    _table(bill, before)
    if left := tables.unbilled(bill):
        st.caption(escaped(left))
    _files(bill)


def _cards(bill: Bill, before: Bill | None) -> None:
    with st.grid(3, gap="small", min_column_width=190):
        whole = bill.total is not None
        st.metric("Fleet" if whole else "Tenants in your scope", tables.total(bill, bill.sum),
                  border=True)  # fmt: skip
        then = "unknown" if before is None else tables.total(before, before.sum)
        st.metric("The month before, at today's prices", then, border=True)
        known = min((each.known for each in bill.tenants), default=None)
        share = "unknown" if known is None else f"{int(known * 10_000) / 100:g} %"
        st.metric("Coverage of the month" + " so far" * bill.so_far, share, border=True,
                  help=tables.COVERS)  # fmt: skip


def _table(bill: Bill, before: Bill | None) -> None:
    shown = [visible(each.tenant) for each in tables.ranked(bill)[:MOST]]
    open_box("statement", shown, shown, key="bill", opened=_open)
    rows_table(
        tables.frame(bill, before).head(MOST), shown, shown, key="bill", opened=_open,
        alt="What the month costs each tenant", height="content", placeholder=NONE,
        column_config=tables.columns(bill), column_order=tables.shown(bill),
    )  # fmt: skip
    if len(bill.tenants) > MOST:
        st.caption(f"The {MOST} largest of {len(bill.tenants):,}; the files have all.")


def _open(name: str) -> None:
    st.query_params[state_keys.TENANT] = name
    st.rerun()


def _files(bill: Bill) -> None:
    whose = [TenantKey.written(each.tenant) for each in bill.tenants]

    def csv() -> bytes:
        return as_csv(tables.every_line(bill))

    def xlsx() -> bytes:
        from services.bill.xlsx import workbook  # noqa: PLC0415  its library, for a click

        return workbook(bill)

    with st.container(horizontal=True, gap="small"):
        for label, make, mime in (
            ("CSV", csv, "text/csv"),
            ("XLSX", xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ):
            extension = label.lower()
            export_button(
                label, make, target=f"bill of {bill.month} as {extension}", tenants=whose,
                file_name=f"bill_{bill.month}.{extension}", mime=mime, type="tertiary",
                key=f"download_bill_{extension}",
            )  # fmt: skip
