"""Lines of a file that cannot be taken."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.draw.formatting import plural, visible
from services.cards.csv_file import Refused


def draw_refused(lines: Sequence[Refused]) -> None:
    """Draw which lines they are, and why; nothing where there are none."""
    if not lines:
        return
    st.warning(f"{plural(len(lines), 'line')} cannot be taken.", icon=":material/block:")
    st.dataframe(refused_frame(lines), hide_index=True,
                 alt="Lines that cannot be taken, and why")  # fmt: skip


def refused_frame(lines: Sequence[Refused]) -> pd.DataFrame:
    """Return one row a line of a file that cannot be taken."""
    rows = [{"Line": each.number, "Why": visible(each.why)} for each in lines]
    return pd.DataFrame(rows, columns=["Line", "Why"])
