"""What a tenant had over time: a chart of one figure, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.app.cache import cached
from dashboard.draw import charts
from dashboard.draw.downloads import download
from dashboard.draw.formatting import moment, number, size
from dashboard.draw.measures import COLUMNS, WORDS
from services.access.viewer import Action
from services.errors import StoreError
from services.figures import Measure
from services.history import formats
from services.history.models import Cell, Holder, OwnerKind, quantities_of
from services.tenancy.kb_ids import TenantKey

RANGES = {
    "24 h": (timedelta(days=1), 900),
    "7 d": (timedelta(days=7), 3600),
    "30 d": (timedelta(days=30), 4 * 3600),
    "90 d": (timedelta(days=90), 12 * 3600),
    "1 y": (timedelta(days=365), 86_400),
}
"""How far back a chart goes, and how many seconds each of its points is of."""

_A_LINE = 2  # points that it takes


def draw(tenant: TenantKey, configured: Sequence[Measure]) -> None:
    """Draw the choice of a figure and a range, and the chart."""
    st.header("Over time")
    figures = [name for name, column in COLUMNS.items() if column.measure in configured]
    if not figures:
        st.caption("No store is configured.")
        return
    with st.container(horizontal=True):
        name = st.segmented_control(
            "Figure", figures, default=figures[0], key=state_keys.FIGURE, required=True,
            bind="query-params",
        )  # fmt: skip
        span = st.segmented_control(
            "Range", list(RANGES), default="7 d", key=state_keys.RANGE, required=True,
            bind="query-params",
        )  # fmt: skip
    column = COLUMNS[name]
    quantity = quantities_of(column.measure)[column.is_size]
    try:
        cells = _series(Holder(OwnerKind.TENANT, str(tenant)), quantity, span)
    except StoreError:
        st.caption("Unknown: this product's own records did not answer.")
        return
    _chart(name, cells)
    download(frame_of(cells), f"over_time_{quantity}", tenants=[tenant])


@cached(Action.SEE_FLEET, seconds=30, entries=64)
def _series(holder: Holder, quantity: str, span: str) -> tuple[Cell, ...]:
    back, step = RANGES[span]
    now = datetime.now(UTC) + timedelta(seconds=1)  # with this second too
    return runtime.desk().history.series(holder, quantity, now - back, now, step)


def _chart(name: str, cells: Sequence[Cell]) -> None:
    known = [cell for cell in cells if cell.rollup is not None]
    if len(known) < _A_LINE:
        st.caption("Charts begin with the second point: what changes is kept from now on.")
        return
    column = COLUMNS[name]
    st.plotly_chart(
        charts.over_time(column.measure, cells, is_size=column.is_size), key=f"over_time_{name}",
        config={"displayModeBar": False}, theme="streamlit",
    )  # fmt: skip
    st.caption(
        f"{WORDS[column.measure].title}: {words(known, is_size=column.is_size)} Known since "
        f"{moment(known[0].began)}; where the line stops it was not known."
    )


def words(known: Sequence[Cell], *, is_size: bool) -> str:
    """Say how a figure went, from what to what and within what: for those who see no chart."""
    rollups = [cell.rollup for cell in known if cell.rollup is not None]
    found = (
        rollups[0].first, rollups[-1].last,
        min(did.least for did in rollups), max(did.most for did in rollups),
    )  # fmt: skip
    first, last, least, most = map(size if is_size else number, found)
    return f"from {first} to {last}, between {least} and {most}."


def frame_of(cells: Sequence[Cell]) -> pd.DataFrame:
    """Return one row a span, as the file has it: counts exact, times in UTC. Pure."""
    frame = pd.DataFrame(formats.rows(cells), columns=list(formats.COLUMNS))
    return frame.astype(dict.fromkeys(("first", "last", "min", "max", "margin"), "Int64"))
