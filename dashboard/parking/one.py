"""A tenant's page: parking it, how far that is, and bringing it back."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.draw import amounts, jobs, looks, plan_first
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, moment, size, visible
from dashboard.parking import tables
from services.access.viewer import Action
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


def _jobs(tenant: TenantKey) -> list[Job]:
    return [job for job in runtime.desk().parking.jobs() if job.plan["tenant"] == str(tenant)]


def _unended(tenant: TenantKey) -> Job | None:
    return next((job for job in _jobs(tenant) if job.state is not JobState.ENDED), None)


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
        plan_first.draw_in_the_way(plan.in_the_way)
        plan_first.draw_purge(
            plan.purge, plan.saved, "Goes into the archive, and out of the stores",
            key="parking_saved", stays="where it is", alt="What goes out of each store",
        )  # fmt: skip
        draw_status(Action.PARK, target=str(tenant))
        plan_first.begin(
            plan_first.Button("Park it now", Action.PARK, [tenant], "parking_park", ICON),
            lambda reason: runtime.desk().parking.park(tenant, reason=reason),
            reason_key=state_keys.of(state_keys.PARKING_REASON, tenant),
            refused=state_keys.PARKING_REFUSED, in_the_way=plan.in_the_way,
        )  # fmt: skip


def _planned(tenant: TenantKey) -> Plan | None:
    """Draw the way to a plan, and return the newest; what was planned before a job is past."""
    desk = runtime.desk().parking
    begun = [] if permits.why_not(Action.SEE_PURGES) else _jobs(tenant)
    return plan_first.newest(
        plan_first.Button(
            "See what goes and what stays", Action.PLAN_PURGE, [tenant], "parking_plan"
        ),
        looks.Looks(
            lambda: desk.planned(tenant), lambda: desk.ask(tenant),
            lambda: desk.stop_planning(tenant), Action.PLAN_PURGE, "parking_planning",
            state_keys.PARKING_REFUSED,
        ),
        reads="the stores", begun=max((job.created_at for job in begun), default=None),
    )  # fmt: skip


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
