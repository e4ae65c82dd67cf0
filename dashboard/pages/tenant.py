from datetime import UTC, datetime

import streamlit as st

from dashboard.app import permits, read, runtime, state_keys, unreadable
from dashboard.audit_log import listing as log_listing
from dashboard.draw import (
    figures,
    notices,
    store_tables,
    usage_tables,
)
from dashboard.draw.downloads import download
from dashboard.draw.formatting import escaped, holds, name_among, plural, visible
from dashboard.draw.links import copy_link
from dashboard.isolation import tables as isolation_tables
from dashboard.names import confirming
from dashboard.purge import listing as purge_parts
from dashboard.sessions import listing as session_parts
from dashboard.tenant import sections
from services.access.viewer import Action
from services.figures import Measure

MATCHES = 12

snapshot = figures.snapshot_or_stop("Tenant")
asked = st.query_params.get(state_keys.TENANT, "")
by_name = {visible(str(usage.tenant)): usage for usage in snapshot.tenants}
asked = name_among(asked, by_name) or asked
tenant = by_name.get(asked)

if tenant is None:
    if asked:
        st.warning(f"Nothing in the stores belongs to {escaped(asked)}.",
                   icon=":material/search_off:")  # fmt: skip
        log_listing.tenant_log(asked)
    wanted = st.text_input("Find a tenant", type="search", placeholder="Part of a name", live=True)
    frame = read.tenants_frame(snapshot)
    hits = frame[holds(frame["Tenant"], wanted)]
    hits = hits.sort_values("Memory", ascending=False, na_position="last")
    st.caption(
        f"{plural(len(hits), 'tenant')}" + (f", the first {MATCHES}" if len(hits) > MATCHES else "")
    )
    figures.tenants_table(hits.head(MATCHES), key="matches", alt="Tenants that match")
    st.stop()

with st.container(horizontal=True, vertical_alignment="center"):
    st.header(escaped(asked), width="stretch")
    st.badge(
        notices.CLAIM_WORDS[tenant.claim],
        color=notices.CLAIM_COLORS[tenant.claim],  # type: ignore[arg-type]
    )
    permits.link("new_session", query={state_keys.TENANT: asked})
    copy_link({state_keys.TENANT: asked})

with unreadable.said("Whether it is being purged"):
    purge_parts.tenant_notes(tenant, snapshot)
figures.owner_figures(tenant.usage, snapshot)

audit = runtime.desk().isolation.report_or_none()
kb_ids = (*tenant.kb_ids, *tenant.shared)
concerns = (
    isolation_tables.concerning(audit, tenant.tenant, kb_ids, datetime.now(UTC)) if audit else ()
)
if concerns:
    with st.container(border=True):
        st.subheader("What the audit found")
        figures.draw_notices(concerns)

shared = [part for part in snapshot.shared if tenant.tenant in part.claim.tenants]
holders = (holder for part in shared for holder in part.claim.tenants)
concerned = tuple(dict.fromkeys((tenant.tenant, *holders)))
hidden = set(tenant.shared) - {part.name for part in shared}
if hidden and not runtime.desk().gate.viewer().sees_all:
    st.caption(f"{plural(len(hidden), 'knowledge base')} that it holds with tenants out of your "
               "scope: only its own sessions there are counted and shown.")  # fmt: skip
if shared:
    st.warning(f"{escaped(asked)} shares {plural(len(shared), 'knowledge base')} with other "
               "tenants; what lies there is not in the figures above.",
               icon=":material/group_work:")  # fmt: skip
    figures.usage_table(
        usage_tables.shared_frame(shared), key="shared", alt="kb_ids shared with other tenants"
    )
    download(usage_tables.shared_frame(shared), "shared", tenants=concerned,
             read_at=snapshot.collected_at)  # fmt: skip

own = [part for part in tenant.parts if part.name not in tenant.shared]
st.subheader("Knowledge bases")
if own:
    figures.usage_table(usage_tables.kb_frame(own), key="kbs", alt="kb_ids of this tenant")
    download(usage_tables.kb_frame(own), "knowledge_bases", tenants=[tenant.tenant],
             read_at=snapshot.collected_at)  # fmt: skip
else:
    st.caption("None of its own.")

st.subheader("Sessions")
off = permits.why_not(Action.INSPECT_SESSION)
if off:
    st.caption(f":material/lock: Which these are is not for your role. {off}")
elif snapshot.sessions is None:
    st.caption(f"Unknown. {notices.last_read(snapshot.stores[Measure.SESSIONS])}.")
else:
    with unreadable.said("Which these are"):
        mine = notices.sessions_of(snapshot.sessions, tenant, read.ownership())
        if mine:
            session_parts.tenants_sessions(asked, mine)
        else:
            st.caption("No live session.")

left, right = st.columns(2)
with left:
    st.subheader("Redis keys by kind")
    kinds = tenant.usage.keys_by_kind
    if kinds is None:
        st.caption(f"Unknown. {notices.last_read(snapshot.stores[Measure.KEYS])}.")
    elif kinds:
        st.dataframe(
            usage_tables.kinds_frame(kinds), hide_index=True, height="content",
            alt="Keys of this tenant by kind", column_config=figures.kind_columns(kinds),
        )  # fmt: skip
        download(usage_tables.kinds_frame(kinds), "kinds_of_key", tenants=[tenant.tenant],
                 read_at=snapshot.collected_at)  # fmt: skip
    else:
        st.caption("No keys.")
with right:
    st.subheader("Collections in Qdrant")
    found = store_tables.collections_of(snapshot.collections, tenant)
    if snapshot.stores[Measure.VECTORS].total is None:
        st.caption(f"Unknown. {notices.last_read(snapshot.stores[Measure.VECTORS])}.")
    elif found:
        st.dataframe(
            store_tables.collections_frame(found), hide_index=True, placeholder="unknown",
            alt="Collections with points of this tenant",
            column_config=figures.COLLECTION_COLUMNS,
        )  # fmt: skip
        download(store_tables.collections_frame(found), "collections_read",
                 tenants=[tenant.tenant], read_at=snapshot.collected_at)  # fmt: skip
    else:
        st.caption("No vectors.")

st.subheader("How it is known")
st.dataframe(
    usage_tables.claims_frame((*tenant.parts, *shared)), hide_index=True, key="claims",
    alt="Each kb_id with the node_ids seen on it, and how its owner is known",
    column_config={"Known since": st.column_config.DatetimeColumn(format="distance")},
)  # fmt: skip
download(usage_tables.claims_frame((*tenant.parts, *shared)), "how_it_is_known", tenants=concerned,
         read_at=snapshot.collected_at)  # fmt: skip
confirming.draw(snapshot, tenant.tenant, (*tenant.parts, *shared))

st.subheader("Look into it")
off = permits.why_not(Action.LOOK, [tenant.tenant])
if off:
    st.caption(f":material/lock: {off}")
else:
    st.caption("Read from the stores when it is opened; nothing is changed by looking.")
    sections.draw(snapshot, tenant)

log_listing.tenant_log(asked)

purge_parts.purge_link(asked)
