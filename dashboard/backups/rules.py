"""The rules that are set, and their removal."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, refusals, rule_keys, runtime
from dashboard.backups import standings, tables
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import plural
from services.access.viewer import Action
from services.backups.models import Changes, Kept, in_order
from services.errors import KatoTenantsError


def draw(kept: Sequence[Kept]) -> None:
    """Draw every rule, and what takes the selected ones away."""
    st.header("Rules")
    refusals.draw(rule_keys.BACKUP_RULE_REFUSED, "Nothing was changed")
    done: Changes | None = st.session_state.pop(rule_keys.BACKUP_SET, None)
    if done is not None:
        st.success(f"{tables.done_words(done)}.", icon=":material/check:")
    rows = tuple(in_order(kept))
    if not rows:
        st.info("No rule is set: nobody is backed up.", icon=":material/backup:")
        return
    may = not permits.why_not(Action.SET_BACKUPS)
    frame = tables.rules_frame(rows)
    chosen = rows_table(
        frame if may else frame.drop(columns=["Set by", "Why", "Kept in"]), rows,
        [str(each.rule.scope) for each in rows], key="backup_rules",
        select="multi-row" if may else None, height="content",
        alt="Every rule: for whom, when it runs, and what is kept",
        column_config={
            "For": st.column_config.TextColumn(width=150, help="The most specific holds: a tenant, "
                                               "a label, a kind, * for every one"),
            "Runs": st.column_config.TextColumn(width=180, help="minute hour day month weekday, "
                                                "and the time zone"),
            "Keep": st.column_config.TextColumn(width=220),
        },
    )  # fmt: skip
    if may:
        label = "Remove" if not chosen else f"Remove {plural(len(chosen), 'rule')}"
        permits.button(label, Action.SET_BACKUPS, disabled=not chosen, on_click=_remove,
                       icon=":material/delete:", args=(chosen,), key="backup_remove")  # fmt: skip


def _remove(chosen: Sequence[Kept]) -> None:
    change(Changes((), tuple(each.rule.scope for each in chosen)))


def change(changes: Changes, why: str = "") -> bool:
    """Make changes; what came of it is said with the next drawing. Returns whether it was done."""
    try:
        done = runtime.desk().backups.change(changes, why=why)
    except KatoTenantsError as exc:
        refusals.keep(rule_keys.BACKUP_RULE_REFUSED, exc)
        return False
    standings.changed()
    st.session_state[rule_keys.BACKUP_SET] = done
    return True
