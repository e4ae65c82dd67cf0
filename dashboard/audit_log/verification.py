"""The verification of the audit log: a button, how it goes, and what it came to."""

from __future__ import annotations

import streamlit as st

from dashboard.app import runtime, unreadable
from dashboard.audit_log import tables
from dashboard.draw.formatting import age, markdown
from dashboard.draw.notices import Level
from services.audit_log.anchor import AnchorState
from services.audit_log.models import State
from services.audit_log.verify import VerifyState


def draw() -> None:
    """Draw the section; it follows what is under way by itself. Nothing for the confined."""
    if not runtime.desk().gate.viewer().sees_all:
        return  # how long the log is tells of others
    verifying = runtime.desk().log.verifying.since is not None
    with st.container(border=True):
        st.fragment(_body, run_every="1s" if verifying else None)(verifying)


@unreadable.calmly()
def _body(was_verifying: bool) -> None:
    log = runtime.desk().log
    state = log.verifying
    if was_verifying and state.since is None:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        _anchored(log.anchored)
        if st.button("Verify the log", icon=":material/verified:", key="log_verify",
                     disabled=state.since is not None):  # fmt: skip
            log.start_verifying()
            st.rerun()
    if state.since is not None:
        st.info(f"Verifying: {state.entries:,} entries so far. This tab can be closed.",
                icon=":material/pending:")  # fmt: skip
    elif state.problem:
        st.error(f"The log could not be verified. {markdown(state.problem)}",
                 icon=":material/error:")  # fmt: skip
    elif state.result is not None:
        _result(log.verifying)
    else:
        st.caption("Not verified since this dashboard was started.")


def _anchored(state: AnchorState) -> None:
    number = None if state.last is None else state.last.number
    words = tables.anchored_words(number, state.problems)
    st.caption(f"{words} Each entry holds the hash of the one before it.", width="stretch")
    for problem in state.problems.values():
        st.warning(markdown(problem), icon=":material/anchor:")


def _result(state: VerifyState) -> None:
    if state.result is None:
        return
    level = tables.level_of(state.result)
    words = f"{markdown(state.result.words)} Verified {age(state.at)}."
    if level is Level.ERROR:
        st.error(f"**The log is broken.** {words}", icon=":material/gpp_bad:")
    elif level is Level.WARNING:
        st.warning(words, icon=":material/key_off:")
    elif state.result.state is State.OK:
        st.success(words, icon=":material/verified_user:")
    else:
        st.info(words, icon=":material/link:")
