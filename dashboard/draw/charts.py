"""Data as plotly figures. Pure. Plotly is imported late: it takes half a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.draw.formatting import moment, size
from dashboard.draw.measures import WORDS
from services.figures import Measure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from plotly.graph_objects import Figure

    from services.history.models import Cell

_ALL = 0.995  # what rounds to 100 %
_SHARED, _NOBODY = "#566577", "#5f6b78"


def stacked(measure: Measure, parts: tuple[tuple[str, int], ...]) -> Figure:
    """Draw the parts of one measure as one bar: tenants in the store's colour, the rest gray."""
    from plotly.graph_objects import Bar, Figure  # noqa: PLC0415  takes half a second

    colors = (WORDS[measure].shade, _SHARED, _NOBODY)
    whole = sum(count for _, count in parts) or 1
    traces = [
        Bar(
            x=[count], y=[""], orientation="h", name=name, marker={"color": color},
            text=[name], textposition="inside", insidetextanchor="middle", textangle=0,
            textfont={"color": "#ffffff"},
            hovertemplate=f"{name}: {count:,} ({count / whole:.1%})<extra></extra>",
        )
        for (name, count), color in zip(parts, colors, strict=True)
        if count
    ]  # fmt: skip
    axis = {"visible": False, "fixedrange": True}
    layout = {
        "barmode": "stack", "showlegend": False, "height": 36, "bargap": 0,
        "margin": {"t": 2, "l": 0, "r": 0, "b": 2}, "xaxis": {**axis, "range": [0, whole]},
        "yaxis": axis, "uniformtext": {"minsize": 11, "mode": "hide"},
    }  # fmt: skip
    return Figure(traces, layout)


def over_time(
    measure: Measure, cells: Sequence[Cell], *, is_size: bool, limit: int | None = None
) -> Figure:
    """Draw a figure from 0 on: at the end of each span, and between least and most in it.

    A span in which it was not known is a gap. `limit` is a line, where there is one.
    """
    from plotly.graph_objects import Figure, Scatter  # noqa: PLC0415  takes half a second

    shade, known = WORDS[measure].shade, [cell.rollup for cell in cells]
    times = [cell.began for cell in cells]
    whole = [cells[0].began, cells[-1].ended]
    band_x, band_y = _band(cells)
    traces = [
        Scatter(x=band_x, y=band_y, fill="toself", fillcolor=f"{shade}40", mode="lines",
                line={"width": 0}, hoverinfo="skip"),
        Scatter(
            x=times, y=[did and did.last for did in known], mode="lines+markers",
            line={"color": shade, "width": 2, "shape": "hv"}, marker={"size": 3},
            customdata=[hover_of(cell, is_size=is_size) for cell in cells],
            hovertemplate="%{customdata}<extra></extra>",
        ),
    ]  # fmt: skip
    if limit is not None:
        traces.append(Scatter(
            x=whole, y=[limit, limit], mode="lines", hoverinfo="skip",
            line={"color": _SHARED, "width": 1.5, "dash": "dash"},
        ))  # fmt: skip
    layout = {
        "showlegend": False, "height": 260, "margin": {"t": 8, "l": 0, "r": 0, "b": 0},
        "hovermode": "x", "dragmode": "zoom", "xaxis": {"title": "UTC", "range": whole},
        "yaxis": {"rangemode": "tozero", "fixedrange": True,
                  "tickformat": "~s" if is_size else ",d"},
    }  # fmt: skip
    return Figure(traces, layout)


def _band(cells: Sequence[Cell]) -> tuple[list[datetime | None], list[int | None]]:
    """Return a box of each span, from least to most, one after the other with a gap between."""
    times: list[datetime | None] = []
    figures: list[int | None] = []
    for cell in cells:
        if (did := cell.rollup) is not None and did.least != did.most:
            times += [cell.began, cell.ended, cell.ended, cell.began, None]
            figures += [did.most, did.most, did.least, did.least, None]
    return times, figures


def hover_of(cell: Cell, *, is_size: bool) -> str:
    """Say what a figure did in a span, when, and how well that is known."""
    did, when = cell.rollup, f"{moment(cell.began)} to {cell.ended:%H:%M}"
    if did is None:
        return when

    def shown(value: int) -> str:
        return size(value) if is_size else f"{value:,}"

    margin = f" ± {shown(cell.margin)}" if cell.margin else ""
    between = "" if did.least == did.most else f"<br>{shown(did.least)} to {shown(did.most)}"
    part = "" if cell.share > _ALL else f"<br>known for {cell.share:.0%} of it"
    return f"<b>{shown(did.last)}{margin}</b>{between}<br>{when}{part}"
