"""A month of all tenants: what it comes to, a table, and its files."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import runtime, state_keys, unreadable
from dashboard.app.cache import cached
from dashboard.bill import tables
from dashboard.draw.chosen import open_box, rows_table
from dashboard.draw.downloads import as_csv, export_button
from dashboard.draw.formatting import escaped, markdown, visible
from dashboard.draw.usage_tables import NONE
from services.access.viewer import Action
from services.bill import statement
from services.bill.background import Reckoned
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


def choose() -> tuple[Bill, Reckoned | None] | None:
    """Draw the choice of a month, and return its bill and the one before; None where it cannot be.

    None of the month before where nothing of it is known. What is not reckoned yet comes by itself.
    """
    try:
        months = _months()
        names = [str(month) for month in months[:_MONTHS]]
        name = st.selectbox(
            "Month", names, key=state_keys.MONTH, width=160, bind="query-params",
            filter_mode="contains",
        )  # fmt: skip
        chosen = [Month.parse(name), *months[names.index(name) + 1 :][:1]]
        found = [runtime.desk().bill.reckoned(month) for month in chosen]
    except (StoreError, SettingsError) as exc:
        _cannot(exc)
        return None
    if under_way := sum(each.under_way for each in found):
        st.fragment(_follow, run_every="1s")(chosen, under_way, shown=found[0].bill is not None)
    bill, before = found[0].bill, found[1] if found[1:] else None
    if bill is None:
        for height in (110, 340):
            st.skeleton(height=height)
    return None if bill is None else (bill, before)


@cached(Action.SEE_FLEET, seconds=60, entries=4)
def _months() -> tuple[Month, ...]:
    return runtime.desk().bill.months()


@unreadable.calmly()
def _follow(chosen: Sequence[Month], under_way: int, *, shown: bool) -> None:
    """Say that months are being reckoned, and draw the page anew once one of them is."""
    try:
        found = [runtime.desk().bill.reckoned(month) for month in chosen]
    except (StoreError, SettingsError) as exc:
        _cannot(exc)
        return
    if sum(each.under_way for each in found) != under_way:
        st.rerun()
    if not found[0].under_way:
        st.caption("The month before is being reckoned…")
    else:
        st.caption("Being reckoned anew; this is the last one." if shown else "Being reckoned…")


def _cannot(exc: StoreError | SettingsError) -> None:
    if isinstance(exc, SettingsError):
        st.error(f"{exc.variable}: {markdown(exc.reason)}", icon=":material/error:")
    else:
        st.caption(f"Unknown: {exc.problem.nameless()}.")


def draw(bill: Bill, before: Reckoned | None) -> None:
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
    if never := statement.never_known(bill):
        st.caption(never)
    _table(bill, None if before is None else before.bill)
    if left := tables.unbilled(bill):
        st.caption(escaped(left))
    _files(bill)


def _cards(bill: Bill, before: Reckoned | None) -> None:
    with st.grid(3, gap="small", min_column_width=190):
        whole = runtime.desk().gate.viewer().sees_all
        st.metric("Fleet" if whole else "Tenants in your scope", tables.total(bill, bill.sum),
                  border=True)  # fmt: skip
        then = "unknown" if before is None else "being reckoned"
        if before and before.bill:
            then = tables.total(before.bill, before.bill.sum)
        st.metric("The month before, at today's prices", then, border=True)
        known = min((each.known for each in bill.tenants), default=None)
        share = "unknown" if known is None else tables.coverage(known)
        st.metric("Coverage of the month" + " so far" * bill.so_far, share, border=True,
                  help=tables.COVERS)  # fmt: skip


def _table(bill: Bill, before: Bill | None) -> None:
    shown = [visible(each.tenant) for each in tables.ranked(bill)[:MOST]]
    open_box("statement", shown, shown, key="bill", opened=_open)
    rows_table(
        tables.frame(bill, before, MOST), shown, shown, key="bill", opened=_open,
        alt="What the month costs each tenant", height="content", placeholder=NONE,
        column_config=tables.columns(bill), column_order=tables.shown(bill),
    )  # fmt: skip
    if len(bill.tenants) > MOST:
        st.caption(f"The {MOST} largest of {len(bill.tenants):,}; the files have all.")


def _open(name: str) -> None:
    st.query_params[state_keys.TENANT] = name
    st.rerun()


def _files(bill: Bill) -> None:
    def whose() -> list[TenantKey]:
        return [TenantKey.written(each.tenant) for each in bill.tenants]

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
