"""Pieces drawn on several pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.app import navigation, permits, read, runtime, state_keys, unreadable
from dashboard.draw import notices, usage_tables
from dashboard.draw.chosen import Link, open_box, rows_table
from dashboard.draw.formatting import age, escaped, figure, figure_bytes, markdown
from dashboard.draw.measures import COLUMNS, WORDS
from services.figures import Amount, Measure, Usage
from services.usage.refresh import CollectorState
from services.usage.snapshot import Snapshot, StoreFigures

_POINTS = 60


def snapshot_or_stop(title: str) -> Snapshot:
    """Draw the page's title and return the newest figures, or draw the loading state and stop."""
    state = read.state()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, width="stretch")
        with st.container(width="content"):
            freshness(state)
    if state.problem:
        st.error(
            f"The last refresh failed: {markdown(str(state.problem))}", icon=":material/error:"
        )
    if state.snapshot is None:
        st.caption("Asking the stores for the first time…")
        for height in (110, 340, 200):
            st.skeleton(height=height)
        st.stop()
    partial_banner(state.snapshot)
    return state.snapshot


def freshness(state: CollectorState) -> None:
    """Draw how old the figures are, with a refresh button; follows newer figures by itself."""
    shown = state.snapshot.collected_at if state.snapshot else None
    settled = state.snapshot is not None and state.snapshot.settled
    watch = st.fragment(_watch, run_every="5s" if settled and not state.refreshing_since else "1s")
    watch(shown, state.refreshing_since is not None)


@unreadable.calmly()
def _watch(shown: datetime | None, refreshing: bool) -> None:
    state = read.state()
    now_shown = state.snapshot.collected_at if state.snapshot else None
    if now_shown != shown or (state.refreshing_since is not None) != refreshing:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        words = "Refreshing…" if refreshing else "Refresh"
        if st.button(words, icon=":material/refresh:", disabled=refreshing, type="tertiary"):
            runtime.desk().fleet.refresh()
            st.rerun()
        st.caption(f"Figures from {age(shown)}" if shown else "No figures yet")


def fleet_figures(snapshot: Snapshot) -> None:
    """Draw the four measures of the whole fleet as cards, each with its recent past."""
    with _cards():
        for measure, figures in snapshot.stores.items():
            points = [point.count for point in read.history(measure)[-_POINTS:]]
            _card(figures, figures.total, missing=notices.last_good(figures), points=points)


def owner_figures(usage: Usage, snapshot: Snapshot) -> None:
    """Draw the four measures of one owner as cards."""
    with _cards():
        for measure, figures in snapshot.stores.items():
            _card(figures, usage.of(measure), missing=notices.last_read(figures))


def _cards() -> DeltaGenerator:
    return st.grid(4, gap="small", min_column_width=190)


def _card(
    figures: StoreFigures, amount: Amount | None, *, missing: str, points: Sequence[int] = ()
) -> None:
    st.metric(
        WORDS[figures.measure].title,
        figure(amount, figures.precision),
        delta=missing if amount is None else _size(figures.measure, amount),
        delta_color=WORDS[figures.measure].color,
        delta_arrow="off",
        chart_data=points if len(points) > 1 else None,
        chart_type="area",
        border=True,
        height="stretch",
        help=str(figures.reason or "") if amount is None else notices.precision_note(figures),
    )


def _size(measure: Measure, amount: Amount) -> str:
    if amount.bytes is None:
        return "size not told by the store"
    return figure_bytes(amount) + WORDS[measure].where


def partial_banner(snapshot: Snapshot) -> None:
    """Say which stores are unknown, since when, and what was last known."""
    for measure, figures in snapshot.stores.items():
        if figures.failed and measure is not Measure.SESSIONS:
            st.warning(
                f"{WORDS[measure].title} unknown: {markdown(str(figures.reason or ''))}. "
                f"{markdown(notices.last_good(figures).capitalize())}.",
                icon=":material/cloud_off:",
            )


def _numbers(form: Literal["bytes", "localized"]) -> dict[str, Any]:
    sized = form == "bytes"
    found = {name: column for name, column in COLUMNS.items() if column.is_size is sized}
    return {n: st.column_config.NumberColumn(format=form, help=c.help) for n, c in found.items()}


