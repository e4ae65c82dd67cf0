"""What policies would do now, and the button that has them do it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import navigation, permits, refusals, rule_keys, runtime, state_keys
from dashboard.draw import jobs, looks, usage_tables
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import age, escaped, markdown, plural, size
from dashboard.retention import tables
from services.access.viewer import Action
from services.approvals.models import REASON
from services.errors import KatoTenantsError
from services.jobs.looks import Look
from services.retention.models import Kept, Plan

_SHOWN = 200


def draw(kept: Sequence[Kept]) -> None:
    """Draw the newest plan, whoever asked for it, and the button that asks for another."""
    bounding = any(each.policy.most is not None for each in kept)
    if not bounding:
        return
    st.header("What they would do now")
    desk, off = runtime.desk().retention, bool(permits.why_not(Action.PLAN_RETENTION))
    plans = looks.Looks(
        lambda: None if off else desk.planned(), desk.ask, desk.stop_planning,
        Action.PLAN_RETENTION, "retention_planning", rule_keys.RETENTION_REFUSED,
    )  # fmt: skip

    def button() -> None:
        permits.button(
            "Plan (changes nothing)", plans.action, icon=":material/fact_check:",
            key="retention_plan_button", on_click=jobs.do, args=(plans.ask, plans.refused),
        )  # fmt: skip

    begun = max((run.created_at for run in desk.jobs(1)), default=None)
    look, plan = looks.newest(plans, button, begun=begun) or (None, None)
    if look is None:
        return
    if plan is None:
        looks.ended(look, "Planning")
    elif set(plan.policies) == {each.policy for each in kept}:  # else a run of it is refused
        _draw(plan, look)


def _draw(plan: Plan, look: Look) -> None:
    for problem in plan.unread.values():
        st.warning(f"Unknown: {markdown(str(problem))}.", icon=":material/cloud_off:")
    for each in plan.lacking:
        st.warning(f"A run would fail at Redis: {markdown(each)}.", icon=":material/lock:")
    by = f" for {markdown(look.by)}" if look.by else ""
    st.markdown(f"**{escaped(tables.plan_words(plan))}** · planned {age(plan.at)}{by}")
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
    navigation.go("retention", {state_keys.JOB: job.id})
