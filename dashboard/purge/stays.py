"""What a plan does not erase, each thing beside the choice to erase it all the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from dashboard.app import permits, state_keys
from dashboard.draw.formatting import escaped, few, markdown, plural, visible
from dashboard.purge import plan_tables, shown_plan
from dashboard.purge.shown_plan import Shown
from services.access.viewer import Action
from services.purge.models import LeftOut, Plan

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to go all the same: the kb_ids by name, and whether the streams are emptied."""

    wanted: tuple[LeftOut, ...]
    trim: bool

    def is_as_planned(self, plan: Plan) -> bool:
        """Whether the plan is one of just this; else it has to be made anew."""
        included = {one.kb_id for one in self.wanted}
        return included == plan.request.included and self.trim == plan.request.trim_streams


def draw(shown: Shown) -> Choice:
    """Draw what stays, with its choices, and return what was chosen."""
    plan = shown.plan
    choice = Choice(_left_out(shown), _disclosed(shown))
    if plan.left_out or shown.taken or plan.streams or plan.request.trim_streams:
        _plan_again(shown, choice)
    return choice


def _plan_again(shown: Shown, choice: Choice) -> None:
    """Draw the way to a plan of what was chosen; it stays where it is, and so does the focus."""
    plan, off = shown.plan, choice.is_as_planned(shown.plan)
    with st.container(horizontal=True, vertical_alignment="center"):
        if permits.button("Plan again with these", Action.PLAN_PURGE, disabled=off,
                          icon=":material/refresh:", key="purge_plan_again",
                          takes=plan_tables.takes(plan.request)):  # fmt: skip
            included = frozenset(one.kb_id for one in choice.wanted)
            request = replace(plan.request, included=included, trim_streams=choice.trim)
            shown_plan.ask(request, choice.wanted, resumes=shown.resumes)
            st.rerun()
        if not off:
            st.caption("What is chosen has changed; nothing can be confirmed before it is planned.")


def _disclosed(shown: Shown) -> bool:
    """Say what cannot be told apart or looked at, and ask whether the streams go all the same."""
    plan = shown.plan
    if plan.disclosed:
        whose = escaped(visible(plan_tables.called(plan)))
        if plan.request.trim_streams:
            said = "**KATO's streams will be emptied, of everyone's observations.** Besides:"
        elif plan.streams:
            said = (f"**Not erased.** Observations of {whose} may remain in "
                    f"{plural(len(plan.streams), 'stream')} that hold everyone's, and cannot be "
                    "separated:")  # fmt: skip
        else:
            said = "**Not erased, or not known:**"
        listed = "\n".join(f"- {markdown(text)}" for text in plan.disclosed)
        st.warning(f"{said}\n{listed}", icon=":material/visibility_off:")
    if not plan.streams and not plan.request.trim_streams:
        return False
    off = permits.why_not(Action.PLAN_PURGE, ())
    return st.checkbox(
        "Empty the streams too: everyone's observations go", plan.request.trim_streams,
        key=f"{state_keys.PURGE_TRIM}_{plan.created_at.isoformat()}", disabled=bool(off),
        help=off or None,
    )  # fmt: skip


def _left_out(shown: Shown) -> tuple[LeftOut, ...]:
    """Draw what is not touched, and return what is to go all the same."""
    plan = shown.plan
    if not plan.left_out and not shown.taken:
        return ()
    if plan.left_out:
        some = escaped(few([visible(one.kb_id) for one in plan.left_out], _NAMED))
        st.warning(f"**Left out: {some}.** Not surely the target's alone, or not erasable: it "
                   "stays, and the receipt will say *erased, except what was left out*. Each can "
                   "be included, by name; why and how much is below.",
                   icon=":material/shield:")  # fmt: skip
    left = [one for one in plan.left_out if not one.place]
    by_name = {visible(one.kb_id): one for one in (*shown.taken, *left)}
    key = (
        f"{state_keys.PURGE_INCLUDE}_{plan.created_at.isoformat()}"  # two plans may have one digest
    )
    names = st.multiselect(
        "Include all the same", list(by_name), key=key,
        default=[visible(one.kb_id) for one in shown.taken], placeholder="Nothing",
        filter_mode="contains",
    )  # fmt: skip
    wanted = tuple(by_name[name] for name in names)
    losers = plan_tables.losers_words(wanted, plan.request.target.tenants)
    if losers:
        st.warning(f"**{escaped(losers)} will lose data**: these kb_ids are theirs too, "
                   "or may be.", icon=":material/group_work:")  # fmt: skip
    return wanted
