"""A tenant's page: parking it, how far that is, and bringing it back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.draw import job_steps
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, markdown, moment, size, visible
from dashboard.parking import tables
from services.access.viewer import Action
from services.errors import AccessDenied, KatoTenantsError, NotSignedIn
from services.jobs.models import Job, JobState
from services.parking.models import Parked, Plan
from services.tenancy.kb_ids import TenantKey

ICON = ":material/local_parking:"
_ACTIONS = {"park": Action.PARK, "unpark": Action.UNPARK}


def draw(tenant: TenantKey, *, there: bool = True) -> None:
    """Draw what of parking concerns a tenant now: a job, that it is parked, or the way to it.

    `there` is whether any of it is in the stores, and so can be parked.
    """
    job = None if permits.why_not(Action.SEE_PURGES) else _unended(tenant)
    refusals.draw(state_keys.PARKING_REFUSED, "Nothing was done")
    if job is not None:
        _job(job)
        return
    parked = runtime.desk().parking.parked(tenant)
    if parked is not None:
        _parked(parked)
    elif there and not permits.why_not(Action.PLAN_PURGE, [tenant]):
        _offer(tenant)


def _unended(tenant: TenantKey) -> Job | None:
    mine = (
        job for job in runtime.desk().parking.jobs()
        if job.plan["tenant"] == str(tenant) and job.state is not JobState.ENDED
    )  # fmt: skip
    return next(mine, None)


# --- parking it ---


def _offer(tenant: TenantKey) -> None:
    """Draw what parking is, its plan where that was asked for, and the button that begins."""
    with st.expander("Park it", icon=ICON, key=state_keys.of(state_keys.PARKING_OPEN, tenant),
                     on_change="rerun") as offer:  # fmt: skip
        if not offer.open:
            return
        st.markdown("All that the stores hold of it goes into an archive that is proven, and then "
                    "out of the stores. It can be brought back at any time. Its sessions end, and "
                    "it gets no new ones meanwhile.")  # fmt: skip
        plan = _planned(tenant)
        if plan is None:
            return
        _draw_plan(plan)
        draw_status(Action.PARK, target=str(tenant))
        key = state_keys.of(state_keys.PARKING_REASON, tenant)
        reason = st.text_input("Reason or ticket", key=key, live=True)
        permits.button(
            "Park it now", Action.PARK, tenants=[tenant], type="primary", icon=ICON,
            key="parking_park", disabled=bool(plan.in_the_way) or not reason.strip(),
            tip=None if reason.strip() else "Say why.", on_click=_do,
            args=(lambda: runtime.desk().parking.park(tenant, reason=reason),),
        )  # fmt: skip


def _planned(tenant: TenantKey) -> Plan | None:
    """Plan it once it is asked for, and keep that for as long as the expander is open."""
    key = state_keys.of(state_keys.PARKING_PLAN, tenant)
    asked = permits.button("See what goes and what stays", Action.PLAN_PURGE, tenants=[tenant],
                           key="parking_plan", icon=":material/manage_search:",
                           tip="Reads the stores, and changes nothing.")  # fmt: skip
    if asked:
        with st.spinner("Reading the stores"):
            try:
                st.session_state[key] = runtime.desk().parking.plan(tenant)
            except (AccessDenied, NotSignedIn):
                raise
            except KatoTenantsError as exc:
                refusals.say(exc)
                return None
    plan: Plan | None = st.session_state.get(key)
    return plan


def _draw_plan(plan: Plan) -> None:
    for text in plan.in_the_way:
        st.error(markdown(permits.sentence(text)), icon=":material/block:")
    st.dataframe(job_steps.amounts_frame(plan.saved), hide_index=True, key="parking_saved",
                 width="content", alt="What goes out of each store")  # fmt: skip
    stays = job_steps.stays_words(plan.purge)
    if stays:
        st.info(f"It stays where it is, since it is not surely this tenant's alone: "
                f"{escaped(stays)}.", icon=":material/group:")  # fmt: skip


# --- parked ---


def _parked(parked: Parked) -> None:
    by = f" by {escaped(visible(parked.by))}" if parked.by else ""
    why = f": {escaped(visible(parked.reason))}" if parked.reason else ""
    with st.container(border=True):
        st.markdown(f"{ICON} **Parked** since {moment(parked.since)}{by}{why}")
        saved = escaped(job_steps.amounts_words(parked.saved))
        st.caption(f"The stores no longer hold {saved}. The archive has {size(parked.bytes)}.")
        if parked.outcome not in ("erased", "erased_except"):
            st.warning("Not everything that was to go is gone: the receipt of the purge says what.",
                       icon=":material/help:")  # fmt: skip
        draw_status(Action.UNPARK, target=str(parked.tenant))
        key = state_keys.of(state_keys.PARKING_REASON, parked.tenant)
        reason = st.text_input("Reason or ticket", key=key, live=True)
        with st.container(horizontal=True, vertical_alignment="center"):
            permits.button(
                "Bring it back", Action.UNPARK, tenants=[parked.tenant], type="primary",
                icon=":material/unarchive:", key="parking_unpark", disabled=not reason.strip(),
                tip=None if reason.strip() else "Say why.", on_click=_do,
                args=(lambda: runtime.desk().parking.unpark(parked.tenant, reason=reason),),
            )  # fmt: skip
            if parked.archive:
                permits.link("archive", "See the archive", {state_keys.ARCHIVE: parked.archive})
            if parked.purge:
                permits.link("purge", "See the receipt", {state_keys.JOB: parked.purge})


# --- a job under way ---


def _job(job: Job) -> None:
    with st.container(border=True):
        who = f" by {escaped(visible(job.asked_by))}" if job.asked_by else ""
        st.markdown(f"{ICON} **{tables.DEEDS[job.kind]}**, begun {moment(job.created_at)}{who}"
                    + (f": {escaped(visible(job.reason))}" if job.reason else ""))  # fmt: skip
        if job.state is JobState.RUNNING:
            st.fragment(_follow, run_every="1s")(job.id)
        else:
            _halted(job)
        frame = job_steps.steps_frame(job.steps, tables.STEPS)
        st.table(frame, border="horizontal", hide_index=True,
                 alt="Its steps: state, and why one failed")  # fmt: skip


def _follow(job_id: str) -> None:
    """Draw how far it is; read anew every second."""
    job = unreadable.followed(lambda: runtime.desk().parking.job(job_id))
    if job is None:
        return
    if job.state is not JobState.RUNNING:
        st.rerun()
    st.progress(job_steps.share_done(job.steps), text=markdown(job_steps.step_of(job)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("This tab can be closed: it goes on.", width="stretch")
        desk = runtime.desk().parking
        permits.button(
            "Stops soon…" if job.stop_asked else "Stop", _ACTIONS[job.kind], key="parking_stop",
            icon=":material/stop:", disabled=job.stop_asked, on_click=_do,
            args=(lambda: desk.stop(job_id),), tip="It can go on later, where it is.",
        )  # fmt: skip


def _halted(job: Job) -> None:
    if job.state is JobState.FAILED:
        st.error(f"It halted at {markdown(job.problem)}." if job.problem else "It halted.",
                 icon=":material/error:")  # fmt: skip
    else:
        st.info("It was stopped.", icon=":material/pause_circle:")
    desk = runtime.desk().parking
    with st.container(horizontal=True):
        permits.button("Go on", _ACTIONS[job.kind], type="primary", key="parking_resume",
                       icon=":material/play_arrow:", on_click=_do,
                       args=(lambda: desk.resume(job.id),))  # fmt: skip
        permits.button("Give up", _ACTIONS[job.kind], key="parking_end", icon=":material/close:",
                       tip="Only while nothing was erased or written.", on_click=_do,
                       args=(lambda: desk.abandon(job.id),))  # fmt: skip


def _do(deed: Callable[[], object]) -> None:
    """Do it in a callback; a refusal is said with the next drawing."""
    try:
        deed()
    except KatoTenantsError as exc:
        refusals.keep(state_keys.PARKING_REFUSED, exc)
