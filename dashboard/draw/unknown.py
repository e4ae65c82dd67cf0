"""What is not known is said as such: never as none, and never as a word in a cell that is cut."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from dashboard.app import outage, permits
from dashboard.draw import usage_tables
from dashboard.draw.formatting import few
from dashboard.draw.measures import COLUMNS, WORDS
from dashboard.draw.notices import last_read
from services.figures import Measure, StoreState
from services.usage.snapshot import Snapshot, StoreFigures


def why(figures: StoreFigures) -> str:
    """Say in a few words why not all of a measure is known: `Redis is down`. Pure."""
    store = WORDS[figures.measure].store
    if figures.state is StoreState.NOT_CONFIGURED:
        return f"{store} is not configured"
    if figures.failed:
        return f"{store} {outage.what(figures.reason)}"
    return f"{store} was not read to the end"


def lacking(snapshot: Snapshot | None, measures: Iterable[Measure] = Measure) -> str:
    """Say why what was not found may be there all the same; empty where it is not. Pure."""
    if snapshot is None:
        return "nothing was read so far"
    wanted = set(measures)
    found = [why(snapshot.stores[each]) for each in snapshot.in_part if each in wanted]
    return ", ".join(dict.fromkeys(found))


def nothing(
    text: str, snapshot: Snapshot | None, *, measures: Iterable[Measure] = Measure,
    icon: str = ":material/inbox:", what: str = "what there is",
) -> None:  # fmt: skip
    """Say that there is nothing; where something may be there, that `what` is unknown, and why."""
    missing = lacking(snapshot, measures)
    if not missing:
        st.info(text, icon=icon)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(f"Unknown {what}: {missing}.", icon=":material/cloud_off:", width="stretch")
        permits.link("system", "State of the stores")


def first_steps() -> None:
    """Draw links to what can be done where there is no tenant yet."""
    with st.container(horizontal=True):
        for page, label in (("setup", "Set one up"), ("imports", "Import data"),
                            ("new_session", "Create a session")):  # fmt: skip
            permits.link(page, label)


def no_tenant(frame: pd.DataFrame, snapshot: Snapshot) -> None:
    """Say that none of a frame's tenants matches, or that there is none to match."""
    if len(frame):
        nothing("No tenant matches.", snapshot, icon=":material/search_off:",
                what="whether a tenant matches")  # fmt: skip
    else:
        nothing("There is no tenant yet.", snapshot, what="which tenants there are")
        if not lacking(snapshot, Measure):
            first_steps()


def or_none(snapshot: Snapshot, measures: Iterable[Measure], text: str = "None.") -> None:
    """Say in a line that there is none; where some may be there, that it is unknown, and why."""
    missing = lacking(snapshot, measures)
    st.caption(f"Unknown: {missing}." if missing else text)


def measure(snapshot: Snapshot, of: Measure) -> None:
    """Say in a line why a measure is not known, and how old what was known last is."""
    figures = snapshot.stores[of]
    st.caption(f"Unknown: {why(figures)}, {last_read(figures)}.")


def no_ranking(frame: pd.DataFrame, column: str, snapshot: Snapshot) -> str:
    """Say why rows cannot be ranked by a column; empty where they can. Pure."""
    if column not in usage_tables.unknown_columns(frame):
        return ""
    return f"{column} is unknown ({_reason(column, snapshot)})"


def cells(frame: pd.DataFrame, snapshot: Snapshot) -> None:
    """Say above a table of owners which of its dashes mean unknown, and why."""
    columns = usage_tables.unknown_columns(frame)
    if columns:
        st.caption(f":material/cloud_off: {cells_words(columns, snapshot)}")


def cells_words(columns: Iterable[str], snapshot: Snapshot) -> str:
    """Say which columns' dashes mean unknown, and why: `Keys, Memory (Redis is down)`."""
    by_reason: dict[str, list[str]] = {}
    for name in columns:
        by_reason.setdefault(_reason(name, snapshot), []).append(name)
    parts = [f"{', '.join(names)} ({reason})" for reason, names in by_reason.items()]
    return f"A dash means unknown: {'; '.join(parts)}."


def _reason(column: str, snapshot: Snapshot) -> str:
    """Say why cells of a column are not known; times come with the patterns."""
    if column == usage_tables.HELD:
        return lacking(snapshot) or "not all is read"
    measure = COLUMNS[column].measure if column in COLUMNS else Measure.PATTERNS
    figures = snapshot.stores[measure]
    if figures.total is None:
        return why(figures)
    return f"{WORDS[measure].store} does not tell"


def dashes(frame: pd.DataFrame, columns: Iterable[str], why_not: str = "") -> None:
    """Say above another table that a dash in these columns means unknown, where there is one."""
    found = [name for name in columns if name in frame and frame[name].isna().any()]
    if found:
        reason = f" {why_not}" if why_not else ""
        st.caption(f"A dash means unknown: {few(found, len(found))}.{reason}")
