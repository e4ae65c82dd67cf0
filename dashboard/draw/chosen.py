"""Tables whose rows can be selected or opened: what is chosen is a row, and not its place.

Streamlit keeps a selection and a click by the number of the row. So a table's widgets go by what
its rows are: when others come into their places it is another table, of which nothing is chosen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

import pandas as pd
import streamlit as st

from dashboard.draw.formatting import visible

Row = TypeVar("Row")


def key_of(table: str, names: Iterable[str]) -> str:
    """Return the key of a table's widget while its rows are these, in this order.

    `names` are any texts that tell the rows apart.
    """
    told = hashlib.blake2s(digest_size=8)
    for name in names:
        told.update(visible(name).encode() + b"\0")
    return f"{table}_{told.hexdigest()}"


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
