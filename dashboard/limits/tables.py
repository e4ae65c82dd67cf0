"""Limits as table rows and words. Pure but for how columns are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.draw.formatting import plural, visible
from dashboard.draw.limits import amount, label, state, used
from dashboard.draw.usage_tables import NONE
from services.limits.models import Kept, Standing, Standings, State, gravity
from services.limits.preview import Changes, Preview
from services.limits.written import NO_LIMIT

COLUMNS = ("For", "Measure", "Limit", "Holds for", "Over", "Near", "Set by", "Set", "Why")
RULE_COLUMNS: dict[str, Any] = {
    "For": st.column_config.TextColumn(
        width=170,
        help="* for every tenant, org/* for a kind, label:plan=gold for a label; "
        "the most specific holds",
    ),
    "Measure": st.column_config.TextColumn(width=116),
    "Limit": st.column_config.TextColumn(width=80),
    "Holds for": st.column_config.NumberColumn(
        format="localized", help="Tenants that have no more specific limit of this", width=84
    ),
    "Over": st.column_config.NumberColumn(format="localized", width=60),
    "Near": st.column_config.NumberColumn(format="localized", width=60),
    "Set by": st.column_config.TextColumn(width=84),
    "Set": st.column_config.DatetimeColumn(
        format="YYYY-MM-DD",
        timezone="UTC",
        width=88,
        help="The day in UTC; the audit log has the time",
    ),
    "Why": st.column_config.TextColumn(width=182),
}


def rules_frame(kept: Sequence[Kept], standings: Standings | None) -> pd.DataFrame:
    """Return one row a limit; whom it holds for is unknown where the records do not answer."""
    every = () if standings is None else standings.every
    counts = Counter((each.source, each.quantity, each.shown) for each in every)

    def count(kept: Kept, *states: State) -> int | None:
        rule = kept.rule
        if standings is None or rule.most is None:
            return None
        return sum(counts[rule.scope, rule.quantity, each] for each in states)

    rows = [
        {
            "For": visible(str(each.rule.scope)),
            "Measure": label(each.rule.quantity),
            "Limit": NO_LIMIT if each.rule.most is None
            else amount(each.rule.quantity, each.rule.most),
            "Holds for": count(each, *State),
            "Over": count(each, State.OVER),
            "Near": count(each, State.NEAR),
            "Set by": visible(each.by),
            "Set": each.at,
            "Why": visible(each.why),
        }
        for each in kept
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(("Holds for", "Over", "Near"), "Int64"))


def preview_words(found: Preview) -> str:
    """Say whom changes would hold for: how many tenants in each state, each by its gravest."""
    counts = found.counts
    whole = sum(counts.values())
    parts = [f"{counts[each]:,} {each.value}" for each in State if counts[each]]
    held = f"This would hold for {plural(whole, 'tenant')}: {', '.join(parts)}." if whole else ""
    less = f"{plural(found.freed, 'tenant')} would have one limit less." if found.freed else ""
    return f"{held} {less}".strip() or "This would hold for no tenant that is there now."


def concerned_frame(found: Sequence[Standing]) -> pd.DataFrame:
    """Return one row a tenant that would be over or near, or of which it would be unknown."""
    rows = [
        {
            "Tenant": visible(str(each.tenant)),
            "Used": NONE if each.used is None else used(each),
            "Limit": amount(each.quantity, each.most),
            "State": state(each),
        }
        for each in sorted(found, key=gravity)
        if each.shown is not State.UNDER
    ]
    return pd.DataFrame(rows, columns=["Tenant", "Used", "Limit", "State"])


def done_words(done: Changes) -> str:
    """Say what was changed."""
    if not done:
        return "Nothing to change: it is so already"
    parts = [(len(done.put), "set"), (len(done.removed), "removed")]
    return ", ".join(f"{plural(count, 'limit')} {word}" for count, word in parts if count)
