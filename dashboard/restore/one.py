"""One restore: how far it is while it runs, what to do when it halted, its receipt at the end."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.app import brand, current, permits, read, refusals, runtime, state_keys, unreadable
from dashboard.draw import cards, job_steps, unknown, usage_tables
from dashboard.draw.archive_parts import is_own, part_words
from dashboard.draw.downloads import download
from dashboard.draw.formatting import age, escaped, few, markdown, moment, number, plural, visible
from dashboard.draw.links import copy_link
from dashboard.restore import given_up, plan as plan_parts, tables
from services.access.viewer import Action
from services.errors import AccessDenied, KatoTenantsError, NotSignedIn
from services.jobs.models import Job, JobState
from services.restore.formats import plan_of, receipt_of
from services.restore.models import Outcome, Receipt

_SHOWN = 20


def draw(job_id: str) -> None:
    """Draw the restore that a link names."""
    st.button("All archives", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    try:
        job = runtime.desk().restore.job(job_id)
    except (AccessDenied, NotSignedIn):
        raise
    except KatoTenantsError as exc:
        st.warning(f"This restore cannot be shown: {markdown(str(exc))}.",
                   icon=":material/search_off:")  # fmt: skip
        return
    _head(job)
    refusals.draw(state_keys.RESTORE_REFUSED, "Nothing was done")
    if job.state is JobState.RUNNING:
        st.fragment(_follow, run_every="1s")(job.id)
    elif job.receipt:
        _receipt(receipt_of(job.receipt))
    else:
        _halted(job)
    if job.state is not JobState.RUNNING:
        with st.expander("Steps", expanded=job.receipt is None):
            _steps(job)


def _back() -> None:
    st.query_params.pop(state_keys.RESTORE, None)


def _archive(archive_id: str) -> None:
    st.query_params.from_dict(current.addressed({state_keys.ARCHIVE: archive_id}))


def _head(job: Job) -> None:
    plan = plan_of(job.plan)
    called = tables.whose(plan)
    words, color, icon = tables.state_of(job)
    brand.name_tab("Restore", f"{words}: {called}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(escaped(called), width="stretch")
        st.badge(words, color=color, icon=icon)
        copy_link({state_keys.RESTORE: job.id})
    tenant = plan.named or plan.target.tenant
    if tenant is not None:
        cards.beside(read.card(tenant))
    who = f"Asked for by {markdown(job.asked_by)} " if job.asked_by else "Asked for "
    ended = "" if job.ended_at is None else f" · ended {moment(job.ended_at)}"
    st.caption(f"{who}{age(job.created_at)} · {markdown(job.reason)}{ended}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("The archive", icon=":material/archive:", type="tertiary", key="restore_archive",
                  on_click=_archive, args=(plan.archive_id,))  # fmt: skip
        for tenant in plan.tenants:
            name = visible(str(tenant))
            permits.link("tenant", escaped(name), {state_keys.TENANT: name})


def _follow(job_id: str) -> None:
    """Draw how far it is; read anew every second."""
    job = unreadable.followed(lambda: runtime.desk().restore.job(job_id))
    if job is None:
        return
    if job.state is not JobState.RUNNING:
        st.rerun()
    st.progress(job_steps.share_done(job.steps), text=markdown(_now(job)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("This tab can be closed: it goes on, and this address leads back to it.",
                   width="stretch")  # fmt: skip
        permits.button(
            "Stops soon…" if job.stop_asked else "Stop", Action.STOP_JOB, icon=":material/stop:",
            disabled=job.stop_asked, key="restore_stop", on_click=_do, args=("stop", job_id),
            tip="What is written stays; it can go on later, where it is.",
        )  # fmt: skip
    _steps(job)


def _now(job: Job) -> str:
    """Say what is being done, and how much of it is."""
    said = job.progress
    share = "" if said.whole is None else f": {number(said.done)} of {number(said.whole)}"
    return f"{part_words(said.words)}{share}" if said.words else "Waits for its turn"


def _steps(job: Job) -> None:
    st.table(job_steps.steps_frame(job.steps, tables.STEPS), border="horizontal", hide_index=True,
             alt="The steps of the restore: state, and why one failed")  # fmt: skip


def _halted(job: Job) -> None:
    if job.state is JobState.FAILED:
        st.error(f"It halted at {markdown(job.problem)}." if job.problem else "It halted.",
                 icon=":material/error:")  # fmt: skip
    else:
        st.info("It was stopped. What is written stays.", icon=":material/pause_circle:")
    with st.container(horizontal=True):
        permits.button("Go on", Action.RESTORE, type="primary", icon=":material/play_arrow:",
                       key="restore_resume", on_click=_do, args=("resume", job.id))  # fmt: skip
        given_up.ask(job, plan_of(job.plan))


def _do(deed: str, job_id: str) -> None:
    """Stop or resume it; a refusal is said with the next drawing."""
    restores = runtime.desk().restore
    deeds: dict[str, Callable[[str], object]] = {"stop": restores.stop, "resume": restores.resume}
    try:
        deeds[deed](job_id)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.RESTORE_REFUSED, exc)


# --- one that ended ---


def _receipt(receipt: Receipt) -> None:
    if receipt.given_up is not None:
        given_up.draw(receipt.given_up)
        return
    if receipt.outcome is not Outcome.RESTORED:
        st.warning("Not all is as in the archive: what differs is named below. What was there "
                   "before was left as it was.", icon=":material/warning:")  # fmt: skip
        for text in tables.differing_words(receipt):
            st.markdown(f"- {escaped(text)}")
    elif any(each.archived for each in receipt.parts if not is_own(each.part)):
        but = " but what was left out" if any(each.left_out for each in receipt.parts) else ""
        st.success(f"Every row, key and point{but} is as in the archive.",
                   icon=":material/check_circle:")  # fmt: skip
    else:
        st.warning("No row, key or vector is in the archive, so none came back.",
                   icon=":material/inbox:")  # fmt: skip
    frame = tables.receipt_frame(receipt)
    unknown.dashes(frame, [tables.BEFORE])
    st.dataframe(
        frame, hide_index=True, key="restore_receipt", column_config=plan_parts.COLUMNS,
        placeholder=usage_tables.NONE,
        alt="Each part: in the archive, there before, expired meanwhile, and different now",
    )  # fmt: skip
    download(frame, "restore_receipt", tenants=receipt.tenants or None)
    for text in _notes(receipt):
        st.caption(markdown(text))


def _notes(receipt: Receipt) -> list[str]:
    lost = few([visible(name) for name in receipt.field_ends_lost], _SHOWN)
    expired = sum(each.expired for each in receipt.parts)
    held = tables.hold_words(receipt.holds)
    found = [
        f"On legal hold again, as when it was archived: {held}." if held else "",
        *(f"{text}." for text in tables.left_out_words(receipt.parts)),
        f"{plural(expired, 'key')} had expired, and did not come back." if expired else "",
        f"{plural(receipt.mentions, 'row')} name in their text what has another name now."
        if receipt.mentions else "",
        f"This server lets no fields end, so those of these hashes stay: {lost}." if lost else "",
        f"{plural(receipt.kept_limits, 'limit')} set otherwise now, and kept."
        if receipt.kept_limits else "",
        *tables.kept_words(receipt),
    ]  # fmt: skip
    return [text for text in found if text]
