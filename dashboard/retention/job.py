"""One run: how far it is, what to do when it halted, and what came of it."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from dashboard.app import brand, permits, refusals, rule_keys, runtime, state_keys, unreadable
from dashboard.draw import jobs, usage_tables
from dashboard.draw.formatting import age, escaped, markdown, moment, plural
from dashboard.draw.links import copy_link
from dashboard.retention import tables
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.jobs.models import Job, JobState, StepState
from services.retention.formats import left_kept

_COLORS = {"done": "green", "partial": "orange", "unknown": "gray"}


def draw(job_id: str) -> None:
    """Draw the run that a link names."""
    st.button("All of retention", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    try:
        job = runtime.desk().retention.job(job_id)
    except KatoTenantsError as exc:
        st.warning(f"This run cannot be shown: {markdown(str(exc))}.",
                   icon=":material/search_off:")  # fmt: skip
        return
    _head(job)
    refusals.draw(rule_keys.RETENTION_REFUSED, "Nothing was done")
    if job.state is JobState.RUNNING:
        st.fragment(_follow, run_every="1s")(job_id)
    elif job.state is JobState.ENDED:
        _receipt(job)
    else:
        _halted(job)


def _back() -> None:
    st.query_params.pop(state_keys.JOB, None)


def _head(job: Job) -> None:
    words = tables.STATES[job.state] if job.outcome is None else tables.OUTCOMES[job.outcome]
    color = _COLORS.get(job.outcome or "", "red" if job.state is JobState.FAILED else "blue")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(f"Run of {moment(job.created_at)}", width="stretch")
        brand.name_tab("Retention", f"Run: {words}")
        st.badge(words.capitalize(), color=color)  # type: ignore[arg-type]
        copy_link({state_keys.JOB: job.id})
    who = f"Begun by {markdown(job.asked_by)} " if job.asked_by else "Begun "
    st.caption(f"{who}{age(job.created_at)}" + (f" · {markdown(job.reason)}" * bool(job.reason)))


def _follow(job_id: str) -> None:
    """Draw how far a run is; read anew every second."""
    job = unreadable.followed(lambda: runtime.desk().retention.job(job_id))
    if job is None:
        return
    if job.state is not JobState.RUNNING:
        st.rerun()
    done = sum(step.state is StepState.DONE for step in job.steps)
    st.progress(done / max(1, len(job.steps)), text=escaped(_now(job)))
    permits.button(
        "Stops soon…" if job.stop_asked else "Stop", Action.STOP_JOB, icon=":material/stop:",
        tenants=(), disabled=job.stop_asked, key="retention_stop", on_click=jobs.do,
        args=(lambda: runtime.desk().retention.stop(job_id), rule_keys.RETENTION_REFUSED),
        tip="What is gone by then stays gone.",
    )  # fmt: skip


def _now(job: Job) -> str:
    step = next((s.name for s in job.steps if s.state is StepState.STARTED), "")
    return ": ".join(filter(None, (str(step), job.progress.words))) or "It begins"


def _resume(job_id: str) -> None:
    desk = runtime.desk().retention
    desk.resume(job_id)
    with suppress(KatoTenantsError):  # the worker looks by itself too
        desk.run_soon()


def _halted(job: Job) -> None:
    if job.state is JobState.FAILED:
        st.error(f"It failed at {markdown(job.problem)}." if job.problem else "It failed.",
                 icon=":material/error:")  # fmt: skip
    else:
        st.info("It was stopped.", icon=":material/pause_circle:")
    st.markdown(
        "It can go on where it is: everything is judged anew. Ended as it is, what it did "
        "not do is due the next time. Until then no other run begins."
    )
    with st.container(horizontal=True):
        permits.button("Resume", Action.RUN_RETENTION, type="primary", on_click=jobs.do,
                       icon=":material/play_arrow:",
                       args=(lambda: _resume(job.id), rule_keys.RETENTION_REFUSED))  # fmt: skip
        permits.button("End as it is", Action.RUN_RETENTION, on_click=jobs.do,
                       icon=":material/stop:",
                       args=(lambda: runtime.desk().retention.abandon(job.id),
                             rule_keys.RETENTION_REFUSED))  # fmt: skip


def _receipt(job: Job) -> None:
    receipt = job.receipt or {"lines": [], "left_out": [], "problems": []}
    gone = tables.gone_of(job.receipt)
    left = len(receipt["left_out"])
    stayed = f", and {plural(left, 'owner')} left as before" if left else ""
    st.markdown(f"**{'An unknown number' if gone is None else f'{gone:,}'} gone**{stayed}.")
    for problem in receipt["problems"]:
        st.warning(markdown(problem), icon=":material/help:")
    frame = tables.receipt_frame(receipt)
    if len(frame):
        st.dataframe(frame, hide_index=True, placeholder=usage_tables.NONE,
                     alt="What came of each owner: before, gone, after")  # fmt: skip
        st.caption("Before = gone + by others + after. What others wrote meanwhile is below 0.")
    left_out = [left_kept(each) for each in receipt["left_out"]]
    if left_out:
        with st.expander(f"Left as before ({left:,})"):
            st.dataframe(tables.left_frame(left_out), hide_index=True,
                         placeholder=usage_tables.NONE,
                         alt="What was left as it was, and why")  # fmt: skip
