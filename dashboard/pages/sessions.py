import math
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard.app import permits, state_keys, unreadable
from dashboard.app.ending import end_page
from dashboard.draw import figures as components, notices, unknown
from dashboard.draw.downloads import download
from dashboard.draw.formatting import plural
from dashboard.draw.paging import numbered
from dashboard.sessions import (
    actions,
    listing,
    one,
    tables,
)
from dashboard.sessions.listing import session_rows
from services.errors import StoreError
from services.figures import Measure, Precision

PER_PAGE = 25

asked = st.query_params.get(state_keys.SESSION, "")
if asked:
    components.head("Sessions")
    one.draw(asked)
    st.stop()

snapshot = components.snapshot_or_stop("Sessions")
actions.draw_report()
figures = snapshot.stores[Measure.SESSIONS]
if snapshot.sessions is None and figures.precision is not Precision.RUNNING:
    st.caption(f"Which sessions there are is unknown: {unknown.why(figures)}, "
               f"{notices.last_read(figures)}.")  # fmt: skip
    st.stop()
if snapshot.sessions is None:
    st.caption("Redis is being read for the first time; the sessions come at the end of the pass.")
    st.skeleton(height=340)
    st.stop()

now = datetime.now(UTC)
read_at = figures.collected_at or snapshot.collected_at
try:
    rows = session_rows(snapshot)
except StoreError as exc:
    unreadable.draw("Whose sessions there are", exc)
    st.stop()
frame = tables.with_state(rows, elapsed=(now - read_at).total_seconds())
stale = (snapshot.keys and snapshot.keys.stale_members) or 0
unindexed = (snapshot.keys and snapshot.keys.unindexed) or 0
if frame.empty:
    st.info("There is no session. A client makes one, or you do:", icon=":material/inbox:")
    permits.link("new_session")
    actions.stale_members(stale)
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    wanted = st.text_input(
        "Search", type="search", placeholder="Part of a session, node or tenant",
        key=state_keys.SESSIONS_SEARCH, bind="query-params", live=True, width=280,
    )  # fmt: skip
    with st.popover("Filter", icon=":material/tune:"):  # data comes first on a phone
        asked_for = st.query_params.get(state_keys.SESSIONS_TENANT)  # it may have none, or none yet
        tenants = listing.choices(snapshot)["Tenant"]
        if asked_for and asked_for not in tenants:
            tenants = sorted((*tenants, asked_for))
        tenant = st.selectbox(
            "Tenant", tenants, index=None, placeholder="Any",
            key=state_keys.SESSIONS_TENANT, bind="query-params", width=230, filter_mode="contains",
        )  # fmt: skip
        scheme = st.selectbox(
            "Naming scheme", listing.choices(snapshot)["scheme"], index=None, placeholder="Any",
            key=state_keys.SESSIONS_SCHEME, bind="query-params", width=250, filter_mode="contains",
        )  # fmt: skip
        age = st.selectbox("Age", list(tables.AGES), key=state_keys.SESSIONS_AGE, width=210,
                           bind="query-params", filter_mode="contains")  # fmt: skip
        kinds = st.pills(
            "Kind", listing.choices(snapshot)["kind"], key=state_keys.SESSIONS_KIND,
            selection_mode="multi", bind="query-params",
        )  # fmt: skip
        states = st.pills(
            "State", list(tables.STATES), key=state_keys.SESSIONS_STATE, selection_mode="multi",
            bind="query-params",
            format_func=lambda state: tables.STATES[state],
        )  # fmt: skip

found = listing.of_kb(frame)
if wanted:
    found = tables.matching(found, wanted)
if tenant is not None:
    found = found[found["Tenant"] == tenant]
if scheme is not None:
    found = found[found["scheme"] == scheme]
if kinds:
    found = found[found["kind"].isin(kinds)]
if states:
    found = tables.in_state(found, states)
found = tables.of_age(found, age or "Any", pd.Timestamp(now))

if found.empty:
    st.caption(f"0 of {plural(len(frame), 'session')}")
    st.info("No session matches.", icon=":material/search_off:")
    actions.stale_members(stale)
    end_page()

bar, counted = st.container(horizontal=True), st.empty()
pages = math.ceil(len(found) / PER_PAGE)
table = st.container()
start = (numbered(pages, state_keys.SESSIONS_PAGE) - 1) * PER_PAGE
shown = found.iloc[start : start + PER_PAGE]
with table:
    chosen = listing.sessions_table(
        shown[list(tables.SHOWN)],
        [snapshot.sessions[place] for place in shown.index],
        key="sessions",
        select=True,
    )
whose = listing.tenants_of(snapshot, found.index)
download(found[list(tables.SHOWN)], "sessions", tenants=whose, read_at=read_at)
words = f"{len(found):,} of {plural(len(frame), 'session')}"
counted.caption(f"{words}, {len(chosen):,} selected" if chosen else words)
with bar:
    actions.deed_buttons(chosen)
actions.stale_members(stale)
actions.unindexed(unindexed)
