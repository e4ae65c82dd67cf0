"""A plan on the screen: whose data it is, what stays, the confirmation, and then every table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.app import brand, permits, read, state_keys
from dashboard.draw import cards, unknown, usage_tables
from dashboard.draw.downloads import concerned, download, export_button, file_name
from dashboard.draw.figures import SIZE_WIDTH
from dashboard.draw.formatting import age, escaped, few, markdown, plural, visible
from dashboard.draw.measures import WORDS
from dashboard.purge import confirm, plan_tables, stays
from dashboard.purge.shown_plan import Shown, ask
from services.access.viewer import Action
from services.purge.formats import plan_json
from services.purge.models import Item, Plan

MOST_SAMPLES = 200
MOST_NAMED, MOST_TABLES = 20, 12
COLUMNS = {
    "Count": st.column_config.NumberColumn(format="localized"),
    "Size": st.column_config.NumberColumn(format="bytes", width=SIZE_WIDTH),
    "How": st.column_config.TextColumn(width="large"),
}


_LEFT_COUNTS = [WORDS[store].rows for store in plan_tables.COUNTED]
_LEFT_COLUMNS = {
    "Why": st.column_config.TextColumn(width="large"),
    **dict.fromkeys(_LEFT_COUNTS, COLUMNS["Count"]),
}


def draw(shown: Shown) -> None:
    """Draw in the order of the work: whose, what stays, the confirmation; the tables are last."""
    plan = shown.plan
    _head(plan, shown.by)
    _totals(plan)
    if plan.obstacles and _obstacles(plan):
        ask(plan.request, shown.taken, resumes=shown.resumes)
        st.rerun()
    if stays.draw(shown).is_as_planned(plan) and not plan.obstacles:
        st.fragment(confirm.draw)(shown)
    _items(plan)
    _left_out(plan)


def _head(plan: Plan, by: str) -> None:
    brand.name_tab("Purge", f"Plan of {visible(str(plan.request.target))}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(markdown(plan_tables.called(plan)), width="stretch")
        st.badge("plan: nothing was changed", color="gray", icon=":material/fact_check:")
    if plan.request.target.tenant is not None:
        cards.beside(read.card(plan.request.target.tenant))
    if len(plan.tenants) > 1 or plan.request.target.user is not None:
        names = few([visible(tenant) for tenant in plan.tenants], MOST_NAMED)
        st.markdown(f"In **{plural(len(plan.tenants), 'tenant')}**: {escaped(names) or 'none'}")
    whose = f" for {markdown(by)}" if by else ""
    st.caption(f"Planned {age(plan.created_at)}{whose}, digest {plan.digest[:12]}…")


def _totals(plan: Plan) -> None:
    with st.grid(4, gap="small", min_column_width=190):
        for store, words in WORDS.items():
            count, about = plan_tables.total_words(plan, store)
            st.metric(words.rows, count, delta=about, delta_color="off", delta_arrow="off",
                      border=True, height="stretch")  # fmt: skip


def _obstacles(plan: Plan) -> bool:
    """Draw why the plan cannot run; return whether to plan again."""
    st.error("This cannot be purged now. Nothing was changed.", icon=":material/block:")
    for text in plan.obstacles:
        st.markdown(f"- {markdown(text)}")
    st.caption(plan_tables.way_out(plan))
    with st.container(horizontal=True, vertical_alignment="center"):
        again = permits.button("Plan again", Action.PLAN_PURGE, icon=":material/refresh:",
                                takes=plan_tables.takes(plan.request))  # fmt: skip
        if plan.problems:
            permits.link("system")
        for each in plan.held[:MOST_NAMED]:
            name = visible(str(each.tenant))
            permits.link("tenant", f"The card of {escaped(name)}", {state_keys.TENANT: name})
    return again


def _items(plan: Plan) -> None:
    """Draw everything that will be erased: one row a tenant, then a table each."""
    st.subheader("Will be erased")
    if not plan.items:
        st.info("Nothing of it was found in these stores. A purge would prove that by looking "
                "again.", icon=":material/inbox:")  # fmt: skip
        return
    parts = plan_tables.by_tenant(plan)
    if len(parts) > 1:
        st.dataframe(plan_tables.tenants_frame(plan), hide_index=True, key="purge_tenants",
                     alt="Each tenant whose data will be erased, with how much of each store",
                     column_config=dict.fromkeys((each.rows for each in WORDS.values()),
                                                 COLUMNS["Count"]))  # fmt: skip
    frame = plan_tables.items_frame(plan.items)
    unknown.dashes(frame, ["Size"])
    if 1 < len(parts) <= MOST_TABLES:
        for number, (tenant, items) in enumerate(parts.items()):
            st.markdown(f"**{escaped(visible(tenant))}**")
            _items_table(items, f"purge_items_{number}")
    else:
        _items_table(plan.items, "purge_items")
    with st.container(horizontal=True, vertical_alignment="center"):
        download(frame, "purge_plan", tenants=concerned(plan))
        export_button(
            "Plan as JSON", lambda: plan_json(plan), mime="application/json",
            target=f"the plan {plan.digest}", tenants=concerned(plan),
            file_name=f"purge-plan-{file_name(plan.request.target.name)}.json",
            key="purge_plan_json", type="tertiary",
        )  # fmt: skip
    samples = plan_tables.samples_frame(plan.items)
    if not samples.empty:
        with st.expander(f"Samples of names ({len(samples):,})"):
            st.dataframe(samples.head(MOST_SAMPLES), hide_index=True, key="purge_samples",
                         alt="Samples of the names that would be erased")  # fmt: skip


def _items_table(items: tuple[Item, ...], key: str) -> None:
    st.dataframe(
        plan_tables.items_frame(items), hide_index=True, key=key, placeholder=usage_tables.NONE,
        alt="Each thing that would be erased: store, owner, kind, count, size, and how",
        column_config=COLUMNS,
    )  # fmt: skip


def _left_out(plan: Plan) -> None:
    """Draw the tables of what is not touched, and of what is only guessed and goes."""
    if plan.left_out:
        st.subheader("Left out")
        frame = plan_tables.left_frame(plan.left_out)
        left_table(frame, key="purge_left", alt="kb_ids that stay, with why")
        download(frame, "purge_left_out", tenants=concerned(plan))
    taken = [one for one in plan.taken if one.kb_id not in plan.request.included]
    if taken:
        st.subheader("Taken in: guessed from the name, and no other tenant's")
        left_table(plan_tables.left_frame(taken), key="purge_taken",
                   alt="kb_ids that are guessed from the name and will be erased")  # fmt: skip


def left_table(frame: pd.DataFrame, *, key: str, alt: str) -> None:
    """Draw what stays, or goes though it is only guessed, with how much of it there is."""
    unknown.dashes(frame, _LEFT_COUNTS, "It was not counted.")
    st.dataframe(frame, hide_index=True, key=key, alt=alt, placeholder=usage_tables.NONE,
                 column_config=_LEFT_COLUMNS)  # fmt: skip
