"""What came of a purge: its receipt, drawn and to download, and what came back since."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.draw import unknown, usage_tables
from dashboard.draw.downloads import concerned, decided_button, download, file_name
from dashboard.draw.formatting import escaped, markdown, moment, visible
from dashboard.purge import (
    plan,
    plan_tables,
    receipt_tables,
)
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.purge.job import Job, LaterLook, Outcome, Receipt
from services.purge.receipt import tenants_of
from services.purge.summary import back_since, summary_of

_COUNT_COLUMNS = {
    name: st.column_config.NumberColumn(format="localized") for name in receipt_tables.COUNTS
}

_NOT_LOOKED_AT = "Not every store could be asked at the end."


def draw(job: Job) -> None:
    """Draw the receipt of an ended job, and whether its data came back."""
    try:
        receipt = runtime.desk().purge.receipt(job.id)
    except KatoTenantsError as exc:
        unreadable.draw("The receipt", exc)
        return
    later = runtime.desk().purge.later_looks(job.id)
    since = None if receipt.outcome is Outcome.PARTIAL else back_since(later)
    if since is not None:
        st.error(f"**Data has been there again since {moment(since)}**: a client still writes "
                 "it. What is said below was so when the purge ended.",
                 icon=":material/history:")  # fmt: skip
    _outcome(receipt, stale=since is not None)
    _stays(receipt)
    _later(job, later)
    _downloads(job, receipt)
    _counts(job, receipt)
    _rest(receipt)
    st.subheader("Facts")
    facts = receipt_tables.facts(receipt)
    st.table({name: escaped(value) for name, value in facts.items()}, border="horizontal",
             width="content", alt="Who asked, why, when, and by which plan")  # fmt: skip


def _later(job: Job, looks: Sequence[LaterLook]) -> None:
    """Draw the later looks, and the way to another one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        permits.button("Verify again", Action.PLAN_PURGE, icon=":material/search_check:",
                       takes=plan_tables.takes(job.plan.request),
                       on_click=_look_again, args=(job.id,), key="purge_look_again",
                       tip="Look at the stores now, and keep what is found here.")  # fmt: skip
        last = looks[-1] if looks else None
        st.caption("Not looked at again since it ended." if last is None else
                   f"Last looked at {moment(last.at)}: {receipt_tables.found_words(last)}.",
                   width="stretch")  # fmt: skip
    if looks:
        with st.expander(f"Every look since ({len(looks):,})"):
            st.dataframe(
                receipt_tables.looks_frame(looks), hide_index=True, key="receipt_looks",
                alt="Each later look: from when to when, what it found, who asked",
            )  # fmt: skip


def _look_again(job_id: str) -> None:
    try:
        runtime.desk().purge.look_again(job_id)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.PURGE_REFUSED, exc)


_NEXT = {
    Outcome.PARTIAL: " Plan again to erase what is left.",
    Outcome.UNKNOWN: " Verify again, or plan again, when what is named below answers.",
}


def _outcome(receipt: Receipt, *, stale: bool) -> None:
    """Say what it came to, as the receipt says it to whoever reads it, and what to do next."""
    words = markdown(summary_of(receipt)) + _NEXT.get(receipt.outcome, "")
    if receipt.outcome is Outcome.ERASED_EXCEPT and not receipt.left_out:
        words += " It is held with tenants that are not in scope."
    if stale:
        st.info(words, icon=":material/history_edu:")
    elif receipt.outcome is Outcome.ERASED:
        st.success(words, icon=":material/check_circle:")
    else:
        st.warning(words, icon=":material/shield:")
    for text in receipt.problems:
        st.markdown(f"- {markdown(text)}")


def _stays(receipt: Receipt) -> None:
    """Say what was not erased where it is said what was."""
    if receipt.disclosed:
        listed = "\n".join(f"- {markdown(text)}" for text in receipt.disclosed)
        st.warning(f"**Not erased, or worth knowing:**\n{listed}",
                   icon=":material/visibility_off:")  # fmt: skip


def _downloads(job: Job, receipt: Receipt) -> None:
    tenants = tenants_of(job)
    of = st.selectbox(
        "Receipt for", [None, *tenants],
        format_func=lambda one: visible(one) if one else "us: the whole purge, with every name",
        help="One tenant's receipt names nobody else, and can be handed to that tenant.",
        key="receipt_of", filter_mode="contains",
    ) if len(tenants) > 1 else None  # fmt: skip
    name = file_name(of) if of else receipt.job_id
    off = permits.why_not(Action.EXPORT)
    with st.container(horizontal=True, gap="small"):
        decided_button(
            "Receipt as JSON", partial(_text, receipt.job_id, of), reason=off,
            mime="application/json", file_name=f"purge-{name}.json", icon=":material/download:",
        )  # fmt: skip
        decided_button(
            "Printable page", partial(_printable, receipt.job_id, of), reason=off,
            mime="text/html", file_name=f"purge-{name}.html", icon=":material/print:",
        )  # fmt: skip


def _text(job_id: str, tenant: str | None) -> str:
    return runtime.desk().purge.receipt_text(job_id, tenant=tenant)


def _printable(job_id: str, tenant: str | None) -> str:
    """Return a page to print, with the stores' versions as the kept receipt has them."""
    purge = runtime.desk().purge
    receipt = purge.receipt_to_print(job_id, tenant=tenant)
    return receipt_tables.printable(receipt, purge.later_looks(job_id), tenant=tenant)


def _counts(job: Job, receipt: Receipt) -> None:
    st.subheader("By store")
    stores = receipt_tables.stores_frame(receipt)
    unknown.dashes(stores, ["Left"], _NOT_LOOKED_AT)
    st.dataframe(
        stores, hide_index=True, key="receipt_stores",
        placeholder=usage_tables.NONE, height="content", column_config=_COUNT_COLUMNS,
        alt="Per store: planned, deleted, already absent, failed, left",
    )  # fmt: skip
    frame = receipt_tables.lines_frame(receipt)
    if not frame.empty:
        with st.expander(f"Line by line ({len(frame):,})"):
            unknown.dashes(frame, ["Left"], _NOT_LOOKED_AT)
            st.dataframe(
                frame, hide_index=True, key="receipt_lines", placeholder=usage_tables.NONE,
                column_config=_COUNT_COLUMNS, alt="Each line of the receipt",
            )  # fmt: skip
            tenants = concerned(job.plan)
            download(frame, f"purge_{receipt.job_id}", tenants=tenants)
    if receipt.conserved:
        with st.expander("Before and after, of everyone"):
            st.dataframe(receipt_tables.conserved_frame(receipt), hide_index=True,
                         key="receipt_conserved",
                         alt="Per store: before, after, deleted, what others did")  # fmt: skip
    if receipt.servers:
        with st.expander(f"Server by server ({len(receipt.servers):,})"):
            st.dataframe(receipt_tables.servers_frame(receipt), hide_index=True,
                         key="receipt_servers",
                         alt="Each server that was asked at the end, with what is left there",
                         )  # fmt: skip


def _rest(receipt: Receipt) -> None:
    if receipt.left_out:
        st.subheader("Left out")
        plan.left_table(plan_tables.left_frame(receipt.left_out), key="receipt_left",
                        alt="What was not touched, with why")  # fmt: skip
    st.caption(f"As of {moment(receipt.ended_at)}.")
