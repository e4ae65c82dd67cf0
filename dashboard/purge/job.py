"""One purge: how far it is while it runs, what to do when it halted, its receipt when it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from dashboard.app import permits, refusals, runtime, unreadable
from dashboard.app import state_keys as session
from dashboard.draw.downloads import concerned, decided_button, download, file_name
from dashboard.draw.formatting import age, escaped, markdown, moment, plural, span, visible
from dashboard.purge import (
    job_words as purge_steps,
)
from dashboard.purge import (
    plan as purge_plan,
)
from dashboard.purge import (
    plan_tables as purge_tables,
)
from dashboard.purge import (
    receipt_tables as purge_receipts,
)
from services.access.viewer import Action
from services.errors import AccessDenied, KatoTenantsError, NotSignedIn
from services.purge.models import Job, JobState, LaterLook, Outcome, Receipt
from services.purge.receipt import tenants_of
from services.purge.steps import StepName, StepState

_LOOKS_SHOWN = 3

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
    deeds: dict[str, Callable[[str], object]] = {
        "stop": purge.stop, "resume": purge.resume, "abandon": purge.abandon,
        "look again": purge.look_again,
    }  # fmt: skip
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
        if permits.button(
            "Look anew…", Action.PLAN_PURGE, icon=":material/fact_check:",
            tip="Plan it again, confirm that, and go on by the new plan: needed where whose data "
            "it is has changed, or the plan is too old.",
        ):  # fmt: skip
            purge_plan.make(job.plan.request, job.plan.taken, resumes=job.id)
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
        unreadable.draw("The receipt", exc)
        return
    later = runtime.desk().purge.later_looks(job.id)
    if later and later[-1].back and receipt.outcome is not Outcome.PARTIAL:
        _came_back(later)
    else:
        _outcome(receipt)
    _later(job, later)
    _downloads(job, receipt)
    _counts(job, receipt)
    _rest(receipt)
    st.subheader("Facts")
    facts = purge_receipts.facts(receipt)
    st.table({name: escaped(value) for name, value in facts.items()}, border="horizontal",
             width="content", alt="Who asked, why, when, and by which plan")  # fmt: skip
    with st.expander("Steps"):
        _steps(job)


def _came_back(looks: Sequence[LaterLook]) -> None:
    """Say first that the receipt does not hold any more."""
    since = next(look for look in reversed(looks) if look.back)
    st.error(f"**Data is there again since {moment(since.first_at or since.at)}** under "
             f"{plural(since.back, 'name')} of this purge: a client still writes it. What is said "
             "below was so when the purge ended.", icon=":material/history:")  # fmt: skip


def _later(job: Job, looks: Sequence[LaterLook]) -> None:
    """Draw the later looks, and the way to another one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        permits.button("Verify again", Action.PLAN_PURGE, icon=":material/search_check:",
                       on_click=_do, args=("look again", job.id), key="purge_look_again",
                       tip="Look at the stores now, and keep what is found here.")  # fmt: skip
        words = [
            f"Looked again {moment(look.at)}: "
            + (f"{plural(look.back, 'name')} with data" if look.back else "nothing")
            for look in looks[-_LOOKS_SHOWN:]
        ]
        st.caption(". ".join(words) or "Not looked at again since it ended.", width="stretch")


def _outcome(receipt: Receipt) -> None:
    """Say in one line what it came to."""
    if receipt.outcome is Outcome.ERASED:
        st.success("Erased: none of the looks at the end found anything, and nothing of it was "
                   "left out.", icon=":material/check_circle:")  # fmt: skip
    elif receipt.outcome is Outcome.ERASED_EXCEPT:
        st.warning("What was planned is gone, **except what was left out**: it is listed below, "
                   "and is there.", icon=":material/shield:")  # fmt: skip
    elif receipt.outcome is Outcome.PARTIAL:
        st.warning("Not everything is gone. Plan again to erase what is left.",
                   icon=":material/warning:")  # fmt: skip
    else:
        st.warning("Whether everything is gone is not known. Verify again, or plan again, when "
                   "what is named below answers.", icon=":material/cloud_off:")  # fmt: skip
    for text in receipt.problems:
        st.markdown(f"- {markdown(text)}")


def _downloads(job: Job, receipt: Receipt) -> None:
    tenants = tenants_of(job)
    of = st.selectbox(
        "Receipt of", [None, *tenants], format_func=lambda one: visible(one or "the whole purge"),
        key="receipt_of", filter_mode="contains",
    ) if len(tenants) > 1 else None  # fmt: skip
    name = file_name(of) if of else receipt.job_id
    off = permits.why_not(Action.EXPORT)
    with st.container(horizontal=True, gap="small"):
        decided_button(
            "Receipt as JSON", partial(_text, receipt.job_id, of), reason=off,
            mime="application/json", file_name=f"purge-{name}.json", icon=":material/download:",
        )  # fmt: skip
        decided_button(
            "Printable page", partial(_printable, receipt.job_id, of), reason=off,
            mime="text/html", file_name=f"purge-{name}.html", icon=":material/print:",
        )  # fmt: skip


def _text(job_id: str, tenant: str | None) -> str:
    return runtime.desk().purge.receipt_text(job_id, tenant=tenant)


def _printable(job_id: str, tenant: str | None) -> str:
    """Return a page to print, with the stores' versions as the kept receipt has them."""
    receipt = runtime.desk().purge.receipt_to_print(job_id, tenant=tenant)
    return purge_receipts.printable(receipt)


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
    if receipt.conserved:
        with st.expander("Before and after, of everyone"):
            st.dataframe(purge_receipts.conserved_frame(receipt), hide_index=True,
                         key="receipt_conserved",
                         alt="Per store: before, after, deleted, what others did")  # fmt: skip


def _rest(receipt: Receipt) -> None:
    if receipt.left_out:
        st.subheader("Left out")
        st.dataframe(
            purge_tables.left_frame(receipt.left_out), hide_index=True, key="receipt_left",
            placeholder="unknown", column_config=purge_plan.LEFT_COLUMNS,
            alt="What was not touched, with why",
        )  # fmt: skip
    if receipt.disclosed:
        st.subheader("Not erased, or worth knowing")
        listed = "\n".join(f"- {markdown(text)}" for text in receipt.disclosed)
        st.warning(listed, icon=":material/visibility_off:")
    st.caption(f"As of {moment(receipt.ended_at)}.")
