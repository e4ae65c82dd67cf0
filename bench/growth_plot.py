"""Draws what `growth` measured: a panel for passes by keys, one for what goes by kb_ids."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import plotly.graph_objects as go
from playwright.sync_api import sync_playwright
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from tests.browser.chromium import find

_PASSES = {
    "bare": ("bare SCAN", "#7d8794"),
    "counts": ("counts", "#1f77b4"),
    "exact": ("exact memory", "#d62728"),
    "sampled": ("sampled memory", "#9467bd"),
}
_BY_KB_ID = {
    "counters": ("KATO's counters", "#2ca02c"),
    "rollup": ("roll-up", "#1f77b4"),
    "objects": ("roll-up, every tenant looked at", "#d62728"),
    "again": ("the same, nothing changed", "#9467bd"),
}
_SIZES = ["keys", "kb_ids"]
_TO_SVG = """async ([data, layout]) =>
    (await Plotly.toImage({data, layout}, {format: "svg", width: 1100, height: 460}))
"""


def write_report(table: pd.DataFrame, folder: Path) -> None:
    """Write the figures as `growth.csv` and draw them as `growth.svg`.

    What the file has of other sizes stays: a large fleet can be measured by itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "growth.csv"
    if path.exists():
        table = pd.concat([pd.read_csv(path), table])
    table = table.drop_duplicates(_SIZES, keep="last").sort_values(_SIZES)
    table.to_csv(path, index=False, float_format="%.8g")
    (folder / "growth.svg").write_text(_svg(_figure(table)), encoding="utf-8")


def _figure(table: pd.DataFrame) -> go.Figure:
    titles = ("A pass, by keys", "What goes by kb_ids")
    figure = make_subplots(1, 2, subplot_titles=titles, horizontal_spacing=0.17)
    _add_lines(figure, table, _PASSES, x="keys", by="kb_ids", col=1)
    _add_lines(figure, table, _BY_KB_ID, x="kb_ids", by="keys", col=2)
    for col, unit in ((1, "key"), (2, "kb_id")):
        figure.update_xaxes(type="log", dtick="D2", title=f"{unit}s", col=col)
        figure.update_yaxes(rangemode="tozero", title=f"µs of processors a {unit}", col=col)
    legend = {"orientation": "h", "y": -0.2, "yanchor": "top", "font_size": 10}
    return figure.update_layout(
        template="plotly_white", font_size=12, margin={"t": 40, "r": 110, "b": 90, "l": 60},
        legend={**legend, "x": 0}, legend2={**legend, "x": 0.6},
    )  # fmt: skip


def _add_lines(
    figure: go.Figure, table: pd.DataFrame, words: dict[str, tuple[str, str]], *, x: str, by: str,
    col: int,
) -> None:  # fmt: skip
    """Add a line for each figure and each size of the other kind, which stands at its end."""
    for at, (size, some) in enumerate(table.groupby(by)):
        sizes = [""] * (len(some) - 1) + [f" {size:,} {by}"]
        for name, (title, color) in words.items():
            line = go.Scatter(
                x=some[x], y=some[name], name=title, legend="legend" if col == 1 else "legend2",
                showlegend=not at, mode="lines+markers+text", text=sizes, textfont_size=9,
                textposition="middle right", line={"color": color}, cliponaxis=False,
            )  # fmt: skip
            figure.add_trace(line, row=1, col=col)


def _svg(figure: go.Figure) -> str:
    """Have plotly draw it in the browser that the tests use."""
    content = figure.to_plotly_json()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find())
        page = browser.new_page()
        page.add_script_tag(content=get_plotlyjs())
        url: str = page.evaluate(_TO_SVG, [content["data"], content["layout"]])
        browser.close()
    return unquote(url.partition(",")[2])
