"""Several tenants in one chart, one with itself a month ago, and the fleet by its largest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.app import read, runtime, state_keys
from dashboard.app.cache import cached
from dashboard.draw import over_time
from dashboard.draw.downloads import download
from dashboard.draw.formatting import plural, visible
from dashboard.draw.measures import OVER_TIME
from dashboard.draw.over_time import Choice
from dashboard.draw.usage_tables import SHARED as SHARED_NAME, UNOWNED
from dashboard.usage import charts
from services.access.viewer import Action
from services.errors import StoreError
from services.history.models import FLEET, NOBODY, SHARED, Cell, Holder, OwnerKind
from services.usage.formats import stamp
from services.usage.snapshot import Snapshot

MOST = 6
"""Tenants that can be told apart in one chart."""

LARGEST = 7
MONTH = timedelta(days=30)
_OTHERS = "all other tenants"
_GRAYS = 3


def draw(choice: Choice, snapshot: Snapshot) -> None:
    """Draw the choice of tenants, and their chart."""
    st.header("Compare tenants")
    names = read.names(snapshot)
    picked = [name for name in _picked(list(names)) if name in names]
    if not picked:
        st.caption(f"Pick up to {MOST} tenants, or one to see it beside itself a month ago.")
        return
    earlier = len(picked) == 1 and st.toggle(
        "Beside itself 30 days ago", key=state_keys.MONTH_AGO, bind="query-params"
    )
    try:
        found = {name: _of(str(names[name]), choice) for name in picked}
        if earlier:
            name = f"{picked[0]}, 30 days before"
            found[name] = _of(str(names[picked[0]]), choice.before(MONTH))
    except StoreError as exc:
        st.caption(f"Unknown: {exc.problem.nameless()}.")
        return
    if not any(cell.rollup for cells in found.values() for cell in cells):
        st.caption("None of it was known in this time.")
        return
    is_size, ago = OVER_TIME[choice.name].is_size, MONTH if earlier else timedelta()
    over_time.figure_chart(
        charts.lines(found, is_size=is_size, ago=ago),
        key=f"compare_{choice.quantity}_{choice.zoom}", alt=words(found, choice.name),
    )  # fmt: skip
    download(
        partial(frame_of, found), f"compared_{choice.quantity}", tenants=[names[n] for n in picked]
    )


def _picked(names: list[str]) -> list[str]:
    return st.multiselect(
        "Tenants", names, key=state_keys.COMPARED, max_selections=MOST, bind="query-params",
        placeholder="Type a part of a name", filter_mode="contains", select_all=False,
    )  # fmt: skip


def _of(tenant: str, choice: Choice) -> tuple[Cell, ...]:
    return over_time.series(Holder(OwnerKind.TENANT, tenant), choice)


def words(found: Mapping[str, Sequence[Cell]], name: str) -> str:
    """Say how each figure went, for those who see no chart. Pure."""
    is_size = OVER_TIME[name].is_size
    known = {who: [cell for cell in cells if cell.rollup] for who, cells in found.items()}
    said = [f"{who} {over_time.words(cells, is_size=is_size)}" if cells else f"{who}: unknown."
            for who, cells in known.items()]  # fmt: skip
    return f"{name}: {' '.join(said)}"


def frame_of(found: Mapping[str, Sequence[Cell]]) -> pd.DataFrame:
    """Return one row a span of an owner, with what each had at its end, exactly. Pure."""
    rows = [
        (who, stamp(cell.began), stamp(cell.ended), cell.rollup and cell.rollup.last, cell.margin)
        for who, cells in found.items()
        for cell in cells
    ]
    frame = pd.DataFrame(rows, columns=["Owner", "from", "to", "last", "margin"], dtype=object)
    return over_time.whole_numbers(frame, ("last", "margin"))


def fleet(choice: Choice) -> None:
    """Draw the fleet as what its largest tenants have, and all others, shared and unowned."""
    try:
        found = _parts(choice)
    except StoreError as exc:
        st.caption(f"Unknown: {exc.problem.nameless()}.")
        return
    cells, parts = found
    if sum(cell.rollup is not None for cell in cells) < 2:  # noqa: PLR2004  what changes takes two
        return
    st.header("The fleet by whose it is")
    tenants = len(parts) - _GRAYS
    over_time.figure_chart(
        charts.stacked(parts, cells, _GRAYS, is_size=OVER_TIME[choice.name].is_size),
        key=f"stack_{choice.quantity}_{choice.zoom}",
        alt=f"{choice.name} of the fleet by whose it is, {plural(tenants, 'tenant')} apart",
    )  # fmt: skip
    st.caption(
        f"The {plural(tenants, 'tenant')} with most in this time, and all that is not theirs: "
        "together the fleet's. Nothing is drawn of when it was not known."
    )


Parts = tuple[tuple[Cell, ...], dict[str, list[int | None]]]


@cached(Action.SEE_FLEET, seconds=60, entries=64, any_role=True)
def _parts(choice: Choice) -> Parts:
    """Return what the fleet had, and whose it was, by name: at the end of each span.

    All of it at one time: parts that are read later would be of other spans than the whole.
    """
    choice = replace(choice, zoom=choice.bounds(datetime.now(UTC)))
    whole = over_time.series(FLEET, choice)
    top = {visible(each.tenant): over_time.series(each, choice) for each in _largest(choice)}
    rest = {
        SHARED_NAME: over_time.series(SHARED, choice),
        UNOWNED: over_time.series(NOBODY, choice),
    }
    return whole, split(whole, top, rest)


def split(
    whole: Sequence[Cell], top: Mapping[str, Sequence[Cell]], rest: Mapping[str, Sequence[Cell]]
) -> dict[str, list[int | None]]:
    """Return the parts of the whole at the end of each span, None where it was not known. Pure.

    What is neither in `top` nor in `rest` is all others'. Where one was read in other spans,
    as its past was rolled up meanwhile, all others' is not known.
    """
    had = {name: {cell.began: _last(cell) for cell in cells}
           for name, cells in (*top.items(), *rest.items())}  # fmt: skip
    parts = {name: [spans.get(cell.began) for cell in whole] for name, spans in had.items()}
    known = [
        _last(cell) if all(cell.began in spans for spans in had.values()) else None
        for cell in whole
    ]  # fmt: skip
    others = [
        None if value is None else value - sum(part[at] or 0 for part in parts.values())
        for at, value in enumerate(known)
    ]
    return {**{name: parts[name] for name in top}, _OTHERS: others,
            **{name: parts[name] for name in rest}}  # fmt: skip


def _last(cell: Cell) -> int | None:
    return None if cell.rollup is None else cell.rollup.last


def _largest(choice: Choice) -> list[Holder]:
    """Return the tenants that had most when the time began or ended, the largest first."""
    had: dict[Holder, int] = {}
    for moment in choice.bounds(datetime.now(UTC)):
        for holder, figures in runtime.desk().history.at(moment, choice.quantity).figures.items():
            if holder.kind is OwnerKind.TENANT and choice.quantity in figures:
                had[holder] = max(had.get(holder, 0), figures[choice.quantity].value)
    return sorted(had, key=lambda each: (-had[each], each.tenant))[:LARGEST]
