from datetime import timedelta

import pandas as pd
import streamlit as st

from dashboard import navigation, runtime, session
from dashboard.formatting import markdown, moment, visible
from services.errors import KatoTenantsError, NamingError
from services.identity import NamingScheme, TenantKey
from services.sessions import TTL_MAX, TTL_MIN

UNITS = {"minutes": 60, "hours": 3600, "days": 86_400}

services = runtime.services()
st.title("New session")
schemes = {scheme.template: scheme for scheme in services.settings.naming.schemes}

if services.embedded is not None:
    st.caption(
        "KATO here is the embedded stand-in: it stores sessions as KATO does, and learns nothing."
    )


def preset() -> tuple[int, dict[str, str]]:
    """Return the scheme and the field that the tenant in the URL asks for."""
    try:
        asked = TenantKey.parse(st.query_params.get(session.TENANT, ""))
    except NamingError:
        return 0, {}
    fitting = [i for i, scheme in enumerate(schemes.values()) if scheme.kind == asked.kind]
    return (fitting[0], {asked.kind: asked.id}) if fitting else (0, {})


first, values = preset()
left, right = st.columns([3, 2], gap="large")
with left:
    template = st.selectbox("Naming scheme", list(schemes), index=first, key="scheme")
    scheme: NamingScheme = schemes[template]
    fields = {
        name: st.text_input(
            name.capitalize(), value=values.get(name, ""), key=f"{template}.{name}", live=True
        )
        for name in scheme.fields
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length = st.number_input(
            "Time to live", min_value=1, value=1,
            help="From 1 minute to 30 days. Every access through KATO sets it back to this.",
        )  # fmt: skip
        unit = st.segmented_control(
            "Unit", list(UNITS), default="hours", required=True, label_visibility="collapsed"
        )
    st.markdown("Metadata")
    edited = st.data_editor(
        pd.DataFrame({"Name": pd.Series(dtype="string"), "Value": pd.Series(dtype="string")}),
        num_rows="dynamic", hide_index=True, key="metadata", alt="Metadata of the new session",
    )  # fmt: skip
metadata = {str(row.Name): str(row.Value) for row in edited.dropna().itertuples()}

ttl = length * UNITS[unit or "hours"]
landing, problem = None, None
if not TTL_MIN <= ttl <= TTL_MAX:
    problem = "The time to live has to be from 1 minute to 30 days."
elif all(fields.values()):
    try:
        landing = services.sessions.landing(scheme, fields)
    except KatoTenantsError as exc:
        problem = str(exc)

with right:
    st.subheader("Where it lands")
    if problem:
        st.error(markdown(problem), icon=":material/block:")
    elif landing is None:
        st.caption("Fill every field to see the node_id and the kb_id that KATO makes of it.")
    else:
        st.caption("node_id")
        st.code(visible(landing.node_id), language=None)
        st.caption("kb_id")
        st.code(visible(landing.kb_id), language=None)
        if landing.others:
            names = ", ".join(markdown(str(tenant)) for tenant in landing.others)
            st.warning(f"This kb_id is already used by {names}. Both would read and write one "
                       "memory, and nothing stored tells whose is whose.",
                       icon=":material/warning:")  # fmt: skip
        elif landing.claim.state == "known":
            st.caption(f"Known: {markdown(str(landing.tenant))} already uses it.")
        else:
            st.caption(
                f"New for {markdown(str(landing.tenant))}: no node_id on it was seen so far."
            )
    create = st.button(
        "Create session", type="primary", icon=":material/add:", disabled=landing is None
    )

if create and landing is not None:
    try:
        st.session_state[session.CREATED] = services.sessions.create(
            landing.node_id, ttl_seconds=ttl, metadata=metadata
        )
        services.collector.refresh()
    except KatoTenantsError as exc:
        st.session_state.pop(session.CREATED, None)
        st.error(f"No session was created as far as is known. {markdown(str(exc))}",
                 icon=":material/error:")  # fmt: skip

created = st.session_state.get(session.CREATED)
if created is not None:
    st.subheader("KATO's answer")
    st.success("The session was created.", icon=":material/check_circle:")
    st.code(created.session_id, language=None)
    st.table({
        "node_id": markdown(created.node_id),
        "Expires": moment(created.expires_at),
        "Time to live": str(timedelta(seconds=created.ttl_seconds)),
    }, border="horizontal", width="content", alt="The created session")  # fmt: skip
    name = visible(str(runtime.load_ownership().tenant_of(created.node_id)))
    st.page_link(navigation.row("tenant").file, label=f"Open {markdown(name)}",
                 icon=":material/person_search:", query_params={session.TENANT: name})  # fmt: skip
    with st.expander("Metadata and configuration that KATO accepted"):
        st.json({"metadata": dict(created.metadata), "config": dict(created.config)}, expanded=1)
