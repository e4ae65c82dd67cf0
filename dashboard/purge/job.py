"""One purge: how far it is while it runs, what to do when it halted, its receipt when it ended."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import streamlit as st

from dashboard.app import brand, permits, read, refusals, runtime, state_keys, unreadable
from dashboard.draw import cards, jobs
from dashboard.draw.formatting import age, escaped, few, markdown, plural, span, visible
from dashboard.draw.links import copy_link
from dashboard.purge import (
    job_words,
    plan_tables,
    receipt,
    shown_plan,
)
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.jobs.models import JobState, StepState
from services.purge.job import Job, Outcome
from services.purge.receipt import tenants_of
from services.purge.steps import StepName

_NAMED = 20
OUTCOMES = {
    Outcome.ERASED: ("green", ":material/check_circle:"),
    Outcome.ERASED_EXCEPT: ("orange", ":material/shield:"),
    Outcome.PARTIAL: ("orange", ":material/warning:"),
    Outcome.UNKNOWN: ("gray", ":material/cloud_off:"),
}
STATES = {
    JobState.RUNNING: ("blue", ":material/pending:"),
    JobState.STOPPED: ("gray", ":material/pause_circle:"),
    JobState.FAILED: ("red", ":material/error:"),
}


def draw(job_id: str) -> None:
    """Draw the purge that a link names."""
    st.button("All purges", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    try:
        job = runtime.desk().purge.job(job_id)
    except KatoTenantsError as exc:
        st.warning(f"This purge cannot be shown: {markdown(str(exc))}.",
                   icon=":material/search_off:")  # fmt: skip
        return
    _head(job)
    refusals.draw(state_keys.PURGE_REFUSED, "Nothing was done")
    refusals.draw(state_keys.PURGE_UNPLANNED, "There is no plan")
    if job.state is JobState.RUNNING:
        st.fragment(_follow, run_every="1s")(job_id)
    elif job.state is JobState.ENDED:
        receipt.draw(job)
        with st.expander("Steps"):
            _steps(job)
    else:
        _halted(job)
        _steps(job)


def _back() -> None:
    st.query_params.pop(state_keys.JOB, None)


def _head(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(markdown(str(job.plan.request.target)), width="stretch")
        if job.outcome is not None:
            color, icon = OUTCOMES[job.outcome]
            words = plan_tables.OUTCOME_WORDS[job.outcome]
        else:
            color, icon = STATES.get(job.state, ("gray", ":material/help:"))
            words = job_words.STATE_WORDS[job.state]
        brand.name_tab("Purge", _called(job))
        st.badge(words.capitalize(), color=color, icon=icon)  # type: ignore[arg-type]
        copy_link({state_keys.JOB: job.id})
    if job.plan.request.target.tenant is not None:
        cards.beside(read.card(job.plan.request.target.tenant))
    tenants = tenants_of(job)
    if len(tenants) > 1 or job.plan.request.target.user is not None:
        names = escaped(few([visible(tenant) for tenant in tenants], _NAMED))
        st.markdown(f"In **{plural(len(tenants), 'tenant')}**: {names or 'none'}")
    st.caption(f"Requested by {markdown(job.asked_by)} {age(job.created_at)} · "
               f"{markdown(job.reason)}")  # fmt: skip
    included = ", ".join(visible(kb_id) for kb_id in sorted(job.plan.request.included))
    if included:
        st.caption(f"Included by name: {escaped(included)}")


def _called(job: Job) -> str:
    """Say in a few visible words what is open: a receipt, or a purge that goes on or halted."""
    whose = visible(str(job.plan.request.target))
    if job.outcome is not None:
        return f"Receipt of {whose}"
    return f"{job_words.STATE_WORDS[job.state].capitalize()}: {whose}"


def _follow(job_id: str) -> None:
    """Draw how far a running job is; read anew every second."""
    job = unreadable.followed(lambda: runtime.desk().purge.job(job_id))
    if job is None:
        return
    if job.state is not JobState.RUNNING:
        st.rerun()
    now = datetime.now(UTC)
    st.progress(job_words.share_done(job), text=escaped(job_words.now_words(job, now)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Running for {span(max((now - job.created_at).total_seconds(), 0))}. This tab can be "
            "closed: the purge goes on, and this address leads back to it.", width="stretch",
        )  # fmt: skip
        permits.button(
            "Stops before the next step…" if job.stop_asked else "Stop", Action.STOP_PURGE,
            icon=":material/stop:", disabled=job.stop_asked, key="purge_stop", on_click=jobs.do,
            args=(lambda: runtime.desk().purge.stop(job_id), state_keys.PURGE_REFUSED),
            tip="It ends before its next step. What is erased by then stays erased.",
        )  # fmt: skip
    _steps(job)


def _steps(job: Job) -> None:
    frame = job_words.steps_frame(job, datetime.now(UTC))
    st.table(frame, border="horizontal", hide_index=True,
             alt="The steps of this purge: state, result, time")  # fmt: skip


def _resume(job_id: str) -> None:
    purge = runtime.desk().purge
    purge.resume(job_id)
    with suppress(KatoTenantsError):  # the worker looks by itself too
        purge.run_soon()


def _halted(job: Job) -> None:
    check = job.step(StepName.CHECK)
    begun = check is not None and check.state is StepState.DONE
    what = ("What was erased stays erased; the rest is as it was." if begun
            else "Nothing was erased.")  # fmt: skip
    if job.state is JobState.FAILED:
        st.error(f"It failed at {markdown(job.problem)}. {what}", icon=":material/error:")
    else:
        st.info(f"It was stopped between two steps. {what}", icon=":material/pause_circle:")
    st.markdown(
        "It can go on where it is: every step may be repeated. Or it can be ended as it is, with a "
        "receipt of what is left. Until then, the target takes no new session here and no other "
        "purge."
    )
    takes = plan_tables.takes(job.plan.request)
    with st.container(horizontal=True):
        permits.button("Resume", Action.STEER_PURGE, type="primary", icon=":material/play_arrow:",
                       takes=takes, on_click=jobs.do,
                       args=(lambda: _resume(job.id), state_keys.PURGE_REFUSED))  # fmt: skip
        if permits.button(
            "Plan anew…", Action.PLAN_PURGE, icon=":material/fact_check:", takes=takes,
            tip="Plan it again, confirm that, and go on by the new plan: needed where whose data "
            "it is has changed, or the plan is too old.",
        ):  # fmt: skip
            shown_plan.ask(job.plan.request, job.plan.taken, resumes=job.id)
            st.rerun()
        if permits.button("End as it is…", Action.STEER_PURGE, icon=":material/flag:"):
            st.dialog("End this purge as it is?")(_confirm_end)(job.id)


def _confirm_end(job_id: str) -> None:
    st.markdown("The stores are looked at once more, and the receipt says what is left. What is "
                "left can be purged by a new plan.")  # fmt: skip
    if permits.button("End it", Action.STEER_PURGE, type="primary", on_click=jobs.do,
                      args=(lambda: runtime.desk().purge.abandon(job_id),
                            state_keys.PURGE_REFUSED)):  # fmt: skip
        st.rerun()
