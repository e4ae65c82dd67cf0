"""A figure over time: the choice of it and of a range, its chart, and its file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.app.cache import cached
from dashboard.draw import ahead, charts, marks
from dashboard.draw.downloads import Whose, download
from dashboard.draw.formatting import moment, number, size
from dashboard.draw.marks import Mark
from dashboard.draw.measures import OVER_TIME, Column
from services.access.viewer import Action
from services.errors import StoreError
from services.figures import StoreState
from services.history import formats
from services.history.forecast import Forecast
from services.history.models import Cell, Holder
from services.usage.snapshot import Snapshot

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

RANGES = {
    "24 h": (timedelta(days=1), 900),
    "7 d": (timedelta(days=7), 3600),
    "30 d": (timedelta(days=30), 4 * 3600),
    "90 d": (timedelta(days=90), 12 * 3600),
    "1 y": (timedelta(days=365), 86_400),
}
"""How far back a chart goes, and how many seconds each of its points is of."""

OWN = "Own"
"""Between two days."""

_NEAR = ((timedelta(hours=2), 60), (timedelta(hours=8), 300))  # as RANGES, when zoomed
_SESSIONS = "Sessions"
_A_LINE = 2  # points that it takes
_FIRST_YEAR, _LAST_YEAR = 2000, 2100  # an address with others would draw millions of spans
_LEAST = timedelta(minutes=5)  # that is zoomed into


@dataclass(frozen=True, slots=True)
class Choice:
    """Which figure is to be shown, by its column's name, and of what time."""

    name: str
    span: str
    days: tuple[date, date] | None = None  # in UTC, both in it
    ahead: bool = False  # whether what is coming is shown too
    zoom: tuple[datetime, datetime] | None = None  # the moments that are looked at, if any are

    @property
    def quantity(self) -> str:
        """What the records call it."""
        return OVER_TIME[self.name].quantity

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Return since when and until when."""
        now += timedelta(seconds=1)  # with this second too
        if self.zoom is not None:
            return self.zoom
        if self.days is None:
            return now - RANGES[self.span][0], now
        began, ended = (datetime.combine(day, time(), UTC) for day in self.days)
        return began, min(ended + timedelta(days=1), now)

    @property
    def step(self) -> int:
        """Of how many seconds each point is."""
        if self.zoom is not None:
            whole, steps = self.zoom[1] - self.zoom[0], (*_NEAR, *RANGES.values())
        elif self.days is not None:
            whole, steps = self.days[1] - self.days[0] + timedelta(days=1), (*RANGES.values(),)
        else:
            return RANGES[self.span][1]
        return next((step for span, step in steps if whole <= span), 86_400)

    def before(self, by: timedelta) -> Choice:
        """Return the same time so much before, as it is now."""
        since, until = self.bounds(datetime.now(UTC).replace(second=0, microsecond=0))
        return replace(self, zoom=(since - by, until - by))


def choose(snapshot: Snapshot) -> Choice | None:
    """Draw the choice of a figure and a range; None without a store or a whole range."""
    figures = [
        name for name, column in OVER_TIME.items()
        if snapshot.stores[column.measure].state is not StoreState.NOT_CONFIGURED
    ]  # fmt: skip
    if not figures:
        st.caption("No store is configured.")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.segmented_control(
            "Figure", figures, default=figures[0], key=state_keys.FIGURE, required=True,
            bind="query-params",
        )  # fmt: skip
        span = st.segmented_control(
            "Range", [*RANGES, OWN], default="7 d", key=state_keys.RANGE, required=True,
            bind="query-params", on_change=_zoom_out,
        )  # fmt: skip
        zoom = _zoom()
        days = _days() if span == OWN and zoom is None else None
        coming = st.toggle("What is coming", key=state_keys.AHEAD, bind="query-params")
    if span == OWN and days is None and zoom is None:
        return None
    return Choice(name, span, days, coming, zoom)


def _zoom() -> tuple[datetime, datetime] | None:
    """Return which moments of the chart were selected; draw the way back."""
    zoom = zoom_of(st.query_params.get(state_keys.ZOOM, ""))
    if zoom is not None:
        st.button("Zoom out", icon=":material/zoom_out:", on_click=_zoom_out,
                  help=f"{moment(zoom[0])} to {moment(zoom[1])}")  # fmt: skip
    return zoom


def _zoom_out() -> None:
    st.query_params.pop(state_keys.ZOOM, None)


def zoom_in(key: str) -> None:
    """Look at what was selected in a chart, and have it in the address."""
    boxes = st.session_state[key].selection.box
    if boxes and (zoom := zoom_of("/".join(map(str, sorted(boxes[0]["x"]))))) is not None:
        since, until = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in zoom)
        st.query_params[state_keys.ZOOM] = f"{since}/{until}"


def zoom_of(text: str) -> tuple[datetime, datetime] | None:
    """Read two moments, in UTC where they name no zone; None for what is none. Pure."""
    try:
        since, until = (datetime.fromisoformat(each) for each in text.split("/"))
        since, until = (
            at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
            for at in (since, until)
        )  # fmt: skip
    except (ValueError, OverflowError):
        return None
    if since.year < _FIRST_YEAR or until.year > _LAST_YEAR or since >= until:
        return None
    return since, max(until, since + _LEAST)


def _days() -> tuple[date, date] | None:
    """Draw the choice of two days; None until the second is picked."""
    today = datetime.now(UTC).date()
    month = (today - timedelta(days=30), today)
    picked = st.date_input("From and to (UTC)", month, max_value=today, key=state_keys.DAYS,
                           format="YYYY-MM-DD", width=240, bind="query-params")  # fmt: skip
    match picked:
        case (began, ended):
            return began, ended
    return None


def draw(
    holder: Holder, choice: Choice, *, tenants: Whose, limit: int | None = None
) -> None:  # fmt: skip
    """Draw a holder's chart of what was chosen, with its limit; the file is about these tenants."""
    try:
        cells = series(holder, choice)
        coming = ahead.of(holder, choice.quantity) if choice.ahead else None
        happened = _happened(holder.tenant, choice)
        sessions = series(holder, replace(choice, name=_SESSIONS, ahead=False))
        made_up = _made_up_until()
    except StoreError as exc:
        st.caption(f"Unknown: {exc.problem.nameless()}.")
        return
    found = (*happened, *marks.of_bursts(sessions), *marks.gaps(cells))
    events = sorted(found, key=lambda mark: mark.at)
    _chart(choice, cells, coming, events, limit)
    if choice.ahead:
        st.caption(ahead.sentence(coming, is_size=OVER_TIME[choice.name].is_size, limit=limit))
    if made_up is not None and cells and cells[0].began < made_up:
        st.caption(f":material/science: Sample data: all before {moment(made_up)} is made up.")
    marks.table(events)
    if cells:
        rows = partial(frame_of, cells)
        download(rows, f"over_time_{choice.quantity}", tenants=tenants)


