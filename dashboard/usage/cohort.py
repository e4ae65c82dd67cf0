"""What all tenants of each value of a label had when a time began and when it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard.app import read, runtime, state_keys
from dashboard.app.cache import cached
from dashboard.draw import cards, over_time
from dashboard.draw.downloads import download
from dashboard.draw.formatting import escaped, markdown, moment
from dashboard.draw.over_time import Choice
from dashboard.draw.usage_tables import NONE
from dashboard.usage import tables
from services.access.viewer import Action
from services.cards.models import Label
from services.errors import StoreError
from services.history.models import NOTHING, OwnerKind
from services.history.read import Then
from services.tenancy.kb_ids import TenantKey

TENANTS, BEFORE, AFTER, CHANGE, SHARE = "Tenants", "Before", "After", "Change", "Change in %"
ValueOf = Callable[[str], str]
"""Returns which value a tenant, by its name, has of a label."""


def draw(choice: Choice) -> None:
    """Draw the choice of a label, and what each of its values had; nothing without any label."""
    said = read.cards()
    keys = cards.keys_in((said or {}).values())
    if said is None or not keys:
        return
    st.header("By label")
    key = st.selectbox("Label", keys, index=None, key=state_keys.COHORT, bind="query-params",
                       placeholder="Pick one", width=240)  # fmt: skip
    if not key:
        return
    try:
        found = _moments(choice)
    except StoreError as exc:
        st.caption(f"Unknown: {exc.problem.nameless()}.")
        return
    if isinstance(found, str):
        st.caption(f"Unknown all that time: {markdown(found)}.")
        return
    before, after = found
    values = {str(card.tenant): card.labels.get(key, cards.WITHOUT) for card in said.values()}
    frame = cohort_frame(before, after, choice.quantity,
                         lambda name: values.get(name, cards.WITHOUT), key)  # fmt: skip
    st.caption(f"{escaped(choice.name)} at {moment(after.at)} against {moment(before.at)}, by the "
               "labels of now. What is shared or unowned is nobody's.")  # fmt: skip
    drawn, config = tables.exact(frame, tables.columns(choice.name))
    st.dataframe(
        drawn, hide_index=True, key="cohort", height="content", placeholder=NONE,
        alt=f"What the tenants of each value of {key} had before and after",
        column_config={**config, TENANTS: st.column_config.NumberColumn(format="localized")},
    )  # fmt: skip
    whose = {each.tenant for then in found for each in then.figures
             if each.kind is OwnerKind.TENANT}  # fmt: skip
    download(frame, f"{Label(key, choice.quantity)}", read_at=after.at,
             tenants=[TenantKey.written(name) for name in sorted(whose)])  # fmt: skip


@cached(Action.SEE_FLEET, seconds=60, entries=8)
def _moments(choice: Choice) -> tuple[Then, Then] | str:
    """Return the whole fleet at the first and last known moment of a time; or why there is none."""
    history = runtime.desk().history
    found = history.movers(*choice.bounds(datetime.now(UTC)), choice.quantity)
    if found.unknown:
        return found.unknown
    return history.at(found.began, choice.quantity), history.at(found.ended, choice.quantity)


def cohort_frame(
    before: Then, after: Then, quantity: str, value_of: ValueOf, key: str
) -> pd.DataFrame:
    """Return one row for each value of a label, those with most first. Exact, and pure.

    `Tenants` counts who had anything at either moment.
    """
    sums: dict[str, list[int]] = {}
    count: Counter[str] = Counter()
    for holder in {*before.figures, *after.figures}:
        if holder.kind is OwnerKind.TENANT:
            value = value_of(holder.tenant)
            had = [then.figures.get(holder, {}).get(quantity, NOTHING).value
                   for then in (before, after)]  # fmt: skip
            sums[value] = [a + b for a, b in zip(sums.get(value, [0, 0]), had, strict=True)]
            count[value] += any(had)
    rows = [
        (value, count[value], was, now, now - was, 100 * (now - was) / was if was else None)
        for value, (was, now) in sorted(sums.items(), key=lambda each: (-each[1][1], each[0]))
    ]
    columns = [key, TENANTS, BEFORE, AFTER, CHANGE, SHARE]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    return over_time.whole_numbers(frame, (TENANTS, BEFORE, AFTER, CHANGE))
