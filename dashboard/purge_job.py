"""One purge: how far it is while it runs, what to do when it halted, its receipt when it ended."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from dashboard import (
    permits,
    purge_receipts,
    purge_steps,
    purge_tables,
    refusals,
    runtime,
    session,
    unread,
)
from dashboard.downloads import download
from dashboard.exports import concerned, decided_button
from dashboard.formatting import age, escaped, markdown, moment, span, visible
from services.access.models import Action
from services.errors import AccessDenied, KatoTenantsError, NotSignedIn
from services.purging.models import Job, JobState, Outcome, Receipt, StepName, StepState

OUTCOMES = {
    Outcome.ERASED: ("green", ":material/check_circle:"),
    Outcome.PARTIAL: ("orange", ":material/warning:"),
    Outcome.UNKNOWN: ("gray", ":material/cloud_off:"),
}
STATES = {
    JobState.RUNNING: ("blue", ":material/pending:"),
    JobState.STOPPED: ("gray", ":material/pause_circle:"),
    JobState.FAILED: ("red", ":material/error:"),
}
COUNT_COLUMNS = {
    name: st.column_config.NumberColumn(format="localized") for name in purge_receipts.COUNTS
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
    refusals.draw(session.PURGE_REFUSED, "Nothing was done")
    if job.state is JobState.RUNNING:
        st.fragment(_follow, run_every="1s")(job_id)
    elif job.state is JobState.ENDED:
        _ended(job)
    else:
        _halted(job)
        _steps(job)


def _back() -> None:
    del st.query_params[session.JOB]


def _head(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(markdown(str(job.plan.request.target)), width="stretch")
        if job.outcome is not None:
            color, icon = OUTCOMES[job.outcome]
            words = purge_tables.OUTCOME_WORDS[job.outcome]
        else:
            color, icon = STATES.get(job.state, ("gray", ":material/help:"))
            words = purge_steps.STATE_WORDS[job.state]
        st.badge(words.capitalize(), color=color, icon=icon)  # type: ignore[arg-type]
    st.caption(f"Asked by {markdown(job.asked_by)} {age(job.created_at)}, for: "
               f"{markdown(job.reason)}")  # fmt: skip
    included = ", ".join(visible(kb_id) for kb_id in sorted(job.plan.request.included))
    if included:
        st.caption(f"Included by name: {escaped(included)}")


def _follow(job_id: str) -> None:
    """Draw how far a running job is; read anew every second."""
    try:
        job = runtime.desk().purge.job(job_id)
    except (AccessDenied, NotSignedIn):
        raise  # to who says so calmly
    except KatoTenantsError as exc:
        st.warning(f"How far it is cannot be read: {markdown(str(exc))}. It goes on all the same.",
                   icon=":material/cloud_off:")  # fmt: skip
        return
    if job.state is not JobState.RUNNING:
        st.rerun()
    now = datetime.now(UTC)
    st.progress(purge_steps.share_done(job), text=escaped(purge_steps.now_words(job, now)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Running for {span(max((now - job.created_at).total_seconds(), 0))}. This tab can be "
            "closed: the purge goes on, and this address leads back to it.", width="stretch",
        )  # fmt: skip
        permits.button(
            "Stops before the next step…" if job.stop_asked else "Stop", Action.STOP_PURGE,
            icon=":material/stop:", disabled=job.stop_asked, key="purge_stop", on_click=_do,
            args=("stop", job_id),
            tip="It ends before its next step. What is erased by then stays erased.",
        )  # fmt: skip
    _steps(job)


def _steps(job: Job) -> None:
    frame = purge_steps.steps_frame(job, datetime.now(UTC))
    st.table(frame, border="horizontal", hide_index=True,
             alt="The steps of this purge: state, result, time")  # fmt: skip


def _do(deed: str, job_id: str) -> None:
    """Stop, resume or abandon a job; a refusal is said with the next drawing."""
    purge = runtime.desk().purge
    deeds = {"stop": purge.stop, "resume": purge.resume, "abandon": purge.abandon}
    try:
        deeds[deed](job_id)
    except KatoTenantsError as exc:
        refusals.keep(session.PURGE_REFUSED, exc)
        return
    if deed == "resume":
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
    with st.container(horizontal=True):
        permits.button("Resume", Action.STEER_PURGE, type="primary", icon=":material/play_arrow:",
                       on_click=_do, args=("resume", job.id))  # fmt: skip
        if permits.button("End as it is…", Action.STEER_PURGE, icon=":material/flag:"):
            st.dialog("End this purge as it is?")(_confirm_end)(job.id)


def _confirm_end(job_id: str) -> None:
    st.markdown("The stores are looked at once more, and the receipt says what is left. What is "
                "left can be purged by a new plan.")  # fmt: skip
    if permits.button("End it", Action.STEER_PURGE, type="primary", on_click=_do,
                      args=("abandon", job_id)):  # fmt: skip
        st.rerun()


def _ended(job: Job) -> None:
    try:
        receipt = runtime.desk().purge.receipt(job.id)
    except KatoTenantsError as exc:
        unread.draw("The receipt", exc)
        return
    _outcome(receipt)
    _downloads(receipt)
    _counts(job, receipt)
    _rest(receipt)
    st.subheader("Facts")
    facts = purge_receipts.facts(receipt)
    st.table({name: escaped(value) for name, value in facts.items()}, border="horizontal",
             width="content", alt="Who asked, why, when, and by which plan")  # fmt: skip
    with st.expander("Steps"):
        _steps(job)


def _outcome(receipt: Receipt) -> None:
    """Say in one line what it came to."""
    if receipt.outcome is Outcome.ERASED:
        st.success("Everything that was planned is gone: the last look found nothing.",
                   icon=":material/check_circle:")  # fmt: skip
    elif receipt.outcome is Outcome.PARTIAL:
        st.warning("Not everything is gone. Plan again to erase what is left.",
                   icon=":material/warning:")  # fmt: skip
    else:
        st.warning("Whether everything is gone is not known: a store could not be asked at the "
                   "end. Plan again when it answers.", icon=":material/cloud_off:")  # fmt: skip
    for text in receipt.problems:
        st.markdown(f"- {markdown(text)}")


def _downloads(receipt: Receipt) -> None:
    off = permits.why_not(Action.EXPORT)
    with st.container(horizontal=True, gap="small"):
        decided_button(
            "Receipt as JSON", partial(_text, receipt.job_id), reason=off, mime="application/json",
            file_name=f"purge-{receipt.job_id}.json", icon=":material/download:",
        )  # fmt: skip
        decided_button(
            "Printable page", partial(_printable, receipt), reason=off, mime="text/html",
            file_name=f"purge-{receipt.job_id}.html", icon=":material/print:",
        )  # fmt: skip


def _text(job_id: str) -> str:
    return runtime.desk().purge.receipt_text(job_id)


def _printable(receipt: Receipt) -> str:
    """Return a page to print, with the stores' versions as the kept receipt has them."""
    versions = purge_receipts.versions_of(_text(receipt.job_id))
    return purge_receipts.printable(receipt, versions)


