"""What a purge would do, and its confirmation."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.app.cache import sight_of
from dashboard.draw.approval_status import draw_status
from dashboard.draw.downloads import concerned, download, export_button, file_name
from dashboard.draw.figures import SIZE_WIDTH
from dashboard.draw.formatting import age, escaped, markdown, plural, visible
from dashboard.draw.measures import WORDS
from dashboard.purge import plan_tables
from services.access.viewer import Action
from services.approvals.models import REASON
from services.errors import KatoTenantsError
from services.purge.formats import plan_json
from services.purge.models import LeftOut, Plan, Request

MOST_SAMPLES = 200
MOST_REASON = 2_000  # characters
FEW = 12
COLUMNS = {
    "Count": st.column_config.NumberColumn(format="localized"),
    "Size": st.column_config.NumberColumn(format="bytes", width=SIZE_WIDTH),
    "How": st.column_config.TextColumn(width="large"),
}


LEFT_COLUMNS = {
    "Why": st.column_config.TextColumn(width="large"),
    **dict.fromkeys((WORDS[store].rows for store in plan_tables.COUNTED), COLUMNS["Count"]),
}


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


def draw(shown: Shown) -> None:
    """Draw what would go, what would not, and the confirmation where the plan can run."""
    plan = shown.plan
    st.button("Change what is to go", icon=":material/arrow_back:", type="tertiary",
              on_click=_put_away)  # fmt: skip
    _head(plan)
    _totals(plan)
    if plan.obstacles and _obstacles(plan):
        make(plan.request, shown.taken, resumes=shown.resumes)
    _items(plan)
    wanted = _left_out(shown)
    _disclosed(plan)
    if {one.kb_id for one in wanted} != plan.request.included:
        _plan_with(shown, wanted)
    elif not plan.obstacles:
        st.fragment(_confirm)(shown)


def _plan_with(shown: Shown, wanted: tuple[LeftOut, ...]) -> None:
    """Draw the way to a plan that includes other kb_ids: this one is not confirmed any more."""
    plan = shown.plan
    with st.container(horizontal=True, vertical_alignment="center"):
        if permits.button("Plan again with these", Action.PLAN_PURGE, type="primary",
                          icon=":material/refresh:"):  # fmt: skip
            included = frozenset(one.kb_id for one in wanted)
            make(replace(plan.request, included=included), wanted, resumes=shown.resumes)
        st.caption("What is included has changed; nothing can be confirmed before it is planned.")


def _put_away() -> None:
    st.session_state.pop(state_keys.PURGE_PLAN, None)


def _head(plan: Plan) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(markdown(str(plan.request.target)), width="stretch")
        st.badge("plan: nothing was changed", color="gray", icon=":material/fact_check:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Planned {age(plan.created_at)}, digest {plan.digest[:12]}…", width="stretch")
        export_button(
            "Plan as JSON", lambda: plan_json(plan), mime="application/json",
            target=f"the plan {plan.digest}", tenants=concerned(plan),
            file_name=f"purge-plan-{file_name(plan.request.target.name)}.json",
            key="purge_plan_json", type="tertiary",
        )  # fmt: skip


def _totals(plan: Plan) -> None:
    with st.grid(4, gap="small", min_column_width=190):
        for store, words in WORDS.items():
            count, about = plan_tables.total_words(plan, store)
            st.metric(words.rows, count, delta=about, delta_color="off", delta_arrow="off",
                      border=True, height="stretch")  # fmt: skip
    tenants = plan_tables.tenants_frame(plan)
    if len(tenants) > 1:
        st.markdown(f"**In {plural(len(tenants), 'tenant')}:**")
        st.dataframe(tenants, hide_index=True, key="purge_tenants",
                     alt="Each tenant whose data would go, with how much of each store",
                     column_config=dict.fromkeys((each.rows for each in WORDS.values()),
                                                 COLUMNS["Count"]))  # fmt: skip
    if plan.request.trim_streams:
        st.warning("Besides, the `stm:*` streams will be emptied, of everyone's observations.",
                   icon=":material/groups:")  # fmt: skip


def _obstacles(plan: Plan) -> bool:
    """Draw why the plan cannot run; return whether to plan again."""
    st.error("This cannot be purged now. Nothing was changed.", icon=":material/block:")
    for text in plan.obstacles:
        st.markdown(f"- {markdown(text)}")
    st.caption("A store that cannot be asked has to answer first: the System page says what is "
               "wrong. What cannot be erased or told apart has to be dealt with in the store "
               "itself. Passing either over would call a purge done that is not.")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        again = permits.button("Plan again", Action.PLAN_PURGE, icon=":material/refresh:")
        permits.link("system")
    return again


def _items(plan: Plan) -> None:
    st.subheader("What would go")
    if not plan.items:
        st.info("Nothing of it was found in these stores. A purge would prove that by looking "
                "again.", icon=":material/inbox:")  # fmt: skip
        return
    frame = plan_tables.items_frame(plan.items)
    st.dataframe(
        frame, hide_index=True, key="purge_items", placeholder="unknown",
        alt="Each thing that would be erased: store, owner, kind, count, size, and how",
        column_config=COLUMNS,
    )  # fmt: skip
    download(frame, "purge_plan", tenants=concerned(plan))
    samples = plan_tables.samples_frame(plan.items)
    if not samples.empty:
        with st.expander(f"Samples of names ({len(samples):,})"):
            st.dataframe(samples.head(MOST_SAMPLES), hide_index=True, key="purge_samples",
                         alt="Samples of the names that would be erased")  # fmt: skip


def _left_out(shown: Shown) -> tuple[LeftOut, ...]:
    """Draw what is not touched, and return what is to go all the same."""
    plan = shown.plan
    _taken(plan)
    if not plan.left_out and not shown.taken:
        return ()
    st.subheader("Left out")
    if plan.left_out:
        st.warning("Not surely the target's alone, or not erasable: it stays, and the receipt will "
                   "say *erased, except what was left out*. Each can be included, by name.",
                   icon=":material/shield:")  # fmt: skip
        frame = plan_tables.left_frame(plan.left_out)
        st.dataframe(
            frame, hide_index=True, key="purge_left", alt="kb_ids that stay, with why",
            placeholder="unknown",
            column_config=LEFT_COLUMNS,
        )  # fmt: skip
        download(frame, "purge_left_out", tenants=concerned(plan))
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


def _taken(plan: Plan) -> None:
    """Draw what is only inferred and goes all the same, name by name."""
    taken = [one for one in plan.taken if one.kb_id not in plan.request.included]
    if taken:
        st.subheader("Taken in: only inferred, and nobody else's")
        st.dataframe(
            plan_tables.left_frame(taken), hide_index=True, key="purge_taken",
            placeholder="unknown", column_config=LEFT_COLUMNS,
            alt="kb_ids that are only inferred and would go",
        )  # fmt: skip


def _disclosed(plan: Plan) -> None:
    if plan.disclosed:
        st.subheader("Not erased, or not known")
        streams = "It stays, but for the streams, which will be emptied."
        said = streams if plan.request.trim_streams else "It is there, and stays."
        listed = "\n".join(f"- {markdown(text)}" for text in plan.disclosed)
        st.warning(f"{said}\n{listed}", icon=":material/visibility_off:")


@unreadable.calmly()
def _confirm(shown: Shown) -> None:
    plan = shown.plan
    target = plan.request.target
    with st.container(border=True):
        st.subheader("Confirm")
        st.markdown("There is no way back. Sessions end first, then each store is erased, and then "
                    "looked at again, twice. Type this name to confirm:")  # fmt: skip
        st.code(visible(target.name), language=None)
        typed = st.text_input("The name, exactly", key=state_keys.PURGE_CONFIRM, live=True)
        asked = draw_status(Action.RUN_PURGE, digest=plan.digest)
        reason = st.text_input(
            "Reason or ticket", asked.details.get(REASON, "") if asked else "", live=True,
            key=state_keys.PURGE_REASON, max_chars=MOST_REASON,
        )  # fmt: skip
        lacking = plan_tables.missing(plan, typed=typed, reason=reason)
        count = plural(plan_tables.entries(plan), "entry", "entries")
        verb = "Go on, and erase" if shown.resumes else "Erase"
        label = f"{verb} {count} of {escaped(visible(str(target)))}"
        permits.button(label, Action.RUN_PURGE, type="primary", icon=":material/delete_forever:",
                       disabled=bool(lacking), on_click=_begin, args=(shown,))  # fmt: skip
        if lacking:
            st.caption(f"Still needed: {', '.join(lacking)}.")
        refusals.draw(state_keys.PURGE_REFUSED, "Nothing was begun")
    if shown_plan() is None:
        st.rerun()  # it was begun: the page goes on to the job


def _begin(shown: Shown) -> None:
    """Begin the purge by what was typed, or go on with one; the service checks it again."""
    held, plan = st.session_state, shown.plan
    confirm = plan_tables.confirming(plan, held[state_keys.PURGE_CONFIRM])
    try:
        purge = runtime.desk().purge
        if shown.resumes:
            job = purge.resume(shown.resumes, digest=plan.digest, confirm=confirm)
        else:
            reason = held[state_keys.PURGE_REASON]
            job = purge.begin(plan.digest, confirm=confirm, reason=reason)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.PURGE_REFUSED, exc)
        return
    held.pop(state_keys.PURGE_PLAN, None)
    st.query_params[state_keys.JOB] = job.id
    with suppress(KatoTenantsError):  # it is begun, and the worker looks by itself too
        purge.run_soon()
