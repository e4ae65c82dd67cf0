"""Pieces that show sessions on several pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.app import navigation, permits, read, state_keys
from dashboard.app.cache import cached
from dashboard.draw import figures, unknown, usage_tables
from dashboard.draw.chosen import Link, open_box, rows_table
from dashboard.draw.formatting import escaped, plural
from dashboard.sessions import tables as session_tables
from services.access.viewer import Action
from services.tenancy.kb_ids import TenantKey
from services.usage.readings import SessionRecord
from services.usage.snapshot import Snapshot

UNITS = {"minutes": 60, "hours": 3600, "days": 86_400}
ROWS_SHOWN = 10
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@cached(Action.SEE_FLEET, key=lambda snapshot: snapshot.collected_at, newest=True, any_role=True)
def session_rows(snapshot: Snapshot) -> pd.DataFrame:
    """Return one row a session, made once a snapshot."""
    return session_tables.list_frame(snapshot.sessions or (), read.ownership())


@cached(Action.SEE_FLEET, key=lambda snapshot: snapshot.collected_at, newest=True, any_role=True)
def choices(snapshot: Snapshot) -> Mapping[str, Sequence[str]]:
    """Return what there is in the columns that the list can be filtered by, in its order."""
    rows = session_rows(snapshot)
    return {name: sorted(rows[name].unique()) for name in ("Tenant", "scheme", "kind")}


def tenants_of(snapshot: Snapshot, places: Iterable[int]) -> Callable[[], Collection[TenantKey]]:
    """Return what says whose the sessions in these places of the snapshot are."""

    def whose() -> Collection[TenantKey]:
        sessions, ownership = snapshot.sessions or (), read.ownership()
        claims = (ownership.owner(sessions[place].owner) for place in places)
        return {tenant for claim in claims for tenant in claim.tenants}

    return whose


def duration(label: str, *, hint: str, key: str) -> int:
    """Draw an input for a time to live and return it in seconds."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(label, min_value=1, value=1, help=hint, key=f"{key}_length")
        st.segmented_control(
            "Unit", list(UNITS), default="hours", required=True, label_visibility="collapsed",
            key=f"{key}_unit",
        )  # fmt: skip
    return duration_of(key)


def duration_of(key: str) -> int:
    """Return what such an input holds now, in seconds."""
    length = st.session_state[f"{key}_length"]
    return int(length) * UNITS[st.session_state[f"{key}_unit"] or "hours"]


LIST_COLUMNS: dict[str, Any] = figures.USAGE_COLUMNS | {
    "Memory": st.column_config.NumberColumn(format="bytes"),
    "STM": st.column_config.NumberColumn(help="Events in the short-term memory"),
    "Session": st.column_config.TextColumn(pinned=True, width=150),
}


FIRST = ("Session", "Open", "Tenant", "Node", "State", "Expires in", "Last access")
"""What stands in a page of 1400 where sessions of all tenants are; the rest is in the menu."""


def of_kb(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the sessions of the one kb_id that the address names, and say so; else all."""
    asked = st.query_params.get(state_keys.SESSIONS_KB, "")
    if not asked:
        return frame
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Only sessions of the kb_id {escaped(asked)}", width="content")
        st.button("Of every kb_id", icon=":material/close:", type="tertiary", on_click=_of_every)
    return frame[frame["kb_id"] == asked]


def _of_every() -> None:
    st.query_params.pop(state_keys.SESSIONS_KB, None)


def sessions_table(
    frame: pd.DataFrame, records: Sequence[SessionRecord], *, key: str, select: bool = False
) -> tuple[SessionRecord, ...]:
    """Draw sessions, each row with a button that opens it; return those that are selected.

    `records` are those of the rows. With `select` this is the page that shows one, too.
    """
    names = [
        f"{session} · {node}" for session, node in zip(frame["Session"], frame["Node"], strict=True)
    ]
    ways: dict[str, Any] = {"opened": open_session} if select else {"leads": _way}
    open_box("session", records, names, key=key, **ways)
    unknown.dashes(frame, ["STM", "Memory", "Created", "Last access"])
    if frame["Expires in"].isna().any():
        st.caption("A dash under Expires in means never.")
    return rows_table(
        frame, records, [record.key for record in records], key=key, opened=open_session,
        select="multi-row" if select else None, alt="Sessions", height="content",
        placeholder=usage_tables.NONE, column_config=LIST_COLUMNS,
        column_order=FIRST if "Tenant" in frame else None,
    )  # fmt: skip


def tenants_sessions(tenant: str, records: Sequence[SessionRecord]) -> None:
    """Draw the sessions of one tenant, the last used first, each with a link to it."""
    ordered = sorted(records, key=lambda one: one.last_accessed or LONG_AGO, reverse=True)
    first = ordered[:ROWS_SHOWN]
    sessions_table(usage_tables.sessions_frame(first), first, key="tenants_sessions")
    label = f"All {plural(len(records), 'session')} of this tenant"
    permits.link("sessions", label, {state_keys.SESSIONS_TENANT: tenant})


def _way(record: SessionRecord) -> Link:
    return "sessions", {state_keys.SESSION: session_tables.link_of(record)}


def open_session(record: SessionRecord) -> None:
    """Go to one session on the Sessions page."""
    query = {state_keys.SESSION: session_tables.link_of(record)}
    navigation.go("sessions", query)
