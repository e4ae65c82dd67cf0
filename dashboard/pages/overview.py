from datetime import UTC, datetime

import streamlit as st

from dashboard.app import glossary, permits, read, runtime
from dashboard.app.ending import end_page
from dashboard.draw import (
    figures,
    limits,
    notices as presenters,
    over_time,
    store_tables,
    unknown,
    usage_tables,
)
from dashboard.draw.largest import TOP
from dashboard.isolation import tables
from services.history.models import FLEET

MATTER = ("Memory", "Patterns", "Last write")
CHOICES = {"Redis memory": "Memory", "Disk": "Disk", "Patterns": "Patterns", "Vectors": "Vectors"}

snapshot = figures.snapshot_or_stop("Overview")
viewer = runtime.desk().gate.viewer()
glossary.welcome(viewer)
figures.fleet_figures(snapshot)

sees_all = viewer.sees_all
audit = runtime.desk().isolation.report_or_none()
notices = presenters.notices(
    snapshot, read.tombstones(snapshot),
    audited=(*(tables.attention(audit, datetime.now(UTC)) if audit else ()),
             *limits.notices(read.standings(snapshot))),
    told=tables.told(audit) if audit else None, guessed=read.guessed(snapshot),
)  # fmt: skip
if notices:
    with st.container(border=True):
        st.header("Needs attention")
        figures.draw_notices(notices)

if not snapshot.tenants and snapshot.settled:
    unknown.nothing(
        "There is no tenant yet. Create a session, or load a capture with `kato-tenants load DIR`."
        if sees_all else "No tenant in your scope has anything in the stores.",
        snapshot, what="which tenants there are",
    )  # fmt: skip
    end_page()

with st.container(border=True):
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Who uses most", width="stretch")
        choice = st.segmented_control(
            "Measure", list(CHOICES), default="Redis memory", required=True,
            label_visibility="collapsed", key="most_of",
        )  # fmt: skip
    column = CHOICES[choice or "Redis memory"]
    frame = read.tenants_frame(snapshot)
    if no_ranking := unknown.no_ranking(frame, column, snapshot):
        st.caption(f"Who uses most is unknown: {no_ranking}.")
        permits.link("tenants", "All tenants")
    else:
        found = read.most_of(snapshot, column)
        figures.tenants_table(found.frame, snapshot, key="top", bar=column,
                              columns=[*dict.fromkeys((column, "Share", *MATTER))],
                              alt=f"The {TOP} tenants with most of {choice}")  # fmt: skip
        if others := found.rest_words(column):
            st.caption(others)

if sees_all:
    with st.container(border=True):
        st.header("Over time")
        if (chosen := over_time.choose(snapshot)) is not None:
            over_time.draw(FLEET, chosen, tenants=())

with st.container(border=True):
    st.header("Data freshness")
    st.dataframe(
        store_tables.freshness_frame(snapshot, whole=sees_all), hide_index=True, key="freshness",
        placeholder=usage_tables.NONE, alt="Each store's figure with its state, age and note",
        column_order=["Figure", "Store", "State", "Total", "Size", "Read", "Note"],
        column_config={
            "Read": figures.TIME,
            "Duration": st.column_config.NumberColumn(format="%.2f s"),
            "Difference": st.column_config.NumberColumn(
                help="The store's own total less the sum of tenants, shared and unowned"
            ),
        },
    )  # fmt: skip
