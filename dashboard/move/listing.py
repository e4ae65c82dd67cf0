"""Tenants: those that are in another deployment, and which that is."""

from __future__ import annotations

import streamlit as st

from dashboard.app import read, runtime
from dashboard.draw import figures
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import visible
from dashboard.move import tables
from services.move.models import Moved

_FEW = 10


def draw() -> None:
    """Draw them, each with a button that opens it; nothing where none is."""
    moved = tuple(runtime.desk().move.every().values())
    if not moved:
        return
    st.header("Moved")
    st.caption("What was theirs alone is in another deployment, and in no store of this one.")
    cards = read.cards() or {}
    names = {tenant: card.name for tenant, card in cards.items()}
    rows_table(
        tables.moved_frame(moved, names), moved, [str(each.tenant) for each in moved],
        key="moved", opened=_open, height="content" if len(moved) <= _FEW else "auto",
        alt="Tenants that moved: where to, since when, what that was, by whom and why",
        column_config={
            "Tenant": st.column_config.TextColumn(pinned=True, width="medium"),
            "Moved": figures.TIME,
            "What it was": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip


def _open(moved: Moved) -> None:
    figures.open_tenant(visible(str(moved.tenant)))
