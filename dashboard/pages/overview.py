from datetime import UTC, datetime

import streamlit as st

from dashboard.app import read, runtime
from dashboard.draw import (
    charts,
    figures,
    notices as presenters,
    store_tables,
    unknown,
    usage_tables,
)
from dashboard.isolation import tables
from services.figures import Measure

CHOICES = {
    "Redis memory": (Measure.KEYS, True),
    "Patterns": (Measure.PATTERNS, False),
    "Vectors": (Measure.VECTORS, False),
}
TOP = 10

snapshot = figures.snapshot_or_stop("Overview")
figures.fleet_figures(snapshot)

sees_all = runtime.desk().gate.viewer().sees_all
audit = runtime.desk().isolation.report_or_none()
notices = presenters.notices(
    snapshot, read.tombstones(snapshot),
    audited=tables.attention(audit, datetime.now(UTC)) if audit else (),
    told=tables.told(audit) if audit else None,
)  # fmt: skip
if notices:
    with st.container(border=True):
        st.subheader("Needs attention")
        figures.draw_notices(notices)

if not snapshot.tenants and snapshot.settled:
    unknown.nothing(
        "There is no tenant yet. Create a session, or load a capture with `kato-tenants load DIR`."
        if sees_all else "No tenant in your scope has anything in the stores.",
        snapshot, what="which tenants there are",
    )  # fmt: skip
    st.stop()

with st.container(border=True):
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Who uses most", width="stretch")
        choice = st.segmented_control(
            "Measure", list(CHOICES), default="Redis memory", required=True,
            label_visibility="collapsed", key="treemap_of",
        )  # fmt: skip
    measure, by_bytes = CHOICES[choice or "Redis memory"]
    tiles = charts.tiles(snapshot, measure, by_bytes=by_bytes)
    by = "Memory" if by_bytes else ("Patterns" if measure is Measure.PATTERNS else "Vectors")
    frame = read.tenants_frame(snapshot)
    no_ranking = unknown.no_ranking(frame, by, snapshot)
    if no_ranking:
        st.caption(f"Who uses most is unknown: {no_ranking}.")
        st.page_link("dashboard/pages/tenants.py", label="All tenants")
    elif not tiles:
        st.caption(f"{choice}: none.")
    else:
        st.plotly_chart(
            charts.treemap(tiles, by_bytes=by_bytes), key="treemap",
            config={"displayModeBar": False},
            alt=f"Treemap of {choice} by tenant; the largest is {tiles[0].label}",
        )  # fmt: skip
    if not no_ranking:
        top = usage_tables.by(frame, by).head(TOP)
        figures.tenants_table(top, snapshot, key="top", bar=by,
                              alt=f"The {TOP} tenants with most {choice}")  # fmt: skip

with st.container(border=True):
    st.subheader("How fresh each figure is")
    st.dataframe(
        store_tables.freshness_frame(snapshot, whole=sees_all), hide_index=True, key="freshness",
        placeholder=usage_tables.NONE, alt="Each store's figure with its state, age and note",
        column_config={
            "Took": st.column_config.NumberColumn(format="%.2f s"),
            "Difference": st.column_config.NumberColumn(
                help="The store's own total less the sum of tenants, shared and nobody's"
            ),
        },
    )  # fmt: skip
