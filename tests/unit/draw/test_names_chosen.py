"""A name is chosen by what was typed, a page by its number, and an address can be copied."""

from __future__ import annotations

import ast
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given, strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.draw.chosen import key_of
from dashboard.draw.links import address

DASHBOARD = Path(__file__).parents[3] / "dashboard"


def test_no_box_takes_a_name_that_does_not_hold_what_was_typed() -> None:
    """Streamlit's own way is fuzzy: `alice` and Enter chose another tenant."""
    boxes = [
        (path.relative_to(DASHBOARD), node.lineno, {word.arg: word.value for word in node.keywords})
        for path in DASHBOARD.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"selectbox", "multiselect"}
    ]  # fmt: skip
    assert len(boxes) > 15
    for path, line, words in boxes:
        mode = words.get("filter_mode")
        assert isinstance(mode, ast.Constant), f"{path}:{line}"
        assert mode.value == "contains", f"{path}:{line}"


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
)
def test_an_address_says_what_is_shown_and_nothing_else(query: dict[str, str]) -> None:
    told = address("https://kato.example:8501/base/tenant?q=old&page=7", query)
    assert told.startswith("https://kato.example:8501/base/tenant")
    assert dict(parse_qsl(urlsplit(told).query, keep_blank_values=True)) == query


def rows_page() -> None:
    import streamlit as st

    from dashboard.draw.chosen import open_box
    from dashboard.draw.paging import numbered

    rows = st.session_state.get("rows", ["a", "b", "b"])
    open_box("row", rows, rows, key="t", opened=lambda row: st.caption(f"opened {row}"))
    st.caption(f"page {numbered(400, 'page')}")


def test_a_row_is_opened_by_its_name_and_a_page_by_its_number() -> None:
    """No other row is open when others come into its place."""
    app = AppTest.from_function(rows_page).run()
    assert [each.value for each in app.caption] == ["page 1"]
    app.selectbox(key=key_of("t_named", ["a", "b", "b"])).set_value(1).run()
    app.button(key="t_go").click().run()
    assert [each.value for each in app.caption] == ["opened b", "page 1"]
    app.number_input(key="page_typed").set_value(317).run()
    assert [each.value for each in app.caption] == ["page 317"]
    assert app.query_params["page"] in ("317", ["317"])
    app.session_state["rows"] = ["z", "a"]
    app.run()
    assert not app.button
    assert not app.exception