@cached(Action.SEE_FLEET, seconds=30, entries=256, any_role=True)
def series(holder: Holder, choice: Choice) -> tuple[Cell, ...]:
    """Return what a holder's figure did in the time that was chosen. Raises StoreError."""
    since, until = choice.bounds(datetime.now(UTC))
    return runtime.desk().history.series(holder, choice.quantity, since, until, choice.step)


@cached(Action.SEE_FLEET, seconds=30)
def _made_up_until() -> datetime | None:
    return runtime.desk().history.made_up_until()


@cached(Action.SEE_FLEET, seconds=30, entries=64)
def _happened(tenant: str, choice: Choice) -> tuple[Mark, ...]:
    return marks.happened(tenant, *choice.bounds(datetime.now(UTC)))


def _chart(
    choice: Choice, cells: Sequence[Cell], coming: Forecast | None, events: Sequence[Mark],
    limit: int | None,
) -> None:  # fmt: skip
    known = [cell for cell in cells if cell.rollup is not None]
    if len(known) < _A_LINE:
        st.caption("Charts begin with the second point: what changes is kept from now on.")
        return
    column = OVER_TIME[choice.name]
    said = f"{choice.name}: {words(known, is_size=column.is_size)}"
    figure_chart(
        charts.over_time(
            column.measure, cells, is_size=column.is_size,
            ahead=ahead.points(coming, cells[-1].ended - cells[0].began), marks=events,
            limit=_near(limit, known),
        ),
        key=f"over_time_{choice.quantity}_{choice.zoom}", alt=said,
    )  # fmt: skip
    st.caption(
        f"{said} Known since {moment(known[0].began)}; where the line stops it was not known. "
        f"Drag over a part to look at it more closely.{_limit_words(limit, known, column)}"
    )


_TIMES = 4


def _near(limit: int | None, known: Sequence[Cell]) -> int | None:
    """Return a limit that can be drawn: one far above the figure would press it to the floor."""
    most = max(cell.rollup.most for cell in known if cell.rollup is not None)
    return None if limit is None or limit > most * _TIMES else limit


def _limit_words(limit: int | None, known: Sequence[Cell], column: Column) -> str:
    if limit is None:
        return ""
    where = "far above" if _near(limit, known) is None else "the dashed line"
    return f" The limit is {size(limit) if column.is_size else number(limit)}: {where}."


def figure_chart(figure: Figure, *, key: str, alt: str) -> None:
    """Draw a chart over time, of which a part can be selected: that is looked at then."""
    st.plotly_chart(
        figure, key=key, alt=alt, config={"displayModeBar": False}, theme="streamlit",
        on_select=partial(zoom_in, key), selection_mode="box",
    )  # fmt: skip


def words(known: Sequence[Cell], *, is_size: bool) -> str:
    """Say how a figure went, from what to what and within what: for those who see no chart."""
    rollups = [cell.rollup for cell in known if cell.rollup is not None]
    found = (
        rollups[0].first, rollups[-1].last,
        min(did.least for did in rollups), max(did.most for did in rollups),
    )  # fmt: skip
    first, last, least, most = map(size if is_size else number, found)
    return f"from {first} to {last}, between {least} and {most}."


def frame_of(cells: Sequence[Cell]) -> pd.DataFrame:
    """Return one row a span, as the file has it: counts exact, times in UTC. Pure."""
    return whole_numbers(
        pd.DataFrame(formats.rows(cells), columns=list(formats.COLUMNS), dtype=object),
        ("first", "last", "min", "max", "margin"),
    )


def whole_numbers(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return a frame of objects with these columns as exact numbers, and gaps in them. Pure.

    Through floats, which gaps would make of them, counts above 2^53 come out as others.
    """
    return frame.astype(dict.fromkeys(columns, "Int64")).infer_objects()
