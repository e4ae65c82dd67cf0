"""How grave something is: a badge, and a column of chips."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from services.isolation.severity import Severity

_COLOR_OF = {
    Severity.CRITICAL: "red", Severity.HIGH: "orange", Severity.MEDIUM: "violet",
    Severity.LOW: "gray", Severity.INFO: "gray",
}  # fmt: skip

COLUMN = st.column_config.MultiselectColumn(
    options=list(map(str, Severity)), color=list(_COLOR_OF.values()), width=84
)
"""The column *Severity* of what `with_chips` returns."""


def badge(severity: Severity) -> None:
    """Draw a severity in its colour."""
    st.badge(severity, color=_COLOR_OF[severity])  # type: ignore[arg-type]


def with_chips(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a frame whose column *Severity* is drawn as chips: lists of one."""
    shown = frame.copy()
    shown["Severity"] = [[severity] for severity in shown["Severity"]]
    return shown
