"""A tenant's page: parking it, how far that is, and bringing it back."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.draw import amounts, jobs
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


def draw(tenant: TenantKey) -> bool:
    """Draw a job under way, or that it is parked; return whether neither is so."""
    job = None if permits.why_not(Action.SEE_PURGES) else _unended(tenant)
    refusals.draw(state_keys.PARKING_REFUSED, "Nothing was done")
    if job is not None:
        _job(job)
        return False
    parked = runtime.desk().parking.parked(tenant)
    if parked is not None:
        _parked(parked)
    return parked is None


def _unended(tenant: TenantKey) -> Job | None:
    mine = (
        job for job in runtime.desk().parking.jobs()
        if job.plan["tenant"] == str(tenant) and job.state is not JobState.ENDED
    )  # fmt: skip
    return next(mine, None)


# --- parking it ---


def offer(tenant: TenantKey) -> None:
    """Draw what parking is, its plan where that was asked for, and the button that begins."""
    if permits.why_not(Action.PLAN_PURGE, [tenant]):
        return
    with st.expander("Park it", icon=ICON, key=state_keys.of(state_keys.PARKING_OPEN, tenant),
                     on_change="rerun") as section:  # fmt: skip
        if not section.open:
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
            tip=amounts.why_not_yet(plan.in_the_way, reason), on_click=jobs.do,
            args=(lambda: runtime.desk().parking.park(tenant, reason=reason),
                  state_keys.PARKING_REFUSED),
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
    st.markdown("**Goes into the archive, and out of the stores:**")
    st.dataframe(amounts.amounts_frame(plan.saved), hide_index=True, key="parking_saved",
                 width="content", alt="What goes out of each store")  # fmt: skip
    stays = amounts.stays_words(plan.purge)
    if stays:
        st.info(f"It stays where it is, since it is not surely this tenant's alone: "
                f"{escaped(stays)}.", icon=":material/group:")  # fmt: skip


# --- parked ---


def _parked(parked: Parked) -> None:
    by = f" by {escaped(visible(parked.by))}" if parked.by else ""
    why = f": {escaped(visible(parked.reason))}" if parked.reason else ""
    with st.container(border=True):
        st.markdown(f"{ICON} **Parked** since {moment(parked.since)}{by}{why}")
        saved = escaped(amounts.amounts_words(parked.saved))
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
                tip=None if reason.strip() else "Say why.", on_click=jobs.do,
                args=(lambda: runtime.desk().parking.unpark(parked.tenant, reason=reason),
                      state_keys.PARKING_REFUSED),
            )  # fmt: skip
            if parked.archive:
                permits.link("archive", "See the archive", {state_keys.ARCHIVE: parked.archive})
            if parked.purge:
                permits.link("purge", "See the receipt", {state_keys.JOB: parked.purge})


# --- a job under way ---


def _job(job: Job) -> None:
    kind = jobs.Kind(
        lambda: runtime.desk().parking, _ACTIONS[job.kind], tables.DEEDS[job.kind], ICON, "parking",
        state_keys.PARKING_REFUSED, tables.STEPS,
    )  # fmt: skip
    jobs.draw(job, kind, jobs.on_or_up(
        kind, runtime.desk().parking.abandon,
        "Only while nothing was erased or written.",
    ))  # fmt: skip
