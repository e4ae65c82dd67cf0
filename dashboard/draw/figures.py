"""Pieces drawn on several pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.app import navigation, outage, permits, read, runtime, state_keys, unreadable
from dashboard.app.ending import end_page
from dashboard.app.turns import Pace
from dashboard.draw import cards, limits, notices, unknown, usage_tables
from dashboard.draw.chosen import Link, open_box, rows_table
from dashboard.draw.formatting import age, escaped, figure, figure_bytes, markdown, moment
from dashboard.draw.measures import COLUMNS, WORDS
from dashboard.draw.trend import Trend, trend_of
from services.figures import Amount, Measure, Usage
from services.usage.refresh import CollectorState
from services.usage.snapshot import Snapshot, StoreFigures

_redrawn = Pace(rate=4.0, most=10.0)
"""Pages that are drawn anew by themselves, a second: clicks go first, however many are open.

A page that is held back asks again five seconds later, and has newer figures with each click.
"""


def head(title: str) -> CollectorState:
    """Draw a page's title, how old the figures are, and what is down; return what there is."""
    state = read.state()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, width="stretch")
        with st.container(width="content"):
            freshness(state)
    outage.card(state.snapshot)
    return state


def snapshot_or_stop(title: str) -> Snapshot:
    """Draw the page's title and return the newest figures, or draw the loading state and stop."""
    state = head(title)
    if state.problem:
        st.error(
            f"The last refresh failed: {markdown(str(state.problem))}", icon=":material/error:"
        )
    if state.snapshot is None:
        st.caption("Asking the stores for the first time…")
        for height in (110, 340, 200):
            st.skeleton(height=height)
        end_page()
    return state.snapshot


def freshness(state: CollectorState) -> None:
    """Draw how old the figures are, with a refresh button; follows newer figures by itself."""
    shown = state.snapshot.collected_at if state.snapshot else None
    settled = state.snapshot is not None and state.snapshot.settled
    watch = st.fragment(_watch, run_every="5s" if settled and not state.refreshing_since else "1s")
    watch(shown, state.refreshing_since is not None)


@unreadable.calmly()
def _watch(shown: datetime | None, refreshing: bool) -> None:
    """Draw the page anew once there are newer figures, or a refresh that it waits for has ended.

    That one has begun is said here alone: else each refresh would draw every open page twice.
    """
    state = read.state()
    now_shown = state.snapshot.collected_at if state.snapshot else None
    waited, refreshing = refreshing, state.refreshing_since is not None
    if (now_shown != shown or (waited and not refreshing)) and _redrawn.take():
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        words = "Refreshing…" if refreshing else "Refresh"
        if st.button(words, icon=":material/refresh:", disabled=refreshing, type="tertiary"):
            runtime.desk().fleet.refresh()
            st.rerun()
        if shown:
            st.caption(f"Updated {age(shown)}", help=moment(shown))
        else:
            st.caption("No figures yet")


def fleet_figures(snapshot: Snapshot) -> None:
    """Draw the four measures of the whole fleet as cards, each with its recent past."""
    with _cards():
        for measure, figures in snapshot.stores.items():
            past = trend_of([(at, amount.count) for at, amount in read.history(measure)])
            _card(figures, figures.total, missing=notices.last_good(figures), past=past)


def owner_figures(usage: Usage, snapshot: Snapshot) -> None:
    """Draw the four measures of one owner as cards."""
    with _cards():
        for measure, figures in snapshot.stores.items():
            _card(figures, usage.of(measure), missing=notices.last_read(figures))


def _cards() -> DeltaGenerator:
    return st.grid(4, gap="small", min_column_width=190)


def _card(
    figures: StoreFigures, amount: Amount | None, *, missing: str, past: Trend | None = None
) -> None:
    known = amount is not None
    with st.container(border=True, height="stretch", gap="small"):
        st.metric(
            WORDS[figures.measure].title,
            figure(amount, figures.precision),
            delta=missing if not known else (past.change if past else None),
            delta_color=WORDS[figures.measure].color,
            delta_arrow="off",
            delta_description=past.period if known and past else None,
            chart_data=past.points if past else None,
            chart_type="bar",
            help=_help(figures, past) if known else str(figures.reason or ""),
        )
        if amount is not None:
            st.caption(_size(figures.measure, amount))


def _help(figures: StoreFigures, past: Trend | None) -> str:
    """Return how a figure came about, and in words what its bars show."""
    note = notices.precision_note(figures)
    return f"{note}\n\n{past.words[0].upper()}{past.words[1:]}" if past else note


def _size(measure: Measure, amount: Amount) -> str:
    if amount.bytes is None:
        return "size not available"
    return figure_bytes(amount) + WORDS[measure].where


