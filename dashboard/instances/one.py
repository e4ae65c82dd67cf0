"""A tenant's page: the KATO of its own, if it has one, and the way to one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, read, refusals, rule_keys, runtime, state_keys
from dashboard.draw import jobs
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, markdown, moment, visible
from dashboard.instances import plan_form, tables
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.instances.models import Instance, State, Tool, Vital
from services.tenancy.kb_ids import TenantKey

ICON = ":material/dns:"


def draw(tenant: TenantKey) -> None:
    """Draw each instance that serves it, or is planned for it. Nothing where there is none."""
    refusals.draw(rule_keys.INSTANCE_REFUSED, "Nothing was done")
    mine = kept(tenant)
    for each in mine:
        _one(each)
    if sum(each.is_serving for each in mine) > 1:
        st.warning("Several KATOs serve it: end all but one of them.", icon=":material/call_split:")


def kept(tenant: TenantKey) -> list[Instance]:
    """Return the instances of a tenant that did not end."""
    every = runtime.desk().instances.every()
    return [each for each in every if each.tenant == tenant and each.state is not State.ENDED]


def _one(each: Instance) -> None:
    by = f" by {escaped(visible(each.by))}" if each.by else ""
    why = f": {escaped(visible(each.why))}" if each.why else ""
    head = "Its own KATO" if each.is_serving else "A KATO of its own, planned"
    with st.container(border=True):
        st.markdown(f"{ICON} **{head}** since {moment(each.since)}{by}{why}")
        facts = [
            each.name, _code(each.url), f"SERVICE_NAME {escaped(visible(each.service))}",
            f"stores: {escaped(tables.stores_words(each))}",
        ]  # fmt: skip
        st.caption(" · ".join(filter(None, facts)))
        vital: Vital | None = st.session_state.get(_vital_key(each))
        if vital is not None:
            _health(each, vital)
        _next(each)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Ask how it is", key=f"instance_ask_{each.name}", icon=":material/vital_signs:",
                on_click=_ask, args=(each,), disabled=not each.url,
            )  # fmt: skip
            _deeds(each)
        plan_form.files(each)


def _code(url: str) -> str:
    """Write an address as it is, which would become a link that only this server can follow."""
    return f"`{visible(url).replace('`', '%60')}`" if url else ""


def _vital_key(each: Instance) -> str:
    return f"{rule_keys.INSTANCE_VITAL}_{each.name}"


def _ask(each: Instance) -> None:
    found = runtime.desk().instances.vitals([each.name])
    st.session_state[_vital_key(each)] = found.get(each.name, Vital())


def _health(each: Instance, vital: Vital) -> None:
    words = tables.health_words(each, vital)
    if vital.version is None:
        st.warning(markdown(permits.sentence(words)), icon=":material/help:")
    else:
        st.success(f"{escaped(visible(vital.version))}, {markdown(words)}, answered in "
                   f"{1000 * (vital.latency or 0):,.0f} ms.", icon=":material/check:")  # fmt: skip


def _next(each: Instance) -> None:
    """Say what is to be done in a shell, which is where tools are."""
    if each.is_serving or each.tool is Tool.OTHER:
        return
    if each.elsewhere:
        todo = "Start it in a shell, and move the tenant there: the cut-over registers it."
    else:
        todo = "Start it in a shell, register it once it answers, and point its clients there."
    st.caption(f"No session goes there yet. {todo}")
    lines = [f"kato-tenants instance up {each.name}"]
    if each.elsewhere:
        lines.append(f"kato-tenants move begin {_word(each.tenant)} --to {each.elsewhere}")
    st.code("\n".join(lines), language=None)


def _word(tenant: TenantKey) -> str:
    """Write a tenant as one word of a shell."""
    return "'" + visible(str(tenant)).replace("'", "'\\''") + "'"


def _deeds(each: Instance) -> None:
    desk, tenants = runtime.desk().instances, [each.tenant]
    if each.is_serving:
        permits.button(
            "End", Action.SET_INSTANCE, tenants=tenants, key=f"instance_end_{each.name}",
            icon=":material/link_off:", tip="The KATO that all share serves it again.",
            on_click=jobs.do, args=(lambda: desk.end(each.name), rule_keys.INSTANCE_REFUSED),
        )  # fmt: skip
        return
    if not each.elsewhere:
        permits.button(
            "Register", Action.SET_INSTANCE, tenants=tenants, type="primary",
            key=f"instance_register_{each.name}", icon=":material/link:", disabled=not each.url,
            tip="Its sessions are created there from now on.", on_click=jobs.do,
            args=(lambda: desk.register(each.name), rule_keys.INSTANCE_REFUSED),
        )  # fmt: skip
    permits.button(
        "Forget", Action.SET_INSTANCE, tenants=tenants, key=f"instance_forget_{each.name}",
        icon=":material/delete:", tip="Its ports are free then. Nothing is stopped.",
        on_click=jobs.do, args=(lambda: desk.forget(each.name), rule_keys.INSTANCE_REFUSED),
    )  # fmt: skip


def offer(tenant: TenantKey) -> None:
    """Draw the way to a KATO of its own, for who may plan one."""
    if permits.why_not(Action.PLAN_INSTANCE, [tenant]):
        return
    with st.expander("Give it a KATO of its own", icon=ICON,
                     key=state_keys.of(rule_keys.INSTANCE_OPEN, tenant),
                     on_change="rerun") as section:  # fmt: skip
        if not section.open:
            return
        st.markdown("Its own processes, so that nobody else's load slows it, over the stores that "
                    "all share; or stores of its own too. Its sessions are created there once it "
                    "is registered.")  # fmt: skip
        made, there = st.tabs(["Make one", "Register one that runs"])
        with made:
            plan_form.draw(tenant)
        with there:
            _adopt(tenant)


def _adopt(tenant: TenantKey) -> None:
    keys = [state_keys.of(each, tenant) for each in rule_keys.INSTANCE_ADOPTED]
    url = st.text_input("Its address", key=keys[0], live=True, placeholder="http://kato-acme:8000")
    service = st.text_input(
        "SERVICE_NAME", key=keys[1], live=True, placeholder=read.ownership().service,
        help="Every kb_id ends with it. Left empty, it is that of the KATO that all share.",
    )  # fmt: skip
    why = st.text_input("Reason or ticket", key=keys[2], live=True)
    draw_status(Action.SET_INSTANCE)
    permits.button(
        "Register it", Action.SET_INSTANCE, tenants=[tenant], type="primary", icon=ICON,
        key="instance_adopt", disabled=not (url or "").strip(), on_click=_adopted,
        args=(tenant, [url or "", service or "", why or ""]),
    )  # fmt: skip


def _adopted(tenant: TenantKey, said: Sequence[str]) -> None:
    url, service, why = (text.strip() for text in said)
    try:
        runtime.desk().instances.adopt(tenant, url, service=service, why=why)
    except KatoTenantsError as exc:
        refusals.keep(rule_keys.INSTANCE_REFUSED, exc)
