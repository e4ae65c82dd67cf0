"""A move under way: how far it is, and what people decide of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.draw import job_steps
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, markdown, moment, visible
from dashboard.move import tables
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.jobs.models import Job, JobState
from services.move.models import Phase, phase_of, tenant_of

ICON = ":material/move_item:"


def draw(job: Job) -> None:
    """Draw one that has not ended."""
    to, phase = escaped(visible(str(job.plan["to"]))), phase_of(job)
    with st.container(border=True):
        who = f" by {escaped(visible(job.asked_by))}" if job.asked_by else ""
        st.markdown(f"{ICON} **{tables.TITLES[phase]} {to}**, begun {moment(job.created_at)}{who}"
                    + (f": {escaped(visible(job.reason))}" if job.reason else ""))  # fmt: skip
        if job.state is JobState.RUNNING:
            st.fragment(_follow, run_every="1s")(job.id)
        elif phase is Phase.WAITING:
            _waits(job, to)
        else:
            _halted(job)
        frame = job_steps.steps_frame(tables.steps_of(job), tables.STEPS)
        st.table(frame, border="horizontal", hide_index=True,
                 alt="Its steps: state, and why one failed")  # fmt: skip


def _follow(job_id: str) -> None:
    """Draw how far it is; read anew every second."""
    desk = runtime.desk().move
    job = unreadable.followed(lambda: desk.job(job_id))
    if job is None:
        return
    if job.state is not JobState.RUNNING:
        st.rerun()
    st.progress(job_steps.share_done(tables.steps_of(job)), text=markdown(job_steps.step_of(job)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("This tab can be closed: it goes on.", width="stretch")
        permits.button(
            "Stops soon…" if job.stop_asked else "Stop", Action.MOVE, key="move_stop",
            icon=":material/stop:", disabled=job.stop_asked, on_click=_do,
            args=(lambda: desk.stop(job_id),), tip="It can go on later, where it is.",
        )  # fmt: skip


def _waits(job: Job, to: str) -> None:
    """Draw what people have to do now, and the two ways on."""
    tenant, desk = tenant_of(job), runtime.desk().move
    st.info(f"All of it is in {to}, and proven; its clients still come here. Stop them, let it cut "
            f"over, and start them again with {to}.", icon=":material/front_hand:")  # fmt: skip
    draw_status(Action.MOVE, target=f"cut over {tenant}")
    stopped = st.checkbox("Its clients are stopped: nobody writes for it, here or there",
                          key=state_keys.of(state_keys.MOVE_STOPPED, tenant))  # fmt: skip
    with st.container(horizontal=True):
        permits.button(
            "Cut over", Action.MOVE, tenants=[tenant], type="primary", key="move_cut_over",
            icon=":material/swap_horiz:", disabled=not stopped, on_click=_do,
            args=(lambda: desk.cut_over(job.id),),
            tip="Its sessions end, the rest is copied and proven, and it is erased here.",
        )  # fmt: skip
        _give_up(job)


def _halted(job: Job) -> None:
    if job.state is JobState.FAILED:
        st.error(f"It halted at {markdown(job.problem)}." if job.problem else "It halted.",
                 icon=":material/error:")  # fmt: skip
    else:
        st.info("It was stopped.", icon=":material/pause_circle:")
    leave = st.checkbox("Giving it up, leave there what was copied",
                        key=state_keys.of(state_keys.MOVE_LEAVE, tenant_of(job)))  # fmt: skip
    with st.container(horizontal=True):
        permits.button("Go on", Action.MOVE, tenants=[tenant_of(job)], type="primary",
                       key="move_resume", icon=":material/play_arrow:", on_click=_do,
                       args=(lambda: runtime.desk().move.resume(job.id),))  # fmt: skip
        _give_up(job, leave=leave)


def _give_up(job: Job, *, leave: bool = False) -> None:
    permits.button(
        "Give up", Action.MOVE, tenants=[tenant_of(job)], key="move_give_up",
        icon=":material/close:", on_click=_do,
        args=(lambda: runtime.desk().move.give_up(job.id, leave=leave),),
        tip="Until anything was erased here. What it copied is removed there.",
    )  # fmt: skip


def _do(deed: Callable[[], object]) -> None:
    """Do it in a callback; a refusal is said with the next drawing."""
    try:
        deed()
    except KatoTenantsError as exc:
        refusals.keep(state_keys.MOVE_REFUSED, exc)