NAME_WIDTH, NUMBER_WIDTH, TIME_WIDTH, CLAIM_WIDTH = 186, 78, 150, 152
"""Pixels of a tenant's name, a number, a time and its evidence: a page of 1400 has 940."""

TIME = st.column_config.DatetimeColumn(
    format="YYYY-MM-DD HH:mm:ss", timezone="UTC", help="In UTC", width=TIME_WIDTH
)
"""How every table writes a time: exactly. Streamlit says no more of a cell where one points."""


def _numbers(form: Literal["bytes", "localized"]) -> dict[str, Any]:
    sized = form == "bytes"
    found = {name: column for name, column in COLUMNS.items() if column.is_size is sized}
    return {
        name: st.column_config.NumberColumn(format=form, help=column.help, width=NUMBER_WIDTH)
        for name, column in found.items()
    }


USAGE_COLUMNS = {
    **_numbers("bytes"),
    **_numbers("localized"),
    **{
        name: st.column_config.NumberColumn(format="localized")
        for name in ("Knowledge bases", "Rows", "Parts", "Partitions", "Dimension")
    },
    "Ownership": st.column_config.TextColumn(width=CLAIM_WIDTH),
    "Share": st.column_config.NumberColumn(
        format="percent", width=NUMBER_WIDTH, help="Of all that is counted here"
    ),
    **dict.fromkeys(("First write", "Last write", "Created", "Last access", "Read"), TIME),
    "Expires in": st.column_config.NumberColumn(format="duration"),
}

SIZE_WIDTH = 88
"""Pixels that a size takes."""

COLLECTION_COLUMNS = USAGE_COLUMNS | {
    "Size": st.column_config.NumberColumn(format="bytes", width=SIZE_WIDTH)
}


def kind_columns(kinds: Mapping[str, int]) -> dict[str, Any]:
    """Return how a table of kinds is drawn: the count as an inline bar."""
    return {"Keys": _bar("Keys", kinds.values())}


def usage_table(
    frame: pd.DataFrame, snapshot: Snapshot, *, key: str, alt: str, columns: Sequence[str]
) -> None:
    """Draw a table of owners or kb_ids: numbers with units, and a line of what is not known.

    `columns` are shown, in this order, and the others are in the table's menu.
    """
    unknown.cells(frame[list(columns)], snapshot)
    st.dataframe(
        frame, key=key, alt=alt, hide_index=True, placeholder=usage_tables.NONE,
        column_config=USAGE_COLUMNS, column_order=columns,
    )  # fmt: skip


def tenants_table(
    frame: pd.DataFrame, snapshot: Snapshot, *, key: str, alt: str, bar: str | None = None,
    columns: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Draw tenants, each row with a button that opens the tenant.

    `bar` is drawn as a bar, with its share beside it. `columns` are shown beside the name, in this
    order, and the others are in the table's menu; all are shown without it.
    """
    order = None if columns is None else ["Tenant", "Open", *columns]
    unknown.cells(frame if order is None else frame[frame.columns.intersection(order)], snapshot)
    names = frame["Tenant"].tolist()
    open_box("tenant", names, names, key=key, leads=way_to_tenant)
    shown = frame.copy(deep=False)
    pinned = st.column_config.TextColumn(pinned=True, width=NAME_WIDTH)
    config: dict[str, Any] = (
        USAGE_COLUMNS | limits.columns(frame) | cards.columns(frame) | {"Tenant": pinned}
    )
    if bar is not None:
        shown.insert(1, bar, shown.pop(bar))
        shown.insert(2, "Share", shown.pop("Share"))
        config[bar] = _bar(bar, frame[bar].dropna())
    rows_table(
        shown, names, names, key=key, opened=open_tenant, alt=alt, height="content",
        placeholder=usage_tables.NONE, column_config=config, column_order=order,
    )  # fmt: skip


def _bar(column: str, numbers: Iterable[int | None]) -> Any:
    """Return a column that draws its number as a bar, the largest the longest."""
    most = int(max((number for number in numbers if number is not None), default=0))
    return st.column_config.ProgressColumn(
        format="bytes" if COLUMNS[column].is_size else "localized",
        max_value=max(most, 1),
        color=WORDS[COLUMNS[column].measure].color,
    )


def way_to_tenant(name: str) -> Link:
    """Return where a tenant's page is; `name` is the tenant as `visible` writes it."""
    return "tenant", {state_keys.TENANT: name}


def open_tenant(name: str) -> None:
    """Go to a tenant's page; `name` is the tenant as `visible` writes it."""
    navigation.go("tenant", {state_keys.TENANT: name})


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
