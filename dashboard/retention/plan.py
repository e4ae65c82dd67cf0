"""What policies would do now, and the button that has them do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.app import navigation, permits, refusals, rule_keys, runtime, state_keys
from dashboard.app.cache import sight_of
from dashboard.draw import usage_tables
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import age, escaped, markdown, plural, size
from dashboard.retention import tables
from services.access.viewer import Action
from services.approvals.models import REASON
from services.errors import KatoTenantsError
from services.retention.models import Kept, Plan

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """The plan on the screen, and what its viewer saw when it was made."""

    plan: Plan
    sight: str


def draw(kept: Sequence[Kept]) -> None:
    """Draw the plan, or the button that makes one."""
    bounding = any(each.policy.most is not None for each in kept)
    if not bounding:
        return
    st.header("What they would do now")
    asked = permits.button(
        "Plan (changes nothing)", Action.PLAN_RETENTION, icon=":material/fact_check:",
        key="retention_plan_button",
    )  # fmt: skip
    if asked:
        _make()
    shown: Shown | None = st.session_state.get(rule_keys.RETENTION_PLAN)
    if shown is not None and shown.sight == sight_of(runtime.desk().gate.viewer()):
        _draw(shown.plan)


def _make() -> None:
    try:
        with st.spinner("Looking at the stores; nothing is changed…"):
            plan = runtime.desk().retention.plan()
    except KatoTenantsError as exc:
        st.error(f"There is no plan. {markdown(str(exc))}.", icon=":material/block:")
        return
    sight = sight_of(runtime.desk().gate.viewer())
    st.session_state[rule_keys.RETENTION_PLAN] = Shown(plan, sight)


def _draw(plan: Plan) -> None:
    for problem in plan.unread.values():
        st.warning(f"Unknown: {markdown(str(problem))}.", icon=":material/cloud_off:")
    for each in plan.lacking:
        st.warning(f"A run would fail at Redis: {markdown(each)}.", icon=":material/lock:")
    st.markdown(f"**{escaped(tables.plan_words(plan))}** · planned {age(plan.at)}")
    if plan.parts:
        whole = size(sum(part.bytes for part in plan.parts))
        st.info(
            f"Erasing patterns rewrites {plural(len(plan.parts), 'part')} of ClickHouse "
            f"({whole} on disk), and clones {plural(plan.cloned, 'other part')} by hard links.",
            icon=":material/sync:",
        )  # fmt: skip
    frame = tables.tenants_frame(plan)
    if len(frame):
        st.dataframe(frame, hide_index=True, height="auto", placeholder=usage_tables.NONE,
                     alt="What would be removed, by tenant and matter")  # fmt: skip
    _by_owner(plan)
    _run(plan)


def _by_owner(plan: Plan) -> None:
    concerned = [each for each in plan.lines if each.due or each.expiring or each.problem]
    if concerned:
        with st.expander(f"By knowledge base, session and stream ({len(concerned):,})"):
            st.dataframe(tables.lines_frame(concerned[:_SHOWN]), hide_index=True,
                         placeholder=usage_tables.NONE,
                         alt="What would be removed, by owner, and by which policy")  # fmt: skip
            if len(concerned) > _SHOWN:
                st.caption(f"and {len(concerned) - _SHOWN:,} more; the command has all")
    if plan.left_out:
        with st.expander(f"Left as it is ({len(plan.left_out):,})"):
            st.dataframe(tables.left_frame(plan.left_out[:_SHOWN]), hide_index=True,
                         placeholder=usage_tables.NONE,
                         alt="What is left as it is, and why")  # fmt: skip


def _run(plan: Plan) -> None:
    asked = draw_status(Action.RUN_RETENTION)
    reason = st.text_input("Reason or ticket", asked.details.get(REASON, "") if asked else "",
                           key=rule_keys.RETENTION_REASON, max_chars=300)  # fmt: skip
    begun = permits.button(
        "Run now", Action.RUN_RETENTION, type="primary", icon=":material/play_arrow:",
        disabled=not plan.acts or not (reason or "").strip(), key="retention_run",
        tip="Everything is judged anew before it goes.",
    )  # fmt: skip
    if begun:
        _begin(plan, reason or "")


def _begin(plan: Plan, reason: str) -> None:
    desk = runtime.desk().retention
    try:
        job = desk.begin(None, digest=plan.digest, reason=reason)
        desk.run_soon()
    except KatoTenantsError as exc:
        refusals.say(exc)
        return
    st.session_state.pop(rule_keys.RETENTION_PLAN, None)
    page = navigation.row("retention").file
    st.switch_page(page, query_params={state_keys.JOB: job.id})
