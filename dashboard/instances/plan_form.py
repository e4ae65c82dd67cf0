"""What an instance would be, as it is chosen on a tenant's page, and its files."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard.app import permits, read, refusals, rule_keys, runtime, state_keys
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import markdown, plural
from dashboard.instances import tables
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.instances.models import Instance, Plan, Resources, Stores, Tool, Wish
from services.instances.written import bytes_written, cpus_written
from services.tenancy.kb_ids import TenantKey

_TOOLS = {Tool.COMPOSE: "Docker's compose", Tool.KUBERNETES: "Kubernetes"}
_STORES = {
    Stores.SHARED: "The stores that all share", Stores.OWN: "Stores of its own",
}  # fmt: skip


def draw(tenant: TenantKey) -> None:
    """Draw what can be chosen, what that comes to, and the button that keeps it."""
    wish, key = _wish(tenant), state_keys.of(rule_keys.INSTANCE_PLAN, tenant)
    permits.button(
        "See what would be made", Action.PLAN_INSTANCE, tenants=[tenant], key="instance_see",
        icon=":material/manage_search:", disabled=wish is None, on_click=_see, args=(wish, key),
        tip="Nothing is written, and no port is taken.",
    )  # fmt: skip
    planned: tuple[Wish, Plan] | None = st.session_state.get(key)
    if planned is None or planned[0] != wish:
        return
    plan = planned[1]
    _plan(plan)
    why = st.text_input(
        "Reason or ticket", key=state_keys.of(rule_keys.INSTANCE_WHY, tenant), live=True
    )
    draw_status(Action.SET_INSTANCE)
    permits.button(
        "Keep it as planned", Action.SET_INSTANCE, tenants=[tenant], type="primary",
        icon=":material/bookmark_add:", key="instance_record", disabled=bool(plan.obstacles),
        tip="Its name and its ports are its own then. Nothing is started.",
        on_click=_record, args=(planned[0], (why or "").strip(), key),
    )  # fmt: skip


def _wish(tenant: TenantKey) -> Wish | None:
    """Draw the inputs; return what they ask for, None where one of them cannot be read."""
    keys = [state_keys.of(each, tenant) for each in rule_keys.INSTANCE_WISH]
    left, right = st.columns(2)
    with left:
        tool = st.radio("Run by", list(_TOOLS), key=keys[0], format_func=_TOOLS.__getitem__)
        stores = st.radio("Keeps its memory in", list(_STORES), key=keys[1],
                          format_func=_STORES.__getitem__)  # fmt: skip
        service = st.text_input(
            "SERVICE_NAME", key=keys[2], live=True,
            placeholder=read.ownership().service,
            help="Every kb_id ends with it. Left empty, it is that of the KATO that all share, and "
                 "the tenant goes on with what it has learnt.",
        )  # fmt: skip
    with right:
        cpus = st.text_input("Processors at most", "2", key=keys[3], live=True)
        memory = st.text_input("Memory at most", "2Gi", key=keys[4], live=True)
        workers = st.number_input("KATO's workers", 1, 64, 4, key=keys[5])
    try:
        resources = Resources(cpus_written(cpus or ""), bytes_written(memory or ""), int(workers))
    except KatoTenantsError as exc:
        refusals.say(exc)
        return None
    return Wish(tenant, tool, stores, (service or "").strip(), resources)


def _plan(plan: Plan) -> None:
    for text in plan.obstacles:
        st.error(markdown(permits.sentence(text)), icon=":material/block:")
    for text in plan.notes:
        st.info(markdown(permits.sentence(text)), icon=":material/info:")
    st.dataframe(
        tables.plan_frame(plan), hide_index=True, key="instance_plan_table",
        height="content", alt="What would be made",
        column_config={"What": st.column_config.TextColumn(width=170)},
    )  # fmt: skip
    if plan.busy:
        st.caption(f"{plural(len(plan.busy), 'port')} passed over: something listens there "
                   f"({', '.join(map(str, plan.busy))}).")  # fmt: skip


def _see(wish: Wish, key: str) -> None:
    """Plan it; what was planned is drawn as long as the same is chosen."""
    try:
        st.session_state[key] = wish, runtime.desk().instances.plan(wish)
    except KatoTenantsError as exc:
        refusals.keep(rule_keys.INSTANCE_REFUSED, exc)


def _record(wish: Wish, why: str, key: str) -> None:
    try:
        runtime.desk().instances.record(replace(wish, why=why))
    except KatoTenantsError as exc:
        refusals.keep(rule_keys.INSTANCE_REFUSED, exc)
        return
    st.session_state.pop(key, None)
    st.session_state[state_keys.of(rule_keys.INSTANCE_OPEN, wish.tenant)] = False


def files(each: Instance) -> None:
    """Draw the files of an instance, where they were asked for; reading them is logged."""
    if each.tool is Tool.OTHER or permits.why_not(Action.PLAN_INSTANCE, [each.tenant]):
        return
    key = f"{rule_keys.INSTANCE_FILES}_{each.name}"
    found: dict[str, str] | None = st.session_state.get(key)
    if found is None:
        st.button("Show its files", key=f"instance_show_{each.name}", type="tertiary",
                  icon=":material/description:", on_click=_read, args=(each, key))  # fmt: skip
        return
    for name, text in found.items():
        with st.expander(name):
            st.code(text, language="yaml" if name.endswith(".yaml") else None, height=360)
            st.download_button("Download", text, name, key=f"instance_file_{each.name}_{name}",
                               icon=":material/download:", on_click="ignore")  # fmt: skip


def _read(each: Instance, key: str) -> None:
    try:
        st.session_state[key] = dict(runtime.desk().instances.files(each.name))
    except KatoTenantsError as exc:
        refusals.keep(rule_keys.INSTANCE_REFUSED, exc)
