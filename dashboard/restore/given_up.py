"""Giving a restore up: what that means, the reason and the button; and what is said afterwards."""

from __future__ import annotations

import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.draw import jobs, unknown, usage_tables
from dashboard.draw.formatting import markdown, plural
from dashboard.restore import tables
from services.access.viewer import Action
from services.jobs.models import Job
from services.restore.models import STAGING, GivenUp, Plan


def ask(job: Job, plan: Plan) -> None:
    """Draw the way to give up a restore that halted, closed until it is asked for."""
    jobs.give_up(
        "It ends for good, and its tenant is free for anything else. What it put aside is removed. "
        "Rows, points and keys that it has written stay, and are counted: nothing tells them from "
        "what others wrote under the same names.",
        Action.RESTORE, lambda reason: runtime.desk().restore.give_up(job.id, reason=reason),
        key="restore_give_up", reason_key=f"{state_keys.RESTORE_WHY_UP}_{job.id}",
        refused=state_keys.RESTORE_REFUSED, tenants=plan.tenants or None,
    )  # fmt: skip


def draw(told: GivenUp) -> None:
    """Draw what is known of one that was given up."""
    by = f" by {markdown(told.by)}" if told.by else ""
    stays = "what it had written stays" if told.begun else "nothing had been written"
    st.warning(f"It was given up{by}: {markdown(told.reason)}. Nothing was compared with the "
               f"archive; {stays}.", icon=jobs.GIVEN_UP)  # fmt: skip
    if told.begun:
        frame = tables.there_frame(told)
        unknown.dashes(frame, [tables.THEN], "The store could not be asked.")
        st.dataframe(
            frame, hide_index=True, key="restore_stays", placeholder=usage_tables.NONE,
            width="content", alt="How much each store has under these names, whoever wrote it",
            column_config={tables.THEN: st.column_config.NumberColumn(format="localized")},
        )  # fmt: skip
        st.caption("What was there under these names when it was given up, whoever wrote it.")
    for text in _notes(told):
        st.caption(text)


def _notes(told: GivenUp) -> list[str]:
    found = [
        f"It had begun to: {', '.join(tables.begun_words(told))}." if told.begun else "",
        f"{plural(told.dropped, 'staging table')} of it removed from ClickHouse."
        if told.dropped else "",
        "Whether a staging table of it is left in ClickHouse is not known: its name would begin "
        f"with `{STAGING}`." if told.dropped is None else "",
        "A large key that it was building in Redis ends by itself within an hour."
        if {"keys", "sessions"} & {*told.begun} else "",
    ]  # fmt: skip
    return [text for text in found if text]
