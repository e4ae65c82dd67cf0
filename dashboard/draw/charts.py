"""Data as plotly figures. Pure. Plotly is imported late: it takes half a second."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from dashboard.draw.formatting import number, short, size
from dashboard.draw.measures import WORDS
from services.figures import Amount, Measure, Usage
from services.usage.snapshot import Snapshot

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TREEMAP_LIMIT = 100

_SHARED, _NOBODY, _OTHERS = "#566577", "#7a8794", "#44515e"


@dataclass(frozen=True, slots=True)
class Tile:
    """One rectangle: its label, how much it is, and its colour."""

    label: str
    value: int
    color: str


def tiles(snapshot: Snapshot, measure: Measure, *, by_bytes: bool = False) -> tuple[Tile, ...]:
    """Return what a treemap shows: the 100 largest tenants, the others, shared, nobody's."""

    def value(usage: Usage) -> int:
        return _value(usage.of(measure), by_bytes=by_bytes)

    sized = [(value(tenant.usage), tenant.tenant) for tenant in snapshot.tenants]
    sized.sort(key=itemgetter(0), reverse=True)
    largest, rest = sized[:TREEMAP_LIMIT], sized[TREEMAP_LIMIT:]
    found = [Tile(short(str(tenant), 32), n, WORDS[measure].shade) for n, tenant in largest]
    if rest:
        found.append(Tile(f"{len(rest):,} more tenants", sum(n for n, _ in rest), _OTHERS))
    shared = sum(value(part.usage) for part in snapshot.shared)
    found.append(Tile("shared between tenants", shared, _SHARED))
    found.append(Tile("nobody's", value(snapshot.unattributed.usage), _NOBODY))
    return tuple(tile for tile in found if tile.value > 0)


def _value(amount: Amount | None, *, by_bytes: bool) -> int:
    if amount is None:
        return 0
    return (amount.bytes or 0) if by_bytes else amount.count


def treemap(found: tuple[Tile, ...], *, by_bytes: bool = False) -> Figure:
    """Draw tiles as a treemap."""
    from plotly.graph_objects import Figure, Treemap  # noqa: PLC0415  takes half a second

    words = [size(tile.value) if by_bytes else number(tile.value) for tile in found]
    trace = Treemap(
        ids=[str(i) for i in range(len(found))],
        labels=[_plain(tile.label) for tile in found],
        parents=[""] * len(found),
        values=[tile.value for tile in found],
        text=words,
        textinfo="label+text",
        hovertemplate="%{label}<br>%{text} (%{percentRoot:.1%})<extra></extra>",
        marker={"colors": [tile.color for tile in found], "line": {"width": 1}},
        textfont={"color": "#ffffff"},
        tiling={"pad": 2},
        pathbar={"visible": False},
    )
    layout = {
        "margin": {"t": 4, "l": 4, "r": 4, "b": 4},
        "height": 320,
        "uniformtext": {"minsize": 10, "mode": "hide"},
    }
    return Figure(trace, layout)


def _plain(text: str) -> str:
    """Plotly reads a little HTML in labels."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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