def _counts(job: Job, receipt: Receipt) -> None:
    st.subheader("By store")
    st.dataframe(
        purge_receipts.stores_frame(receipt), hide_index=True, key="receipt_stores",
        placeholder="unknown", height="content", column_config=COUNT_COLUMNS,
        alt="Per store: planned, deleted, already absent, failed, left",
    )  # fmt: skip
    frame = purge_receipts.lines_frame(receipt)
    if not frame.empty:
        with st.expander(f"Line by line ({len(frame):,})"):
            st.dataframe(frame, hide_index=True, key="receipt_lines", placeholder="unknown",
                         column_config=COUNT_COLUMNS, alt="Each line of the receipt")  # fmt: skip
            tenants = concerned(job.plan)
            download(frame, f"purge_{receipt.job_id}", tenants=tenants)


def _rest(receipt: Receipt) -> None:
    if receipt.left_out:
        st.subheader("Left out")
        st.dataframe(purge_tables.left_frame(receipt.left_out), hide_index=True, key="receipt_left",
                     alt="kb_ids that were not touched, with why")  # fmt: skip
    if receipt.disclosed:
        st.subheader("Cannot be told apart by tenant")
        for text in receipt.disclosed:
            st.markdown(f"- {markdown(text)}")
    st.caption(f"As of {moment(receipt.ended_at)}.")
