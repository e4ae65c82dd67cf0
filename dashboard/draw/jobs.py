"""A job under way: who began it, how far it is, and letting it stop, go on or be given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from dashboard.app import permits, refusals, unreadable
from dashboard.draw import job_steps
from dashboard.draw.formatting import escaped, markdown, moment, visible
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.jobs.models import Job, JobState, Step
from services.tenancy.kb_ids import TenantKey

GIVEN_UP = ":material/close:"


class Steers(Protocol):
    """The jobs of one kind, as the viewer may see and steer them."""

    def job(self, job_id: str) -> Job:
        """Return one."""

    def stop(self, job_id: str) -> None:
        """Let one end as soon as it can."""

    def resume(self, job_id: str) -> object:
        """Let a stopped or failed one go on."""


def _all_steps(job: Job) -> Sequence[Step[str]]:
    return job.steps


@dataclass(frozen=True, slots=True)
class Kind:
    """How jobs of a kind are drawn.

    `desk` is asked anew each time; `key` begins the widgets' keys, and `refused` is the name under
    which a refusal is kept. `steps` are the steps' words, `steps_of` those that are told of a job.
    """

    desk: Callable[[], Steers]
    action: Action
    title: str
    icon: str
    key: str
    refused: str
    steps: Mapping[str, str]
    steps_of: Callable[[Job], Sequence[Step[str]]] = _all_steps


def draw(job: Job, kind: Kind, ways_on: Callable[[Job], None]) -> None:
    """Draw a job that has not ended; of one that stands still, `ways_on` draws what can be done."""
    with st.container(border=True):
        who = f" by {escaped(visible(job.asked_by))}" if job.asked_by else ""
        st.markdown(f"{kind.icon} **{kind.title}**, begun {moment(job.created_at)}{who}"
                    + (f": {escaped(visible(job.reason))}" if job.reason else ""))  # fmt: skip
        if job.state is JobState.RUNNING:
            st.fragment(_follow, run_every="1s")(job.id, kind)
        else:
            ways_on(job)
            _steps(job, kind)


def do(deed: Callable[[], object], refused: str) -> None:
    """Do it in a callback; a refusal is kept under that name, and said with the next drawing."""
    try:
        deed()
    except KatoTenantsError as exc:
        refusals.keep(refused, exc)


def _follow(job_id: str, kind: Kind) -> None:
    """Draw how far it is; read anew every second."""
    job = unreadable.followed(lambda: kind.desk().job(job_id))
    if job is None:
        return
    if job.state is not JobState.RUNNING:
        st.rerun()
    share = job_steps.share_done(kind.steps_of(job))
    st.progress(share, text=markdown(job_steps.step_of(job)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("This tab can be closed: it goes on.", width="stretch")
        permits.button(
            "Stops soon…" if job.stop_asked else "Stop", Action.STOP_JOB, key=f"{kind.key}_stop",
            icon=":material/stop:", disabled=job.stop_asked, on_click=do,
            args=(lambda: kind.desk().stop(job_id), kind.refused),
            tip="It can go on later, where it is.",
        )  # fmt: skip
    _steps(job, kind)


def _steps(job: Job, kind: Kind) -> None:
    frame = job_steps.steps_frame(kind.steps_of(job), kind.steps)
    st.table(frame, border="horizontal", hide_index=True,
             alt="Its steps: state, and why one failed")  # fmt: skip


def give_up(
    words: str, action: Action, deed: Callable[[str], object], *, key: str, reason_key: str,
    refused: str, tenants: Sequence[TenantKey] | None = None,
) -> None:  # fmt: skip
    """Draw the way to give something up, closed until it is asked for: what it means, and why.

    A refusal is kept under the name `refused`, and said with the next drawing.
    """
    with st.popover("Give up…", icon=GIVEN_UP, key=f"{key}_open"):
        st.markdown(words)
        reason = st.text_input("Why it is given up", max_chars=2_000, live=True, key=reason_key)
        permits.button(
            "Give it up", action, tenants=tenants, key=key, icon=GIVEN_UP,
            disabled=not reason.strip(), tip=None if reason.strip() else "Say why.", on_click=do,
            args=(lambda: deed(reason), refused),
        )  # fmt: skip


def why_halted(job: Job) -> None:
    """Draw why one stands still."""
    if job.state is JobState.FAILED:
        st.error(f"It halted at {markdown(job.problem)}." if job.problem else "It halted.",
                 icon=":material/error:")  # fmt: skip
    else:
        st.info("It was stopped.", icon=":material/pause_circle:")


def on_or_up(kind: Kind, give_up: Callable[[str], object], when: str) -> Callable[[Job], None]:
    """Return what draws why one stands still, and lets it go on or be given up.

    `when` says when it can be.
    """

    def drawn(job: Job) -> None:
        why_halted(job)
        with st.container(horizontal=True):
            permits.button("Go on", kind.action, type="primary", key=f"{kind.key}_resume",
                           icon=":material/play_arrow:", on_click=do,
                           args=(lambda: kind.desk().resume(job.id), kind.refused))  # fmt: skip
            permits.button("Give up", kind.action, key=f"{kind.key}_end", icon=":material/close:",
                           tip=when, on_click=do,
                           args=(lambda: give_up(job.id), kind.refused))  # fmt: skip

    return drawn
