"""A figure over time: the choice of it and of a range, its chart, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.app.cache import cached
from dashboard.draw import charts
from dashboard.draw.downloads import Whose, download
from dashboard.draw.formatting import moment, number, size
from dashboard.draw.measures import COLUMNS, WORDS
from services.access.viewer import Action
from services.errors import StoreError
from services.figures import StoreState
from services.history import formats
from services.history.models import Cell, Holder, quantities_of
from services.usage.snapshot import Snapshot

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

_A_LINE = 2  # points that it takes


@dataclass(frozen=True, slots=True)
class Choice:
    """Which figure is to be shown, by its column's name, and of what time."""

    name: str
    span: str
    days: tuple[date, date] | None = None  # in UTC, both in it

    @property
    def quantity(self) -> str:
        """What the records call it."""
        column = COLUMNS[self.name]
        return quantities_of(column.measure)[column.is_size]

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Return since when and until when."""
        now += timedelta(seconds=1)  # with this second too
        if self.days is None:
            return now - RANGES[self.span][0], now
        began, ended = (datetime.combine(day, time(), UTC) for day in self.days)
        return began, min(ended + timedelta(days=1), now)

    @property
    def step(self) -> int:
        """Of how many seconds each point is."""
        if self.days is None:
            return RANGES[self.span][1]
        whole = self.days[1] - self.days[0] + timedelta(days=1)
        return next((step for span, step in RANGES.values() if whole <= span), 86_400)


def choose(snapshot: Snapshot) -> Choice | None:
    """Draw the choice of a figure and a range; None without a store or a whole range."""
    figures = [
        name for name, column in COLUMNS.items()
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
            bind="query-params",
        )  # fmt: skip
        days = _days() if span == OWN else None
    return None if span == OWN and days is None else Choice(name, span, days)


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
        cells = _series(holder, choice)
    except StoreError:
        st.caption("Unknown: this product's own records did not answer.")
        return
    _chart(choice.name, cells, limit)
    download(frame_of(cells), f"over_time_{choice.quantity}", tenants=tenants)


@cached(Action.SEE_FLEET, seconds=30, entries=64)
def _series(holder: Holder, choice: Choice) -> tuple[Cell, ...]:
    since, until = choice.bounds(datetime.now(UTC))
    return runtime.desk().history.series(holder, choice.quantity, since, until, choice.step)


def _chart(name: str, cells: Sequence[Cell], limit: int | None) -> None:
    known = [cell for cell in cells if cell.rollup is not None]
    if len(known) < _A_LINE:
        st.caption("Charts begin with the second point: what changes is kept from now on.")
        return
    column = COLUMNS[name]
    st.plotly_chart(
        charts.over_time(
            column.measure, cells, is_size=column.is_size, limit=_near(limit, known)
        ),
        key=f"over_time_{name}", config={"displayModeBar": False}, theme="streamlit",
    )  # fmt: skip
    st.caption(
        f"{WORDS[column.measure].title}: {words(known, is_size=column.is_size)} Known since "
        f"{moment(known[0].began)}; where the line stops it was not known."
        f"{_limit_words(limit, known, is_size=column.is_size)}"
    )


_NEAR = 4


def _near(limit: int | None, known: Sequence[Cell]) -> int | None:
    """Return a limit that can be drawn: one far above the figure would press it to the floor."""
    most = max(cell.rollup.most for cell in known if cell.rollup is not None)
    return None if limit is None or limit > most * _NEAR else limit


def _limit_words(limit: int | None, known: Sequence[Cell], *, is_size: bool) -> str:
    if limit is None:
        return ""
    where = "far above" if _near(limit, known) is None else "the dashed line"
    return f" The limit is {size(limit) if is_size else number(limit)}: {where}."


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
    frame = pd.DataFrame(formats.rows(cells), columns=list(formats.COLUMNS))
    return frame.astype(dict.fromkeys(("first", "last", "min", "max", "margin"), "Int64"))
