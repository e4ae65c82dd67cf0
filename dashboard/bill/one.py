"""One tenant's statement of a month, with what of it was not known."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import runtime, state_keys, unreadable
from dashboard.bill import tables
from dashboard.draw.downloads import export_button, file_name
from dashboard.draw.formatting import escaped, markdown, unseen, visible
from dashboard.draw.usage_tables import NONE
from services.bill import statement
from services.bill.models import Bill, TenantBill
from services.bill.month import Month
from services.bill.past import MonthSum
from services.errors import SettingsError, StoreError
from services.tenancy.kb_ids import TenantKey


def draw(bill: Bill, asked: str) -> None:
    """Draw the statement of a tenant, as `visible` writes it."""
    st.button("All tenants", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    tenant = unseen(asked)
    found = bill.of(tenant)
    if found is None:
        st.warning(f"{markdown(tenant)} had nothing in {bill.month} that is known, or is not in "
                   "your scope.", icon=":material/search_off:")  # fmt: skip
        return
    st.header(f"Statement for {markdown(found.tenant)}")
    if found.name:
        st.markdown(f"**{markdown(found.name)}**")
    if bill.terms is not None:
        st.metric(statement.title(bill), tables.total(bill, found.amount), border=True, width=300)
    st.caption(escaped(tables.sentence(bill)))
    st.dataframe(
        tables.lines(bill, found), hide_index=True, key="statement", height="content",
        alt="What was used, what of it is billed, and what it costs",
    )  # fmt: skip
    for note in statement.notes(bill, found):
        st.caption(escaped(note))
    before = _before(bill, found)
    _files(bill, found, before)


def _before(bill: Bill, found: TenantBill) -> tuple[MonthSum, ...]:
    """Draw what the year before came to, and return it; what is not reckoned yet comes by itself.

    Nothing without prices.
    """
    tenant = TenantKey.written(found.tenant)
    try:
        before = runtime.desk().bill.before(bill.month, tenant)
    except (StoreError, SettingsError):
        return ()  # the page says so of its own month
    if before.months or before.under_way:
        st.subheader(statement.BEFORE)
    if before.months:
        st.dataframe(
            tables.before_frame(bill, before.months), hide_index=True, key="before",
            height="content", width=420, alt="What each month before came to, the newest first",
            placeholder=NONE, column_config=tables.before_columns(bill),
        )  # fmt: skip
    if before.under_way:
        st.fragment(_follow, run_every="2s")(bill.month, tenant, len(before.months))
    return before.months


@unreadable.calmly()
def _follow(month: Month, tenant: TenantKey, shown: int) -> None:
    """Say that months are being reckoned, and draw the page anew once there is one more."""
    if len(runtime.desk().bill.before(month, tenant).months) != shown:
        st.rerun()
    st.caption("Earlier months are being reckoned…")


def _back() -> None:
    st.query_params.pop(state_keys.TENANT, None)


def _files(bill: Bill, found: TenantBill, before: Sequence[MonthSum]) -> None:
    name = f"statement_{file_name(visible(found.tenant))}_{bill.month}"
    with st.container(horizontal=True, gap="small"):
        for label, extension, make, mime in (
            ("To print (HTML)", "html", statement.html, "text/html"),
            ("Text", "txt", statement.text, "text/plain"),
        ):
            export_button(
                label, lambda make=make: make(bill, found, before),  # type: ignore[misc]
                target=f"statement of {bill.month} as {extension}",
                tenants=[TenantKey.written(found.tenant)], file_name=f"{name}.{extension}",
                mime=mime, type="tertiary", key=f"download_statement_{extension}",
            )  # fmt: skip
