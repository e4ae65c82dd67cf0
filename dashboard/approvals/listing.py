"""Requests for a second person's approval: those that wait, one's own, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.approvals import tables
from dashboard.approvals.tables import Standing
from dashboard.draw import figures
from dashboard.draw.formatting import age, escaped, markdown, moment, visible
from services.access.viewer import Action
from services.approvals.models import Request
from services.errors import KatoTenantsError

MOST_DECIDED = 500
OWN = "Who asked for it cannot approve it: another admin has to."


def draw(asked: str) -> None:
    """Draw every request in scope, or the one that a link names. Raises KatoTenantsError."""
    desk, now = runtime.desk(), datetime.now(UTC)
    me = desk.gate.viewer().id
    refusals.draw(state_keys.APPROVE_REFUSED, "Nothing was approved")
    if asked:
        _one(asked, me)
        return
    requests = desk.approvals.all()
    for_me, mine, rest = tables.sorted_out(requests, me, now)
    _waiting("Waits for you", for_me, me, "Nothing waits for your approval.")
    _waiting("You asked for", mine, me, "You asked for nothing that is still to be done.")
    st.header("Decided")
    if not rest:
        st.caption("Nothing yet.")
        return
    st.dataframe(
        tables.requests_frame(rest[:MOST_DECIDED], now), hide_index=True, key="decided",
        alt="Requests that were approved, done or are over, the newest first",
        column_config={"Requested": figures.TIME},
    )  # fmt: skip


def _one(asked: str, me: str) -> None:
    st.button("All requests", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    found = runtime.desk().approvals.one(asked)
    if found is None:
        st.warning(f"There is no request {markdown(asked)}, or none in your scope.",
                   icon=":material/search_off:")  # fmt: skip
    else:
        _card(found, me)


def _back() -> None:
    st.query_params.pop(state_keys.REQUEST, None)


def _waiting(title: str, requests: Sequence[Request], me: str, nothing: str) -> None:
    st.header(title)
    if not requests:
        st.caption(nothing)
    for request in requests:
        _card(request, me)


def _card(request: Request, me: str) -> None:
    now = datetime.now(UTC)
    where = tables.standing(request, now)
    with st.container(border=True):
        st.markdown(f"**{request.action.value.capitalize()}**: {markdown(request.target)}")
        st.caption(
            f"{escaped(tables.whose(request))} · requested by {markdown(request.asked_by)} "
            f"{age(request.asked_at, now)} · until {moment(request.expires_at)} · digest "
            f"{escaped(tables.short_digest(request)) or 'none'}"
        )
        if request.details:
            st.table({name: escaped(visible(text)) for name, text in request.details.items()},
                     border="horizontal", width="content", alt="What is to be done")  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(escaped(_words(request, me, now)), width="stretch")
            if request.action is Action.RUN_PURGE and where is not Standing.USED:
                permits.link("purge", "See the plan", {state_keys.PLAN: request.digest})
            if request.action is Action.ACCEPT_FINDING:
                permits.link("isolation", "See the finding", {state_keys.FINDING: request.target})
            if where is Standing.WAITING:
                _approve_button(request, own=request.asked_by == me)


def _words(request: Request, me: str, now: datetime) -> str:
    words = permits.sentence(tables.state_words(request, now))
    if request.asked_by == me and request.holds(now):
        return f"{words} Do it again now: the approval is used up by it."
    return words


def _approve_button(request: Request, *, own: bool) -> None:
    permits.button(
        "Approve", Action.APPROVE, tenants=request.tenants, disabled=own,
        tip=OWN if own else None, type="primary", icon=":material/how_to_reg:",
        key=f"approve_{request.id}", on_click=_approve, args=(request.id,),
    )  # fmt: skip


def _approve(request_id: str) -> None:
    """Approve it; a refusal is said with the next drawing."""
    try:
        runtime.desk().approvals.approve(request_id)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.APPROVE_REFUSED, exc)
