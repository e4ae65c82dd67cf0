"""The dashboards on the same records, and which of them reads the stores."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.app import read
from dashboard.draw.formatting import clipped, escaped, markdown, plural, span, visible
from services.errors import Problem
from services.health.models import Dashboard, Dashboards


def draw() -> None:
    """Draw them, where there may be several."""
    found = read.dashboards()
    if found is None:
        return
    st.header("Dashboards")
    if isinstance(found, Problem):
        st.caption(f"Unknown: {markdown(str(found))}.")
        return
    st.caption(escaped(words(found)))
    if found.alone is not None:
        why = markdown(str(found.alone))
        st.info(f"This one reads by itself, and writes nothing of it: {why}.",
                icon=":material/info:")  # fmt: skip
    st.dataframe(
        frame(found), hide_index=True, key="dashboards",
        alt="Each dashboard with what it does, its version and since when it runs",
        column_config={"Runs since": st.column_config.DatetimeColumn(format="distance")},
    )  # fmt: skip


def words(found: Dashboards) -> str:
    """Say which one reads the stores, and whether all are of one version."""
    reads = next((each for each in found.there if each.id == found.collects), None)
    many = plural(len(found.there), "dashboard")
    if reads is None:
        return f"{many}. None reads the stores right now: one begins to within seconds."
    who = "This one" if reads.id == found.this else _name(reads)
    seconds = 0.0 if found.since is None else (found.now - found.since).total_seconds()
    text = f"{many}. {who} reads the stores for all, for {span(max(seconds, 0.0))} now."
    versions = {each.version for each in found.there}
    return text if len(versions) == 1 else f"{text} They are of {len(versions)} versions."


def frame(found: Dashboards) -> pd.DataFrame:
    """Return one row a dashboard, the oldest first."""
    rows = [
        {
            "Dashboard": _name(each) + (" (this one)" if each.id == found.this else ""),
            "Does": _does(each, found), "Version": visible(each.version),
            "Runs since": each.started,
        }
        for each in found.there
    ]  # fmt: skip
    columns = ["Dashboard", "Does", "Version", "Runs since"]
    table = pd.DataFrame(rows, columns=columns)
    table["Runs since"] = pd.to_datetime(table["Runs since"], utc=True)
    return table


def _does(each: Dashboard, found: Dashboards) -> str:
    does = "reads the stores" if each.id == found.collects else "shows what was read"
    return f"{does}, read only" if each.read_only else does


def _name(each: Dashboard) -> str:
    return clipped(visible(each.name), 60)
