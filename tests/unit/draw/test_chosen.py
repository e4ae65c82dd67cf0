"""A row that is chosen is that row: never another one that came into its place."""

from __future__ import annotations

from hypothesis import given, strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.draw.chosen import key_of

NAMES = st.lists(st.text(), max_size=4)


@given(NAMES, NAMES)
def test_a_table_is_another_where_its_rows_are(one: list[str], other: list[str]) -> None:
    """In their order; and any text, bytes that are not UTF-8 among them, makes a key."""
    assert (key_of("t", one) == key_of("t", other)) == (one == other)
    assert key_of("t", [*one, "\udcff"]) != key_of("t", [*one, "\xff"])
    key_of("t", ["\ud800"]).encode()


def page() -> None:
    import pandas as pd
    import streamlit as st

    from dashboard.draw.chosen import rows_table

    rows = st.session_state.get("rows", ["a", "b"])
    chosen = rows_table(
        pd.DataFrame({"Name": rows}), rows, rows, key="t", select="single-row",
        opened=lambda row: st.caption(f"opened {row}"), column_config={}, alt="Names",
    )  # fmt: skip
    st.caption(f"chosen {chosen}")


def test_neither_a_selection_nor_a_click_goes_to_what_took_its_place() -> None:
    app = AppTest.from_function(page).run()
    key = app.dataframe[0].key
    app.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.session_state[f"{key}_open"] = {"row": 1}
    app.run()
    assert [each.value for each in app.caption] == ["opened b", "chosen ('a',)"]
    app.session_state["rows"] = ["z", "a", "b"]
    app.run()
    assert [each.value for each in app.caption] == ["chosen ()"]
    assert not app.exception
