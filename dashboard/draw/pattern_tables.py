"""Patterns as a table, on a tenant's page and on Find's."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from dashboard.draw import usage_tables
from dashboard.draw.figures import TIME
from dashboard.draw.formatting import markdown, visible
from services.browse.models import PatternPage, PatternRow

MOST_KB_IDS = 200
"""Knowledge bases that one query takes in."""

COLUMNS = {
    "Frequency": st.column_config.NumberColumn(format="localized"),
    "Created": TIME,
    "Updated": TIME,
}
"""How they are drawn."""

_NAMES = ("Pattern", "kb_id", "Frequency", "Events", "Symbols", "Created", "Updated")


def without_frequency(page: PatternPage) -> str:
    """Say above a page's table why frequencies are not known; return what a cell without one says.

    Where all are known, a pattern without one has none.
    """
    if page.problem is None:
        return "none"
    st.warning(f"Frequencies unknown: {markdown(str(page.problem))}.", icon=":material/cloud_off:")
    return usage_tables.NONE


def patterns_frame(rows: Iterable[PatternRow]) -> pd.DataFrame:
    """Return one row a pattern; the frequency is None where it is not known."""
    cells = (
        (
            visible(row.name), visible(row.kb_id), row.frequency, row.length, row.token_count,
            row.created_at, row.updated_at,
        )
        for row in rows
    )  # fmt: skip
    frame = pd.DataFrame(list(cells), columns=list(_NAMES))
    frame["Frequency"] = frame["Frequency"].astype("Int64")
    return frame
