"""The confirmation of a plan: what it erases is typed, with a reason, before it can begin."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from dashboard.app import (
    current,
    permits,
    refusals,
    runtime,
    state_keys,
    switcher,
    unreadable,
)
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, plural, visible
from dashboard.purge import plan_tables
from dashboard.purge.shown_plan import Shown, shown_plan
from services.access.viewer import Action
from services.approvals.models import REASON
from services.errors import KatoTenantsError

MOST_REASON = 2_000  # characters


@unreadable.calmly()
def draw(shown: Shown) -> None:
    """Draw what has to be typed, and the button, which is framed red once it was; a fragment."""
    plan = shown.plan
    with st.container(border=True):
        st.subheader("Confirm", anchor=False)
        switcher.strip()
        st.markdown("Sessions end first, then each store is erased, and then looked at again, "
                    "twice. Type this to confirm:")  # fmt: skip
        st.code(visible(plan.confirmation), language=None)
        typed = st.text_input("What is to be erased, exactly", key=state_keys.PURGE_CONFIRM,
                              live=True)  # fmt: skip
        asked = draw_status(Action.RUN_PURGE, digest=plan.digest)
        reason = st.text_input(
            "Reason or ticket", asked.details.get(REASON, "") if asked else "", live=True,
            key=state_keys.PURGE_REASON, max_chars=MOST_REASON,
        )  # fmt: skip
        lacking = plan_tables.missing(plan, typed=typed, reason=reason)
        _button(shown, lacking)
        refusals.draw(state_keys.PURGE_REFUSED, "Nothing was started")
    if shown_plan() is None:
        st.rerun()  # it was begun: the page goes on to the job


def _button(shown: Shown, lacking: tuple[str, ...]) -> None:
    plan = shown.plan
    count = plural(plan_tables.entries(plan), "entry", "entries")
    verb = "Go on, and erase" if shown.resumes else "Erase"
    what = escaped(visible(plan_tables.called(plan))) + current.on_which()
    if lacking:
        st.caption(f"Still needed: {', '.join(lacking)}.")
    else:
        st.error(f"**This cannot be undone.** {count} of {what} will be erased.",
                 icon=":material/warning:")  # fmt: skip
    permits.button(f"{verb} {count} of {what}", Action.RUN_PURGE, key="purge_erase",
                   type="secondary" if lacking else "primary", icon=":material/delete_forever:",
                   disabled=bool(lacking), takes=plan_tables.takes(plan.request),
                   on_click=_begin, args=(shown,))  # fmt: skip


def _begin(shown: Shown) -> None:
    """Begin the purge by what was typed, or go on with one; the service checks it again."""
    held, plan = st.session_state, shown.plan
    confirm = plan_tables.confirming(plan, held[state_keys.PURGE_CONFIRM])
    try:
        purge = runtime.desk().purge
        if shown.resumes:
            job = purge.resume(shown.resumes, digest=plan.digest, confirm=confirm)
        else:
            reason = held[state_keys.PURGE_REASON]
            job = purge.begin(plan.digest, confirm=confirm, reason=reason)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.PURGE_REFUSED, exc)
        return
    held.pop(state_keys.PURGE_PLAN, None)
    st.query_params[state_keys.JOB] = job.id
    with suppress(KatoTenantsError):  # it is begun, and the worker looks by itself too
        purge.run_soon()
