"""The policies that are set, and their removal."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, refusals, rule_keys, runtime
from dashboard.draw import usage_tables
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import plural
from dashboard.retention import tables
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.retention.models import Changes, Kept, in_order


def draw(kept: Sequence[Kept]) -> None:
    """Draw every policy, and what takes the selected ones away."""
    refusals.draw(rule_keys.RETENTION_REFUSED, "Nothing was changed")
    done: Changes | None = st.session_state.pop(rule_keys.RETENTION_SET, None)
    if done is not None:
        st.success(f"{tables.done_words(done)}.", icon=":material/check:")
    rows = tuple(in_order(kept))
    if not rows:
        st.info("No policy is set: everything is kept. KATO gives predictions no TTL, and trims "
                "no stream.", icon=":material/all_inclusive:")  # fmt: skip
        return
    may = not permits.why_not(Action.SET_RETENTION)
    frame = tables.policies_frame(rows)
    names = [f"{each.policy.scope} {each.policy.quantity}" for each in rows]
    chosen = rows_table(
        frame if may else frame.drop(columns=["Set by", "Why"]), rows, names,
        key="retention_policies", select="multi-row" if may else None, height="content",
        alt="Every policy: for whom, of what, how much is kept, and when it runs",
        column_config={
            "For": st.column_config.TextColumn(width=150, help="The most specific holds: a tenant, "
                                               "a label, a kind, * for every one"),
            "Of": st.column_config.TextColumn(width=270),
            "Keep": st.column_config.TextColumn(width=80),
            "Runs": st.column_config.TextColumn(width=150, help="minute hour day month weekday, "
                                                "and the time zone; empty: only by hand"),
            "Next": tables.TIME, "Last": tables.TIME,
        },
        placeholder=usage_tables.NONE,
    )  # fmt: skip
    if may:
        label = "Remove" if not chosen else f"Remove {plural(len(chosen), 'policy', 'policies')}"
        permits.button(label, Action.SET_RETENTION, disabled=not chosen, on_click=_remove,
                       icon=":material/delete:", args=(chosen,))  # fmt: skip


def _remove(chosen: Sequence[Kept]) -> None:
    change(Changes((), tuple(each.policy.key for each in chosen)))


def change(changes: Changes, why: str = "") -> bool:
    """Make changes; what came of it is said with the next drawing. Returns whether it was done."""
    try:
        done = runtime.desk().retention.change(changes, why=why)
    except KatoTenantsError as exc:
        refusals.keep(rule_keys.RETENTION_REFUSED, exc)
        return False
    st.session_state[rule_keys.RETENTION_SET] = done
    return True
