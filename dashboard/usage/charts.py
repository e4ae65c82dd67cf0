"""Several owners over time as plotly figures. Pure. Plotly is imported late: it takes long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dashboard.draw.charts import SELECTED, hover_of, wrapped
from services.history.models import Cell

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GRAY = ("#8b95a1", "#6d7885", "#566577")
"""Of what is no tenant's: others, shared, unowned."""

_HEIGHT = 300


def lines(
    found: Mapping[str, Sequence[Cell]], *, is_size: bool, ago: timedelta = timedelta(),
    sparse: bool = False,
) -> Figure:  # fmt: skip
    """Draw a line an owner; the last one is of so long `ago`, and is drawn dotted over now.

    Of what is `sparse` only moments are known: they are marked, and joined by straight lines.
    """
    from plotly.graph_objects import Figure, Scatter  # noqa: PLC0415  takes half a second

    traces = []
    for at, (name, cells) in enumerate(found.items(), start=1):
        earlier = ago if at == len(found) else timedelta()
        traces.append(Scatter(
            x=[cell.began + earlier for cell in cells],
            y=[cell.rollup and cell.rollup.last for cell in cells],
            name=wrapped(name), mode="lines+markers" if sparse else "lines",
            line={"width": 2, "shape": "linear" if sparse else "hv",
                                                    "dash": "dot" if earlier else "solid"},
            customdata=[f"{wrapped(name)}<br>{hover_of(cell, is_size=is_size)}" for cell in cells],
            hovertemplate="%{customdata}<extra></extra>",
        ))  # fmt: skip
    return Figure(traces, _layout(is_size=is_size))


def stacked(parts: Mapping[str, Sequence[int | None]], cells: Sequence[Cell], grays: int, *,
            is_size: bool) -> Figure:  # fmt: skip
    """Draw the parts of a whole, whose `cells` say of when they are; the last `grays` are gray.

    Where the whole was not known nothing is drawn: columns without a space between them.
    """
    from plotly.graph_objects import Bar, Figure  # noqa: PLC0415  takes half a second

    width = (cells[0].ended - cells[0].began).total_seconds() * 1000
    traces = []
    for at, (name, values) in enumerate(parts.items(), start=grays - len(parts)):
        color = {"color": GRAY[at]} if at >= 0 else {}
        said = [f"{wrapped(name)}: {hover_of(cell, is_size=is_size, value=value)}"
                for cell, value in zip(cells, values, strict=True)]  # fmt: skip
        traces.append(Bar(
            x=[cell.began for cell in cells], y=values, name=wrapped(name), offset=0, width=width,
            marker={"line": {"width": 0}, **color}, customdata=said,
            hovertemplate="%{customdata}<extra></extra>",
        ))  # fmt: skip
    return Figure(traces, {**_layout(is_size=is_size), "barmode": "stack", "bargap": 0})


def _layout(*, is_size: bool) -> dict[str, Any]:
    return {
        "height": _HEIGHT, "margin": {"t": 8, "l": 0, "r": 0, "b": 0}, "hovermode": "closest",
        **SELECTED, "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        "xaxis": {"title": "UTC", "fixedrange": True},
        "yaxis": {"rangemode": "tozero", "fixedrange": True,
                  "tickformat": "~s" if is_size else ",d"},
    }  # fmt: skip
