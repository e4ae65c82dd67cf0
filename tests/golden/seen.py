"""What a page says: each of its elements with its texts and its state, in the page's order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

_READ = {
    "label", "body", "delta", "code_text", "text", "message", "title", "content", "value",
    "default", "options", "placeholder", "alt", "help", "icon", "page", "query_string",
    "num_pages", "disabled",
}  # fmt: skip
"""The fields of Streamlit's elements and blocks that are read by people."""

_BLOCKS = {"expandable", "tab", "popover", "dialog"}


def seen(app: AppTest) -> str:
    """Return one line an element, and one a row of its table; the sidebar comes last."""
    return "".join(f"{line}\n" for line in _lines(app._tree))


def _lines(node: Any) -> Iterator[str]:
    facts = dict(_facts(getattr(node, "proto", None)))
    if facts:
        yield f"{node.type}: {json.dumps(facts, ensure_ascii=False)}"
    if isinstance(getattr(node, "value", None), pd.DataFrame):
        yield from (f"    {row}" for row in node.value.to_csv().splitlines())
    for child in getattr(node, "children", {}).values():
        yield from _lines(child)


def _facts(proto: Any) -> Iterator[tuple[str, Any]]:
    for field, value in proto.ListFields() if proto is not None else ():
        if field.name in _READ:
            yield field.name, _plain(value)
        elif field.name in _BLOCKS:
            yield from _facts(value)
        elif field.name == "spec":  # of a chart
            yield field.name, json.loads(value)["data"]
        elif field.name == "columns" and isinstance(value, str):  # how a table shows them
            yield field.name, json.loads(value)


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    return dict(_facts(value)) if hasattr(value, "ListFields") else [_plain(each) for each in value]
