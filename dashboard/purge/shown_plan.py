"""The plan that is being looked at: asked for, kept for the visit, put away."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.app.cache import sight_of
from dashboard.draw import looks
from dashboard.draw.formatting import age, markdown
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.jobs.looks import Look, LookState
from services.purge.models import LeftOut, Plan, Request

_NONE = "There is no plan"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan was asked for in this visit that is not there so far.

    `taken` are the included kb_ids as they were left out before; `resumes` is a halted job that is
    to go on by it.
    """

    request: Request
    taken: tuple[LeftOut, ...] = ()
    resumes: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """The plan on the screen, and what others had to say about the kb_ids included in it.

    `sight` is what its viewer saw when it came to be shown, `by` who asked for it, where that is
    known. `resumes` is the job that is to go on by it.
    """

    plan: Plan
    sight: str
    taken: tuple[LeftOut, ...] = ()
    resumes: str = ""
    by: str = ""


def shown_plan() -> Shown | None:
    """Return the plan that is being looked at; none for who sees other things than then."""
    shown: Shown | None = st.session_state.get(state_keys.PURGE_PLAN)
    return shown if shown is not None and shown.sight == _sight() else None


def asked() -> Asked | None:
    """Return what a plan was asked for in this visit, until it is there."""
    found: Asked | None = st.session_state.get(state_keys.PURGE_ASKED)
    return found


def going() -> Asked | None:
    """Return what is planned already, or what a job that goes on is being planned for.

    None while it can still be chosen.
    """
    shown, mine = shown_plan(), asked()
    if shown is not None:
        return Asked(shown.plan.request, shown.taken, shown.resumes)
    return mine if mine is not None and mine.resumes else None


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
    _show(Shown(plan, _sight()))


def _show(shown: Shown) -> None:
    st.session_state[state_keys.PURGE_PLAN] = shown


def click() -> None:
    """Note that a plan is wanted: what is chosen is known with the next drawing."""
    st.session_state[state_keys.PURGE_WANTED] = True


def is_wanted() -> bool:
    """Whether a plan is wanted and was not asked for so far; whoever asks has it asked for."""
    return bool(st.session_state.pop(state_keys.PURGE_WANTED, False))


def ask(request: Request, taken: tuple[LeftOut, ...] = (), *, resumes: str = "") -> None:
    """Have it planned in the background; the plan is shown once it is there.

    `taken` and `resumes` are as in `Asked`.
    """
    try:
        runtime.desk().purge.ask(request)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.PURGE_UNPLANNED, exc)
    else:
        st.session_state[state_keys.PURGE_ASKED] = Asked(request, taken, resumes)
        st.query_params.pop(state_keys.JOB, None)


def wait(request: Request | None) -> bool:
    """Draw how far the plan is that was asked for in this visit, or else one of what is chosen.

    Returns whether it is under way. One that was asked for is shown as soon as it is there; of
    what is chosen, whoever asked, there is a way to show it.
    """
    refusals.draw(state_keys.PURGE_UNPLANNED, _NONE)
    mine = asked()
    of = request if mine is None else mine.request
    if of is None or permits.why_not(Action.PLAN_PURGE):
        return False
    desk = runtime.desk().purge
    look, plan = desk.newest(of) or (None, None)
    if look is None:
        return False
    if look.state is LookState.RUNNING:
        looks.follow(looks.Looks(
            lambda: desk.newest(of), lambda: desk.ask(of), lambda: desk.stop_planning(of),
            Action.PLAN_PURGE, "purge_planning", state_keys.PURGE_UNPLANNED,
        ))  # fmt: skip
        return True
    st.session_state.pop(state_keys.PURGE_ASKED, None)
    if plan is None:
        if look.state is not LookState.DONE:  # else it was kept for its time
            looks.ended(look, "Planning", before=f"{_NONE}. ")
    elif mine is None:
        if not any(job.created_at >= look.since for job in desk.jobs()
                   if job.plan.digest == plan.digest):  # fmt: skip
            _offer(plan, look)
    else:
        _show(Shown(plan, _sight(), mine.taken, mine.resumes, look.by))
        st.rerun()
    return False


def _offer(plan: Plan, look: Look) -> None:
    by = f" for {markdown(look.by)}" if look.by else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"This was planned {age(plan.created_at)}{by}.")
        st.button("Show the plan", icon=":material/visibility:", key="purge_show_plan",
                  on_click=_show, args=(Shown(plan, _sight(), by=look.by),))  # fmt: skip


def put_away() -> None:
    """Go back to choosing."""
    st.session_state.pop(state_keys.PURGE_PLAN, None)
    st.session_state.pop(state_keys.PURGE_ASKED, None)
