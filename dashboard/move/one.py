"""A tenant's page: moving it to another deployment, and where it is since it moved."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.draw import amounts, jobs, looks, plan_first
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, moment, visible
from dashboard.move import job as job_part
from services.access.viewer import Action
from services.jobs.models import Job, JobState
from services.move.models import Moved, Plan
from services.tenancy.kb_ids import TenantKey

ICON = job_part.ICON


def draw(tenant: TenantKey) -> bool:
    """Draw a job under way, or where it is since it moved; return whether neither is so."""
    refusals.draw(state_keys.MOVE_REFUSED, "Nothing was done")
    job = None if permits.why_not(Action.SEE_PURGES) else _unended(tenant)
    if job is not None:
        job_part.draw(job)
        return False
    moved = runtime.desk().move.moved(tenant)
    if moved is not None:
        _moved(moved)
    return moved is None


def _jobs(tenant: TenantKey) -> list[Job]:
    return [job for job in runtime.desk().move.jobs() if job.plan["tenant"] == str(tenant)]


def _unended(tenant: TenantKey) -> Job | None:
    return next((job for job in _jobs(tenant) if job.state is not JobState.ENDED), None)


def offer(tenant: TenantKey) -> None:
    """Draw what moving is, its plan where that was asked for, and the button that begins.

    Nothing where no other deployment is set.
    """
    names = () if permits.why_not(Action.PLAN_PURGE, [tenant]) else (
        runtime.desk().move.destinations()
    )  # fmt: skip
    if not names:
        return
    with st.expander("Move it", icon=ICON, key=state_keys.of(state_keys.MOVE_OPEN, tenant),
                     on_change="rerun") as section:  # fmt: skip
        if not section.open:
            return
        st.markdown("All that is surely its own is copied to another deployment while its clients "
                    "go on, and the copy is proven. Then it waits until you have stopped them: "
                    "only when you let it cut over, its sessions end, the rest is copied, and it "
                    "is erased here. Until then nothing changes here.")  # fmt: skip
        to = st.selectbox("To", names, key=state_keys.of(state_keys.MOVE_TO, tenant),
                          filter_mode="contains", format_func=visible)  # fmt: skip
        plan = _planned(tenant, to)
        if plan is None:
            return
        plan_first.draw_in_the_way(plan.in_the_way, name=plan.to)
        head = f"Copied to {escaped(visible(plan.to))}, and erased here after the cut-over"
        plan_first.draw_purge(plan.purge, plan.amounts, head, key="move_amounts", stays="here",
                              alt="What is copied, and goes out of each store here")  # fmt: skip
        draw_status(Action.MOVE, target=f"{tenant} to {to}")
        plan_first.begin(
            plan_first.Button("Begin to move it", Action.MOVE, [tenant], "move_begin", ICON),
            lambda reason: runtime.desk().move.begin(tenant, to, reason=reason),
            reason_key=state_keys.of(state_keys.MOVE_REASON, tenant),
            refused=state_keys.MOVE_REFUSED, in_the_way=plan.in_the_way,
        )  # fmt: skip


def _planned(tenant: TenantKey, to: str) -> Plan | None:
    """Draw the way to a plan, and return the newest; what was planned before a move is past."""
    desk = runtime.desk().move
    moves = [] if permits.why_not(Action.SEE_PURGES) else _jobs(tenant)
    return plan_first.newest(
        plan_first.Button("See what goes and what stays", Action.PLAN_PURGE, [tenant], "move_plan"),
        looks.Looks(
            lambda: desk.planned(tenant, to), lambda: desk.ask(tenant, to),
            lambda: desk.stop_planning(tenant, to), Action.PLAN_PURGE, "move_planning",
            state_keys.MOVE_REFUSED,
        ),
        reads="both deployments", begun=max((job.created_at for job in moves), default=None),
    )  # fmt: skip


def _moved(moved: Moved) -> None:
    by = f" by {escaped(visible(moved.by))}" if moved.by else ""
    why = f": {escaped(visible(moved.reason))}" if moved.reason else ""
    with st.container(border=True):
        to = escaped(visible(moved.to))
        st.markdown(f"{ICON} **Moved to {to}** {moment(moved.since)}{by}{why}")
        st.caption(f"It was {escaped(amounts.amounts_words(moved.amounts))}.")
        if moved.outcome not in ("erased", "erased_except"):
            st.warning("Not everything that was to go is gone here: the receipt of the purge says "
                       "what.", icon=":material/help:")  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center"):
            if moved.archive:
                permits.link("archive", "See the archive", {state_keys.ARCHIVE: moved.archive})
            if moved.purge:
                permits.link("purge", "See the receipt", {state_keys.JOB: moved.purge})
            permits.button(
                "Forget that it moved", Action.MOVE, tenants=[moved.tenant], key="move_forget",
                icon=":material/undo:", on_click=jobs.do, tip="So that it can be here again.",
                args=(lambda: runtime.desk().move.forget(moved.tenant), state_keys.MOVE_REFUSED),
            )  # fmt: skip
