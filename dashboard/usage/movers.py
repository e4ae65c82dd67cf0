"""Who grew and who shrank: a table, and what the fleet did."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard.app import navigation, runtime
from dashboard.app.cache import cached
from dashboard.draw import figures
from dashboard.draw.chosen import open_box, rows_table
from dashboard.draw.downloads import download
from dashboard.draw.formatting import markdown, moment, visible
from dashboard.draw.over_time import Choice
from dashboard.draw.usage_tables import NONE
from dashboard.usage import tables
from services.access.viewer import Action
from services.errors import StoreError
from services.history.models import OwnerKind
from services.history.movers import Move, Movers
from services.tenancy.kb_ids import TenantKey

MOST = 200
"""Rows that are drawn; the file has all."""


def draw(choice: Choice) -> None:
    """Draw who has more or less of a figure than when the range began."""
    st.header("Who grew and who shrank")
    try:
        found, frame = _movers(choice)
    except StoreError as exc:
        st.caption(f"Unknown: {exc.problem.nameless()}.")
        return
    if found.unknown:
        st.caption(f"Unknown all that time: {markdown(found.unknown)}.")
        return
    if found.began == found.ended:
        st.caption(f"Read once, at {moment(found.began)}: a change takes two moments.")
        return
    st.caption(tables.sentence(found, choice.name))
    if found.moves:
        _table(found, frame, choice)


@cached(Action.SEE_FLEET, seconds=30, entries=64, any_role=True)
def _movers(choice: Choice) -> tuple[Movers, pd.DataFrame]:
    """Return who moved, and the rows of all: a large fleet's take longer to make than to draw."""
    since, until = choice.bounds(datetime.now(UTC))
    found = runtime.desk().history.movers(since, until, choice.quantity)
    return found, tables.frame(found)


def _open(move: Move) -> None:
    if move.holder.kind is OwnerKind.TENANT:
        figures.open_tenant(visible(move.holder.tenant))
    navigation.go("tenants")  # what is shared or unowned is told there


def _table(found: Movers, frame: pd.DataFrame, choice: Choice) -> None:
    tenants = [move.holder.tenant for move in found.moves if move.holder.tenant]
    shown = [visible(name) for name in tenants[:MOST]]
    open_box("tenant", shown, shown, key="movers", leads=figures.way_to_tenant)
    rows = found.moves[:MOST]
    drawn, config = tables.exact(frame.head(MOST), tables.columns(choice.name))
    rows_table(
        drawn, rows, frame["Owner"].head(MOST).tolist(), key="movers",
        alt="Owners whose figure changed, the largest change first", height="content", opened=_open,
        placeholder=NONE, column_config=config,
    )  # fmt: skip
    if len(found.moves) > MOST:
        st.caption(f"The {MOST} largest changes of {len(found.moves):,}; the file has all.")

    def whose() -> list[TenantKey]:
        return [TenantKey.written(name) for name in tenants]

    download(frame, f"movers_{choice.quantity}", tenants=whose, read_at=found.ended)
