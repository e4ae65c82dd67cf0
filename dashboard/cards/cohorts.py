"""Tenants by their labels: filtered, grouped with what each group uses, and without data."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.app import permits, read, state_keys
from dashboard.draw import cards, figures, limits, unknown, usage_tables
from dashboard.draw.downloads import download
from dashboard.draw.formatting import escaped, holds, plural, visible
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot

TENANTS = "Tenants"
_SHOWN = (TENANTS, "Memory", "Patterns", "Disk", "Vectors", "Sessions")
_MOST_NAMED = 50
_ROOM = 940 - figures.NAME_WIDTH - 56  # a page of 1400, without the name and the button
_WIDTHS = {
    "Last write": figures.TIME_WIDTH, "Ownership": figures.CLAIM_WIDTH, limits.LIMIT: 112,
    limits.STATE: 150,
}  # fmt: skip


def shown(frame: pd.DataFrame, others: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of cards in which anything stands, and those of others that fit beside."""
    mine = (cards.NAME, cards.STATE, cards.LABELS)
    said = [name for name in mine if frame[name].map(bool).any()]
    if not said:
        return tuple(others)
    room = _ROOM - sum(cards.WIDTHS[name] for name in said)
    for name in others:
        width = _WIDTHS.get(name, figures.NUMBER_WIDTH)
        if width <= room:
            said.append(name)
            room -= width
    return tuple(said)


def called(frame: pd.DataFrame, wanted: str) -> pd.Series:
    """Return which tenants hold a text in their name, or in what people call them."""
    found = holds(frame["Tenant"], wanted)
    return found | holds(frame[cards.NAME], wanted) if cards.NAME in frame else found


def choice(labels: Sequence[str]) -> tuple[list[str], str | None]:
    """Draw which labels are wanted, and by which key is grouped; nothing where there is none."""
    asked = state_keys.LABELS in st.query_params or state_keys.GROUP in st.query_params
    if not labels and not asked:
        return [], None
    wanted = st.multiselect("Labels", labels, key=state_keys.LABELS, bind="query-params",
                            placeholder="Any", filter_mode="contains",
                            help="Of one key any of them, of different keys all.")  # fmt: skip
    keys = sorted({label.partition("=")[0] for label in labels})
    group = st.selectbox("Group by label", keys, index=None, key=state_keys.GROUP,
                         bind="query-params", placeholder="Not grouped",
                         filter_mode="contains")  # fmt: skip
    return wanted, group


def cohorts_frame(found: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return one row for each value of a key, with how many have it and what all of them use.

    What is not known of one of them is not known.
    """
    values = [cards.value_of(labels, key) for labels in found[cards.LABELS]]
    rows = [
        {
            key: value,
            TENANTS: len(mine),
            **{name: mine[name].sum(skipna=False) for name in usage_tables.NUMBERS},
        }
        for value, mine in found.groupby(values)
    ]
    frame = usage_tables.table(rows, (key, TENANTS, *usage_tables.NUMBERS))
    return frame.sort_values(TENANTS, ascending=False, kind="stable", ignore_index=True)


def draw(found: pd.DataFrame, key: str, snapshot: Snapshot) -> None:
    """Draw what the tenants of each value of a label use, of those that were found."""
    if cards.LABELS not in found:
        return
    st.subheader(f"By {escaped(key)}")
    frame = cohorts_frame(found, key)
    unknown.cells(frame[frame.columns.intersection(list(_SHOWN))], snapshot)
    st.dataframe(
        frame, hide_index=True, key="cohorts", height="content", placeholder=usage_tables.NONE,
        alt=f"What the tenants of each value of {key} use", column_order=(key, *_SHOWN),
        column_config=figures.USAGE_COLUMNS
        | {TENANTS: st.column_config.NumberColumn(format="localized")},
    )  # fmt: skip
    whose = usage_tables.tenants_in(found, snapshot)
    download(frame, f"by_{key}", tenants=whose, read_at=snapshot.collected_at)


def without_data(said: cards.Cards | None, snapshot: Snapshot) -> None:
    """Draw the tenants that have a card and nothing in the stores: erased, or not there yet."""
    there = set(read.names(snapshot).values()) if said else set[TenantKey]()
    gone = sorted(visible(str(tenant)) for tenant in (said or {}) if tenant not in there)
    if not gone:
        return
    seen = not snapshot.unread
    words = "without data" if seen else "of which nothing was read"
    with st.expander(f"Cards of {plural(len(gone), 'tenant')} {words}",
                     icon=":material/id_card:"):  # fmt: skip
        for name in gone[:_MOST_NAMED]:
            permits.link("tenant", escaped(name), {state_keys.TENANT: name})
        if len(gone) > _MOST_NAMED:
            st.caption(f"and {len(gone) - _MOST_NAMED:,} more")
