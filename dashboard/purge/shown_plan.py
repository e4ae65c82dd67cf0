"""The plan that is being looked at: made, kept for the visit, put away."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.app.cache import sight_of
from dashboard.draw.formatting import markdown
from services.errors import KatoTenantsError
from services.purge.models import LeftOut, Plan, Request


@dataclass(frozen=True, slots=True)
class Shown:
    """The plan on the screen, and what others had to say about the kb_ids included in it.

    `sight` is what its viewer saw when it was made. `resumes` is the job that is to go on by it.
    """

    plan: Plan
    sight: str
    taken: tuple[LeftOut, ...] = ()
    resumes: str = ""


def shown_plan() -> Shown | None:
    """Return the plan that is being looked at; none for who sees other things than then."""
    shown: Shown | None = st.session_state.get(state_keys.PURGE_PLAN)
    return shown if shown is not None and shown.sight == _sight() else None


def _sight() -> str:
    return sight_of(runtime.desk().gate.viewer())


def show_kept(digest: str) -> None:
    """Show a plan that was kept, as a link to it by its digest asks."""
    try:
        plan = runtime.desk().purge.planned(digest)
    except KatoTenantsError as exc:
        st.warning(f"This plan cannot be shown: {markdown(str(exc))}.",
                   icon=":material/search_off:")  # fmt: skip
        return
    st.session_state[state_keys.PURGE_PLAN] = Shown(plan, _sight())


def make(request: Request, taken: tuple[LeftOut, ...] = (), *, resumes: str = "") -> None:
    """Plan, and show the plan; `taken` are the included kb_ids as they were left out before.

    `resumes` is a halted job that is to go on by it.
    """
    try:
        with st.spinner("Looking at every store; nothing is changed…"):
            plan = runtime.desk().purge.plan(request)
    except KatoTenantsError as exc:
        st.error(f"There is no plan. {markdown(str(exc))}.", icon=":material/block:")
        return
    st.session_state[state_keys.PURGE_PLAN] = Shown(plan, _sight(), taken, resumes)
    st.query_params.pop(state_keys.JOB, None)
    st.rerun()


def ask() -> None:
    """Note that a plan was asked for: a run that ends before it is made leaves it to the next."""
    st.session_state[state_keys.PURGE_ASKED] = True


def is_asked() -> bool:
    """Whether a plan was asked for and not made so far; whoever asks makes it."""
    return bool(st.session_state.pop(state_keys.PURGE_ASKED, False))


def put_away() -> None:
    """Go back to choosing."""
    st.session_state.pop(state_keys.PURGE_PLAN, None)
