"""Tenants: those that are parked, with what that saves."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import read, runtime
from dashboard.draw import figures
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import markdown, visible
from dashboard.parking import tables
from services.bill.models import Costs
from services.errors import SettingsError, StoreError
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
        tables.parked_frame(parked, names, _costs(parked)), parked,
        [str(each.tenant) for each in parked],
        key="parked", opened=_open, height="content" if len(parked) <= _FEW else "auto",
        alt="Parked tenants: since when, what that saves, the archive's size, by whom and why",
        column_config={
            "Tenant": st.column_config.TextColumn(pinned=True, width="medium"),
            "Parked": figures.TIME,
            "Saved": st.column_config.TextColumn(width="large"),
            "Archive": st.column_config.NumberColumn(format="bytes"),
        },
    )  # fmt: skip


def _costs(parked: Sequence[Parked]) -> Costs:
    """Return what each would cost a month; nothing where no prices are set, or none can be read."""
    try:
        return runtime.desk().bill.monthly({each.tenant: each.saved for each in parked})
    except (StoreError, SettingsError) as exc:
        st.caption(f"What that saves is unknown: {markdown(str(exc))}.")
        return {}


def _open(parked: Parked) -> None:
    figures.open_tenant(visible(str(parked.tenant)))
