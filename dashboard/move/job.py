"""A move under way: how far it is, and what people decide of it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.app import permits, runtime, state_keys
from dashboard.draw import jobs
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, visible
from dashboard.move import tables
from services.access.viewer import Action
from services.jobs.models import Job
from services.move.models import Phase, phase_of, tenant_of

ICON = ":material/move_item:"


def draw(job: Job) -> None:
    """Draw one that has not ended."""
    to, phase = escaped(visible(str(job.plan["to"]))), phase_of(job)
    kind = jobs.Kind(
        lambda: runtime.desk().move, Action.MOVE, f"{tables.TITLES[phase]} {to}", ICON, "move",
        state_keys.MOVE_REFUSED, tables.STEPS, tables.steps_of,
    )  # fmt: skip
    jobs.draw(job, kind, partial(_waits, to=to) if phase is Phase.WAITING else _halted)


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
            icon=":material/swap_horiz:", disabled=not stopped, on_click=jobs.do,
            args=(lambda: desk.cut_over(job.id), state_keys.MOVE_REFUSED),
            tip="Its sessions end, the rest is copied and proven, and it is erased here.",
        )  # fmt: skip
        _give_up(job)


def _halted(job: Job) -> None:
    jobs.why_halted(job)
    leave = st.checkbox("Giving it up, leave there what was copied",
                        key=state_keys.of(state_keys.MOVE_LEAVE, tenant_of(job)))  # fmt: skip
    with st.container(horizontal=True):
        permits.button("Go on", Action.MOVE, tenants=[tenant_of(job)], type="primary",
                       key="move_resume", icon=":material/play_arrow:", on_click=jobs.do,
                       args=(lambda: runtime.desk().move.resume(job.id),
                             state_keys.MOVE_REFUSED))  # fmt: skip
        _give_up(job, leave=leave)


def _give_up(job: Job, *, leave: bool = False) -> None:
    permits.button(
        "Give up", Action.MOVE, tenants=[tenant_of(job)], key="move_give_up",
        icon=":material/close:", on_click=jobs.do,
        args=(lambda: runtime.desk().move.give_up(job.id, leave=leave), state_keys.MOVE_REFUSED),
        tip="Until anything was erased here. What it copied is removed there.",
    )  # fmt: skip
