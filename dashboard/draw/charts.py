"""Data as plotly figures. Pure. Plotly is imported late: it takes half a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.draw.measures import WORDS
from services.figures import Measure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

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
