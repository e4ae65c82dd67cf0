"""Tables whose rows can be selected or opened: what is chosen is a row, and not its place.

Streamlit keeps a selection and a click by the number of the row. So a table's widgets go by what
its rows are: when others come into their places it is another table, of which nothing is chosen.

No cell of a table reacts to a key. So a row can be chosen by its name too, in a box above it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import pandas as pd
import streamlit as st

from dashboard.app import permits
from dashboard.draw.formatting import escaped, short, visible

Row = TypeVar("Row")
Link = tuple[str, Mapping[str, str]]
"""A page by its name, and the query of its address."""


def key_of(table: str, names: Iterable[str]) -> str:
    """Return the key of a table's widget while its rows are these, in this order.

    `names` are any texts that tell the rows apart.
    """
    told = hashlib.blake2s(digest_size=8)
    for name in names:
        told.update(visible(name).encode() + b"\0")
    return f"{table}_{told.hexdigest()}"


def name_box(label: str, rows: Sequence[Row], names: Sequence[str], *, key: str) -> Row | None:
    """Draw a box in which a row is chosen by its name, any part of it typed; return the row.

    `names` are visible already. Nothing is taken that does not hold what was typed.
    """
    at = st.selectbox(
        label, range(len(rows)), index=None, format_func=lambda at: names[at], placeholder=label,
        key=key_of(key, names), filter_mode="contains", label_visibility="collapsed", width=360,
    )  # fmt: skip
    return rows[at] if at is not None and at < len(rows) else None


def open_box(
    noun: str, rows: Sequence[Row], names: Sequence[str], *, key: str,
    leads: Callable[[Row], Link] | None = None, opened: Callable[[Row], None] | None = None,
) -> None:  # fmt: skip
    """Draw the way to open a row by keyboard: its name, and then a link or button to go there.

    `noun` is what a row is. `leads` says where another page shows it, which is a link that can be
    copied; `opened` goes there on the same page.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        row = name_box(f"Open {noun} …", rows, names, key=f"{key}_named")
        if row is None:
            return
        label = f"Open {escaped(short(names[rows.index(row)]))}"
        if leads is not None:
            page, query = leads(row)
            permits.link(page, label, query)
        elif opened is not None and st.button(label, icon=":material/open_in_new:",
                                              key=f"{key}_go"):  # fmt: skip
            opened(row)


def rows_table(
    frame: pd.DataFrame, rows: Sequence[Row], names: Iterable[str], *, key: str,
    opened: Callable[[Row], None] | None = None,
    select: Literal["single-row", "multi-row"] | None = None,
    column_config: dict[str, Any], **options: Any,
) -> tuple[Row, ...]:  # fmt: skip
    """Draw a frame of one line a row, and return the rows that are selected.

    `names` tell the rows apart. With `opened`, which goes to a row, each has a button for it;
    `select` says how many rows can be selected.
    """
    key = key_of(key, names)
    if opened is not None:
        button = f"{key}_open"
        clicked = st.session_state.get(button)
        if clicked is not None and 0 <= clicked["row"] < len(rows):
            opened(rows[clicked["row"]])
        frame = frame.copy(deep=False)
        frame.insert(1, "Open", ":material/open_in_new:")
        opening = st.column_config.ButtonColumn("Open", key=button, type="tertiary", width=56)
        column_config = {**column_config, "Open": opening}
    event: Any = st.dataframe(
        frame, key=key, hide_index=True, column_config=column_config,
        on_select="rerun" if select else "ignore", selection_mode=select or "multi-row", **options,
    )  # fmt: skip
    chosen = event["selection"]["rows"] if select else ()
    return tuple(rows[at] for at in chosen if at < len(rows))
