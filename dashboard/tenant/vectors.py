"""A table of points, as several sections draw it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.draw.downloads import download
from dashboard.draw.x_exports import Whose
from dashboard.tenant import tables as inspection_tables
from services.browse.models import Point

_COLUMNS = {
    "Score": st.column_config.NumberColumn(
        format="%.4f", help="As the collection's distance has it: for Euclid the lower the nearer"
    )
}


def draw_points(points: Sequence[Point], key: str, *, alt: str, tenants: Whose) -> None:
    """Draw points of these tenants with their payloads, or that there are none."""
    if not points:
        st.caption("No such points.")
        return
    frame = inspection_tables.points_frame(points)
    st.dataframe(frame, key=key, alt=alt, hide_index=True, column_config=_COLUMNS)
    download(frame, key, tenants=tenants)
