"""Tenants: those that are parked, with what that saves."""

from __future__ import annotations

import streamlit as st

from dashboard.app import read, runtime
from dashboard.draw import figures
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import visible
from dashboard.parking import tables
from services.parking.models import Parked

_FEW = 10


def draw() -> None:
    """Draw them, each with a button that opens it; nothing where none is."""
    parked = tuple(runtime.desk().parking.every().values())
    if not parked:
        return
    st.header("Parked")
    st.caption("What is theirs alone is in archives and in no store, and can be brought back.")
    cards = read.cards() or {}
    names = {tenant: card.name for tenant, card in cards.items()}
    rows_table(
        tables.parked_frame(parked, names), parked, [str(each.tenant) for each in parked],
        key="parked", opened=_open, height="content" if len(parked) <= _FEW else "auto",
        alt="Parked tenants: since when, what that saves, the archive's size, by whom and why",
        column_config={
            "Tenant": st.column_config.TextColumn(pinned=True, width="medium"),
            "Parked": figures.TIME,
            "Saved": st.column_config.TextColumn(width="large"),
            "Archive": st.column_config.NumberColumn(format="bytes"),
        },
    )  # fmt: skip


def _open(parked: Parked) -> None:
    figures.open_tenant(visible(str(parked.tenant)))
