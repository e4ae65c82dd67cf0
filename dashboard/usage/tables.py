"""Movers as table rows and words. Pure."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.draw.formatting import moment, number, plural, size, visible
from dashboard.draw.measures import OVER_TIME
from dashboard.draw.over_time import whole_numbers
from dashboard.draw.usage_tables import SHARED, UNOWNED
from services.history.models import OwnerKind
from services.history.movers import Move, Movers

NAMES = {OwnerKind.SHARED: SHARED, OwnerKind.NOBODY: UNOWNED}
FRAME = ("Owner", "Before", "After", "Change", "±", "Change in %", "New or gone")
_WHOLE = ("Before", "After", "Change", "±")
_NAME, _NUMBER = 260, 120  # pixels
_BROWSERS = 2**53


def frame(found: Movers) -> pd.DataFrame:
    """Return one row an owner, the largest change first; no per cent of nothing.

    The margin has a column where some figure was sampled.
    """
    rows = pd.DataFrame(map(_row, found.moves), columns=list(FRAME), dtype=object)
    rows = whole_numbers(rows, _WHOLE)
    return rows if any(move.margin for move in found.moves) else rows.drop(columns="±")


def _row(move: Move) -> tuple[object, ...]:
    name = visible(move.holder.tenant) or NAMES[move.holder.kind]
    share = None if move.share is None else float(move.share * 100)
    state = "new" if move.is_new else "gone" if move.is_gone else ""
    return name, move.before.value, move.after.value, move.change, move.margin or None, share, state


def columns(name: str) -> dict[str, Any]:
    """Return how the table of a figure is drawn."""
    form = "bytes" if OVER_TIME[name].is_size else "localized"
    number_column = st.column_config.NumberColumn(format=form, width=_NUMBER)
    return {
        "Owner": st.column_config.TextColumn(pinned=True, width=_NAME),
        **dict.fromkeys(_WHOLE[:-1], number_column),
        "±": st.column_config.NumberColumn(
            format=form,
            width=_NUMBER,
            help="Half the width of the change's 95 % interval, of figures that were sampled",
        ),
        "Change in %": st.column_config.NumberColumn(format="%+.1f", width=_NUMBER),
    }


def exact(frame: pd.DataFrame, config: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a frame and its columns as a browser shows them exactly: it rounds above 2^53."""
    large = [name for name in frame.columns.intersection(list(_WHOLE))
             if frame[name].abs().max() > _BROWSERS]  # fmt: skip
    texts = {name: frame[name].map(number, na_action="ignore").astype("string") for name in large}
    column = st.column_config.TextColumn(width=_NUMBER, alignment="right")
    return frame.assign(**texts), {**config, **dict.fromkeys(large, column)}


def sentence(found: Movers, name: str) -> str:
    """Say between which moments, how many moved, and what the fleet did."""
    between = f"{name} at {moment(found.ended)} against {moment(found.began)}"
    if not found.moves:
        return f"{between}: nothing changed."
    tenants = [move for move in found.moves if move.holder.tenant]
    new = sum(move.is_new for move in tenants)
    gone = sum(move.is_gone for move in tenants)
    counts = f"{plural(len(tenants), 'tenant')} changed, {new:,} new, {gone:,} gone"
    return f"{between}: {counts}. {_fleet(found.fleet, name)}".rstrip()


def _fleet(move: Move | None, name: str) -> str:
    if move is None:
        return ""
    write = size if OVER_TIME[name].is_size else number
    sign = "+" if move.change >= 0 else "−"
    before, after, change = map(write, (move.before.value, move.after.value, abs(move.change)))
    return f"The fleet went from {before} to {after} ({sign}{change})."
