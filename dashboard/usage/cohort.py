"""What all tenants of each value of a label had over time, and when it began and ended."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard.app import read, runtime, state_keys
from dashboard.app.cache import cached
from dashboard.draw import cards, over_time
from dashboard.draw.downloads import download
from dashboard.draw.formatting import escaped, markdown, moment
from dashboard.draw.measures import OVER_TIME
from dashboard.draw.over_time import Choice
from dashboard.draw.usage_tables import NONE
from dashboard.usage import charts, tables
from services.access.viewer import Action
from services.errors import StoreError
from services.history.models import NOTHING, Cell, Grain, OwnerKind, looked_at, second
from services.history.read import Then
from services.history.rollup import Rollup

TENANTS, BEFORE, AFTER, CHANGE, SHARE = "Tenants", "Before", "After", "Change", "Change in %"
MOST_LINES, _POINTS = 8, 12

ValueOf = Callable[[str], str]
"""Returns which value a tenant, by its name, has of a label."""

Path = Mapping[str, Sequence[Cell]]
Found = tuple[pd.DataFrame, Path, datetime, datetime, object]


def draw(choice: Choice) -> None:
    """Draw the choice of a label, and what each of its values had; nothing without any label."""
    said = read.cards()
    keys = cards.keys_in((said or {}).values())
    if said is None or not keys:
        return
    st.header("By label")
    key = st.selectbox("Label", keys, index=None, key=state_keys.COHORT, bind="query-params",
                       filter_mode="contains", placeholder="Pick one", width=240)  # fmt: skip
    if not key:
        return
    try:
        found = _found(choice.before(timedelta()), key, said)
    except StoreError as exc:
        st.caption(f"Unknown: {exc.problem.nameless()}.")
        return
    if isinstance(found, str):
        st.caption(f"Unknown all that time: {markdown(found)}.")
        return
    frame, path, began, ended, _ = found
    st.caption(f"{escaped(choice.name)} at {moment(ended)} against {moment(began)}, by the "
               "labels of now. What is shared or unowned is not in it.")  # fmt: skip
    if began < ended and 0 < len(path) <= MOST_LINES:
        over_time.figure_chart(
            charts.lines(path, is_size=OVER_TIME[choice.name].is_size, sparse=True),
            key=f"cohort_{key}_{choice.quantity}_{choice.zoom}",
            alt=f"{choice.name} over time of the tenants of each value of {key}",
        )  # fmt: skip
    drawn, config = tables.exact(frame, tables.columns(choice.name))
    st.dataframe(
        drawn, hide_index=True, key="cohort", height="content", placeholder=NONE,
        alt=f"What the tenants of each value of {key} had before and after",
        column_config={**config, TENANTS: st.column_config.NumberColumn(format="localized")},
    )  # fmt: skip
    whose = None if runtime.desk().gate.viewer().sees_all else tuple(said)
    download(frame, f"usage_by_{key}", read_at=ended, tenants=whose)


@cached(
    Action.SEE_FLEET, key=lambda choice, key, said: (choice, key, id(said)), seconds=60, entries=16,
    spinner="Adding up",
)  # fmt: skip
def _found(choice: Choice, key: str, said: cards.Cards) -> Found | str:
    """Return what each value had, with the cards by which: the cache goes by where these are.

    A fleet at a moment is large, so only the sums are kept. It is a string where it was unknown.
    """
    history, quantity = runtime.desk().history, choice.quantity
    known = history.movers(*choice.bounds(datetime.now(UTC)), quantity)
    if known.unknown:
        return known.unknown
    values = {str(card.tenant): card.labels.get(key, cards.WITHOUT) for card in said.values()}

    def value_of(name: str) -> str:
        return values.get(name, cards.WITHOUT)

    before, after = (history.at(at, quantity) for at in (known.began, known.ended))
    frame = cohort_frame(before, after, quantity, value_of, key)
    between = points(known.began, known.ended) if len(frame) <= MOST_LINES else ()
    thens = [before, *(history.at(at, quantity) for at in between), after]
    return frame, path_of(thens, quantity, value_of), known.began, known.ended, said


def points(began: datetime, ended: datetime) -> tuple[datetime, ...]:
    """Return moments between two at which figures are kept as they were: ends of hours or days."""
    whole = ended - began
    grain = Grain.HOUR if whole <= timedelta(days=2) else Grain.DAY
    step = math.ceil(whole.total_seconds() / grain.seconds / _POINTS) * grain.seconds
    first = second(began) // step + 1
    found = (datetime.fromtimestamp(at * step - 1, UTC) for at in range(first, first + _POINTS + 1))
    return tuple(at for at in found if began < at < ended)


def path_of(thens: Sequence[Then], quantity: str, value_of: ValueOf) -> Path:
    """Return what each value had at each moment, as cells of a second; unknown is no number."""
    sums = [_sums(then, quantity, value_of) for then in thens]
    values = sorted({value for each in sums for value in each})
    known = [then.reasons.get(looked_at(quantity)) == "" for then in thens]
    return {
        value: [
            Cell(then.at, then.at + timedelta(seconds=1),
                 Rollup.constant(had.get(value, 0), 1) if is_known else None)
            for then, had, is_known in zip(thens, sums, known, strict=True)
        ]
        for value in values
    }  # fmt: skip


def _sums(then: Then, quantity: str, value_of: ValueOf) -> Counter[str]:
    found: Counter[str] = Counter()
    for holder, figures in then.figures.items():
        if holder.kind is OwnerKind.TENANT:
            found[value_of(holder.tenant)] += figures.get(quantity, NOTHING).value
    return found


def cohort_frame(
    before: Then, after: Then, quantity: str, value_of: ValueOf, key: str
) -> pd.DataFrame:
    """Return one row for each value of a label, those with most first. Exact, and pure.

    `Tenants` counts who had anything at either moment.
    """
    was, now = (_sums(then, quantity, value_of) for then in (before, after))
    had = {
        holder.tenant for then in (before, after) for holder, figures in then.figures.items()
        if holder.kind is OwnerKind.TENANT and figures.get(quantity, NOTHING).value
    }  # fmt: skip
    count = Counter(map(value_of, had))
    rows = [
        (value, count[value], was[value], now[value], now[value] - was[value],
         100 * (now[value] - was[value]) / was[value] if was[value] else None)
        for value in sorted({*was, *now}, key=lambda value: (-now[value], value))
    ]  # fmt: skip
    columns = [key, TENANTS, BEFORE, AFTER, CHANGE, SHARE]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    return over_time.whole_numbers(frame, (TENANTS, BEFORE, AFTER, CHANGE))
