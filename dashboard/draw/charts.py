"""Data as plotly figures. Pure. Plotly is imported late: it takes half a second."""

from __future__ import annotations

from html import escape
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

from dashboard.draw.formatting import moment, size
from dashboard.draw.measures import WORDS
from services.figures import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from plotly.graph_objects import Figure, Scatter

    from dashboard.draw.ahead import Ahead
    from dashboard.draw.marks import Mark
    from services.history.forecast import Span
    from services.history.models import Cell

SELECTED = {"dragmode": "select", "selectdirection": "h"}
"""How a part of a chart over time is picked."""

_ALL = 0.995  # what rounds to 100 %
_SHARED, _NOBODY = "#566577", "#5f6b78"
_MARK = "#7d8794"  # legible on light and on dark
_SAID, _WIDTH = 5, 60  # marks in one hover, characters in one line of it


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
    measure: Measure, cells: Sequence[Cell], *, is_size: bool, ahead: Ahead = (),
    marks: Sequence[Mark] = (), limit: int | None = None,
) -> Figure:  # fmt: skip
    """Draw a figure from 0 on: at the end of each span, and between least and most in it.

    A span in which it was not known is a gap. What is coming is `ahead`, dotted, with its range.
    `marks` say what happened meanwhile. `limit` is a line, where there is one.
    """
    from plotly.graph_objects import Figure, Scatter  # noqa: PLC0415  takes half a second

    shade, known = WORDS[measure].shade, [cell.rollup for cell in cells]
    times = [cell.began for cell in cells]
    whole = [cells[0].began, ahead[-1][0] if ahead else cells[-1].ended]
    band_x, band_y = _band(cells)
    traces = [
        Scatter(x=band_x, y=band_y, fill="toself", fillcolor=f"{shade}40", mode="lines",
                line={"width": 0}, hoverinfo="skip"),
        *_ahead(ahead, shade, is_size=is_size),
        *_marks(marks, cells),
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
        "hovermode": "x", **SELECTED, "xaxis": {"title": "UTC", "range": whole, "fixedrange": True},
        "yaxis": {"rangemode": "tozero", "fixedrange": True,
                  "tickformat": "~s" if is_size else ",d"},
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    }  # fmt: skip
    return Figure(traces, layout)


def _marks(marks: Sequence[Mark], cells: Sequence[Cell]) -> Iterator[Scatter]:
    """Yield what happened, at the top: those of one span as one mark."""
    from plotly.graph_objects import Scatter  # noqa: PLC0415  takes half a second

    step = cells[0].ended - cells[0].began
    spans = groupby(marks, key=lambda mark: (mark.at - cells[0].began) // step)
    found = [list(some) for _, some in spans]
    if not found:
        return
    at = [some[0].at for some in found]
    stems = [each for when in at for each in (when, when, None)]
    yield Scatter(x=stems, y=[0, 1, None] * len(at), yaxis="y2", mode="lines", hoverinfo="skip",
                  line={"color": f"{_MARK}80", "width": 1, "dash": "dot"})  # fmt: skip
    yield Scatter(
        x=at, y=[0.97] * len(at), yaxis="y2", mode="markers",
        marker={"symbol": "triangle-down", "size": 11, "color": _MARK},
        customdata=[_said(some) for some in found], hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _said(marks: Sequence[Mark]) -> str:
    """Say what happened: names in it are no markup, which plotly would read."""
    lines = [f"{moment(mark.at)}: {wrapped(mark.words)}" for mark in marks[:_SAID]]
    more = len(marks) - _SAID
    return "<br>".join([*lines, f"and {more:,} more"] if more > 0 else lines)


def wrapped(words: str) -> str:
    """Break visible words into lines of a hover, with no markup in them."""
    return "<br>".join(map(escape, wrap(words, _WIDTH)))


def _ahead(ahead: Ahead, shade: str, *, is_size: bool) -> Iterator[Scatter]:
    """Yield what is coming: the range in which it is to be, and the likely line."""
    from plotly.graph_objects import Scatter  # noqa: PLC0415  takes half a second

    if not ahead:
        return
    times = [at for at, _ in ahead]
    edge = [span.high for _, span in ahead] + [span.low for _, span in reversed(ahead)]
    yield Scatter(x=[*times, *reversed(times)], y=edge, fill="toself", fillcolor=f"{shade}20",
                  mode="lines", line={"width": 0}, hoverinfo="skip")  # fmt: skip
    yield Scatter(
        x=times, y=[span.mid for _, span in ahead], mode="lines",
        line={"color": shade, "width": 2, "dash": "dot"},
        customdata=[_coming(at, span, is_size=is_size) for at, span in ahead],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _coming(at: datetime, span: Span, *, is_size: bool) -> str:
    bounds = (round(each) for each in (span.low, span.mid, span.high))
    low, mid, high = (size(each) if is_size else f"{each:,}" for each in bounds)
    return f"<b>likely {mid}</b><br>{low} to {high} in 8 of 10 cases<br>{moment(at)}"


def _band(cells: Sequence[Cell]) -> tuple[list[datetime | None], list[int | None]]:
    """Return a box of each span, from least to most, one after the other with a gap between."""
    times: list[datetime | None] = []
    figures: list[int | None] = []
    for cell in cells:
        if (did := cell.rollup) is not None and did.least != did.most:
            times += [cell.began, cell.ended, cell.ended, cell.began, None]
            figures += [did.most, did.most, did.least, did.least, None]
    return times, figures


def hover_of(cell: Cell, *, is_size: bool, value: int | None = None) -> str:
    """Say what a figure did in a span, when, and how well that is known.

    Of a part of it `value` is said alone.
    """
    did, when = cell.rollup, f"{moment(cell.began)} to {cell.ended:%H:%M}"
    if did is None:
        return when

    def shown(value: int) -> str:
        return size(value) if is_size else f"{value:,}"

    if value is not None:
        return f"<b>{shown(value)}</b> of {shown(did.last)}<br>{when}"
    margin = f" ± {shown(cell.margin)}" if cell.margin else ""
    between = "" if did.least == did.most else f"<br>{shown(did.least)} to {shown(did.most)}"
    part = "" if cell.share > _ALL else f"<br>known for {cell.share:.0%} of it"
    return f"<b>{shown(did.last)}{margin}</b>{between}<br>{when}{part}"
