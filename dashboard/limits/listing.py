"""The limits that are set, how many tenants each holds for, and their removal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard.app import permits, refusals, rule_keys, runtime, state_keys
from dashboard.draw.chosen import rows_table
from dashboard.draw.downloads import export_button
from dashboard.draw.formatting import plural
from dashboard.draw.limits import ICON, SHOWN, UNKNOWN
from dashboard.draw.usage_tables import NONE
from dashboard.limits import tables
from services.access.viewer import Action, TenantPattern
from services.errors import KatoTenantsError
from services.limits.models import Kept, Standings, in_order
from services.limits.preview import Changes
from services.limits.written import csv_of
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot


def summary(standings: Standings | None, snapshot: Snapshot) -> None:
    """Draw how many tenants are in which state, with the way to them."""
    if standings is None:
        st.caption(UNKNOWN)
        return
    if not standings.every:
        return
    st.caption(f"{len(standings.by_tenant):,} of {plural(len(snapshot.tenants), 'tenant')} "
               f"{'has' if len(standings.by_tenant) == 1 else 'have'} a limit.")  # fmt: skip
    with st.container(horizontal=True):
        for state in SHOWN:
            found = standings.tenants(state)
            if found:
                permits.link("tenants", f"{len(found):,} {state.value}",
                             {state_keys.LIMITS: [state.value]}, ICON)  # fmt: skip


def draw(kept: Sequence[Kept], standings: Standings | None) -> None:
    """Draw every limit, and what takes the selected ones away."""
    refusals.draw(rule_keys.LIMITS_REFUSED, "Nothing was changed")
    done: Changes | None = st.session_state.pop(rule_keys.LIMITS_SET, None)
    if done is not None:
        st.success(f"{tables.done_words(done)}.", icon=":material/check:")
    rows = tuple(in_order(kept))
    if not rows:
        st.info("No limit is set. One stops nothing: it shows who is near it and who is over.",
                icon=":material/inbox:")  # fmt: skip
        return
    may = not permits.why_not(Action.SET_LIMITS)
    frame = tables.rules_frame(rows, standings)
    names = [f"{each.rule.scope} {each.rule.quantity}" for each in rows]
    chosen = rows_table(
        frame if may else frame.drop(columns=["Set by", "Why"]), rows, names, key="limit_rules",
        select="multi-row" if may else None, placeholder=NONE, height="content",
        alt="Every limit: for whom, of what, how much, and how many tenants are over or near it",
        column_config=tables.RULE_COLUMNS,
    )  # fmt: skip
    with st.container(horizontal=True):
        if may:
            label = "Remove" if not chosen else f"Remove {plural(len(chosen), 'limit')}"
            permits.button(label, Action.SET_LIMITS, disabled=not chosen,
                           icon=":material/delete:", on_click=remove, args=(chosen,))  # fmt: skip
        export_button(
            "CSV", partial(csv_of, rows), target="limits", file_name="limits.csv", mime="text/csv",
            key="download_limits", type="tertiary", tenants=_named(rows) if not may else None,
        )  # fmt: skip


def _named(rows: Sequence[Kept]) -> list[TenantKey]:
    """Return the tenants that rules name, for who is told of these alone."""
    scopes = (each.rule.scope for each in rows)
    return [
        TenantKey(each.kind, each.id)
        for each in scopes
        if isinstance(each, TenantPattern) and each.id != "*"
    ]


def remove(chosen: Sequence[Kept]) -> None:
    """Remove the limits that were selected."""
    change(Changes((), tuple(each.rule.key for each in chosen)))


def change(changes: Changes, why: str = "") -> bool:
    """Make changes; what came of it is said with the next drawing. Returns whether it was done."""
    try:
        st.session_state[rule_keys.LIMITS_SET] = runtime.desk().limits.change(changes, why=why)
    except KatoTenantsError as exc:
        refusals.keep(rule_keys.LIMITS_REFUSED, exc)
        return False
    return True