USAGE_COLUMNS = {
    **_numbers("bytes"),
    **_numbers("localized"),
    "Knowledge bases": st.column_config.NumberColumn(format="localized"),
    "First write": st.column_config.DatetimeColumn(format="distance"),
    "Last write": st.column_config.DatetimeColumn(format="distance"),
    "Created": st.column_config.DatetimeColumn(format="distance"),
    "Last access": st.column_config.DatetimeColumn(format="distance"),
    "Expires in": st.column_config.NumberColumn(format="duration"),
}

SIZE_WIDTH = 88
"""Pixels that a size takes, or the word for one that is not known."""

COLLECTION_COLUMNS = USAGE_COLUMNS | {
    "Size": st.column_config.NumberColumn(format="bytes", width=SIZE_WIDTH)
}


def kind_columns(kinds: Mapping[str, int]) -> dict[str, Any]:
    """Return how a table of kinds is drawn: the count as an inline bar."""
    return {"Keys": _bar("Keys", kinds.values())}


def usage_table(frame: pd.DataFrame, *, key: str, alt: str) -> None:
    """Draw a table of owners or kb_ids: numbers with units, and `unknown` where not known."""
    shown, written = usage_tables.told(frame)
    st.dataframe(
        shown,
        key=key,
        alt=alt,
        hide_index=True,
        placeholder=usage_tables.NONE,
        column_config=USAGE_COLUMNS | unknown_columns(written),
    )


def unknown_columns(names: Iterable[str]) -> dict[str, Any]:
    """Return how columns are drawn of which something is not known."""
    helps = {name: COLUMNS[name].help if name in COLUMNS else None for name in names}
    return {n: st.column_config.TextColumn(help=h, alignment="right") for n, h in helps.items()}


def tenants_table(frame: pd.DataFrame, *, key: str, alt: str, bar: str | None = None) -> None:
    """Draw tenants, each row with a button that opens the tenant; `bar` is drawn as a bar."""
    names = frame["Tenant"].tolist()
    open_box("tenant", names, names, key=key, leads=_way_to_tenant)
    shown, written = usage_tables.told(frame)
    pinned = st.column_config.TextColumn(pinned=True, width="medium")
    config: dict[str, Any] = USAGE_COLUMNS | {"Tenant": pinned}
    if bar is not None:
        shown.insert(1, bar, shown.pop(bar))
        config[bar] = _bar(bar, frame[bar].dropna())
    rows_table(
        shown, names, names, key=key, opened=open_tenant, alt=alt, height="content",
        placeholder=usage_tables.NONE, column_config=config | unknown_columns(written),
    )  # fmt: skip


def _bar(column: str, numbers: Iterable[int | None]) -> Any:
    """Return a column that draws its number as a bar, the largest the longest."""
    most = int(max((number for number in numbers if number is not None), default=0))
    return st.column_config.ProgressColumn(
        format="bytes" if COLUMNS[column].is_size else "localized",
        max_value=max(most, 1),
        color=WORDS[COLUMNS[column].measure].color,
    )


def _way_to_tenant(name: str) -> Link:
    return "tenant", {state_keys.TENANT: name}


def open_tenant(name: str) -> None:
    """Go to a tenant's page; `name` is the tenant as `visible` writes it."""
    st.switch_page(navigation.row("tenant").file, query_params={state_keys.TENANT: name})


def draw_notices(found: Sequence[notices.Notice]) -> None:
    """Draw what needs attention, each line with a link to the page that shows more."""
    icons = {
        notices.Level.ERROR: ":red[:material/error:]",
        notices.Level.WARNING: ":orange[:material/warning:]",
        notices.Level.INFO: ":gray[:material/info:]",
    }
    for notice in found:
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
            st.markdown(f"{icons[notice.level]} {escaped(notice.text)}", width="stretch")
            permits.link(notice.page, query=notice.query)


def sidebar() -> None:
    """Draw what holds on every page: which stores these are."""
    with st.sidebar:
        if runtime.is_embedded():
            st.badge("Embedded engines", icon=":material/deployed_code:", color="gray")
            st.caption("No store is configured: ClickHouse's engine, Valkey, Qdrant's local mode "
                       "and a stand-in for KATO's API run inside this dashboard.")  # fmt: skip
