from datetime import UTC, datetime

import streamlit as st

from dashboard.app import permits, read, runtime, state_keys, unreadable
from dashboard.app.ending import end_page
from dashboard.archive import listing as archive_parts
from dashboard.audit_log import listing as log_listing
from dashboard.cards import editing
from dashboard.draw import cards, figures, limits, notices, shared, unknown, usage_tables
from dashboard.draw.downloads import download
from dashboard.draw.formatting import escaped, holds, name_among, plural, unseen
from dashboard.draw.links import copy_link
from dashboard.instances import one as instance_parts
from dashboard.isolation import tables as isolation_tables
from dashboard.move import one as move_parts
from dashboard.names import confirming
from dashboard.parking import one as parking_parts
from dashboard.purge import listing as purge_parts
from dashboard.sessions import listing as session_parts
from dashboard.tenant import sections, usage as usage_part, users
from services.access.viewer import Action
from services.errors import NamingError
from services.figures import Measure
from services.tenancy.claims import CLAIM_WORDS
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot, TenantUsage

MATCHES = 12
USERS, SESSIONS, USAGE, FINDINGS, BROWSE, HISTORY = TABS = (
    "Users & memory", "Sessions", "Usage", "Findings", state_keys.BROWSE, "History",
)  # fmt: skip


def search(asked: str, snapshot: Snapshot) -> None:
    """Draw the way to a tenant, where none is open."""
    if asked:
        if not kept(asked):
            unknown.nothing(
                f"Nothing in the stores belongs to {escaped(asked)}.", snapshot,
                icon=":material/search_off:", what=f"whether anything belongs to {escaped(asked)}",
            )  # fmt: skip
        log_listing.tenant_log(asked)
        st.header("Other tenants")
    wanted = st.text_input("Find a tenant", type="search", placeholder="Part of a name", live=True)
    frame = read.tenants_frame(snapshot)
    hits = usage_tables.by(frame[holds(frame["Tenant"], wanted)], "Memory")
    if hits.empty:
        unknown.no_tenant(frame, snapshot)
        return
    more = f", the first {MATCHES}" if len(hits) > MATCHES else ""
    st.caption(f"{plural(len(hits), 'tenant')}{more}")
    figures.tenants_table(hits.head(MATCHES), snapshot, key="matches", alt="Tenants that match")


def kept(asked: str) -> bool:
    """Draw what is known of a tenant of which the stores have nothing; return whether that is why.

    It is where it is parked, moved, or about to be.
    """
    st.header(escaped(asked))
    try:
        tenant = TenantKey.parse(unseen(asked))
    except NamingError:
        return False
    if not runtime.desk().gate.viewer().sees(tenant):
        return False
    editing.draw(read.card(tenant), tenant)
    is_away = not all(stays(tenant, "Where it is"))
    if not is_away:
        archive_note(tenant, is_there=False)
    return is_away


def archive_note(tenant: TenantKey, *, is_there: bool = True) -> None:
    """Draw which its newest proven archive is, for who may see archives."""
    if not permits.why_not(Action.SEE_ARCHIVES):
        with unreadable.said("Its newest archive"):
            archive_parts.tenant_note(tenant, is_there=is_there)


def stays(tenant: TenantKey, moves: str) -> list[bool]:
    """Draw that it is parked, moved, or about to be; return of each whether it is not, if known."""
    still = []
    with unreadable.said("Whether it is parked"):
        still.append(parking_parts.draw(tenant))
    with unreadable.said(moves):
        still.append(move_parts.draw(tenant))
    with unreadable.said("Which KATO serves it"):
        instance_parts.draw(tenant)
    return still


def head(name: str, tenant: TenantUsage, snapshot: Snapshot) -> None:
    """Draw who it is, what can be done, and what has to be known before anything is."""
    permits.link("tenants", "All tenants")
    card = read.card(tenant.tenant)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(escaped(name), width="stretch")
        st.badge(
            CLAIM_WORDS[tenant.claim],
            color=notices.CLAIM_COLORS[tenant.claim],  # type: ignore[arg-type]
        )
        if card is not None:
            cards.badges(card, read.doings().get(tenant.tenant, ()))
        permits.link("new_session", query={state_keys.TENANT: name})
        permits.link("imports", query={state_keys.TENANT: name})
        purge_parts.purge_link(name)
        copy_link({state_keys.TENANT: name})
    editing.draw(card, tenant.tenant)
    limits.draw_head(read.standings(snapshot), tenant.tenant)
    with unreadable.said("Whether it is being purged"):
        purge_parts.tenant_notes(tenant, snapshot)
    archive_note(tenant.tenant)
    still = stays(tenant.tenant, "Whether it moves")
    with unreadable.said("Who else writes into it"):
        shared.say_each(tenant.shared, tenant.tenant, "It is not in the figures below.")
    seen = {part.name for part in snapshot.shared if tenant.tenant in part.claim.tenants}
    hidden = set(tenant.shared) - seen
    if hidden and not runtime.desk().gate.viewer().sees_all:
        st.caption(f"{plural(len(hidden), 'knowledge base')} that it holds with tenants out of "
                   "your scope: only its own sessions there are counted and shown.")  # fmt: skip
    figures.owner_figures(tenant.usage, snapshot)
    if still == [True, True]:  # else it is not for now
        parking_parts.offer(tenant.tenant)
        move_parts.offer(tenant.tenant)
        instance_parts.offer(tenant.tenant)


def sessions(name: str, tenant: TenantUsage, snapshot: Snapshot) -> None:
    """Draw its live sessions."""
    off = permits.why_not(Action.INSPECT_SESSION)
    if off:
        st.caption(f":material/lock: Which these are is not for your role. {off}")
    elif snapshot.sessions is None:
        unknown.measure(snapshot, Measure.SESSIONS)
    else:
        with unreadable.said("Which these are"):
            mine = notices.sessions_of(snapshot.sessions, tenant, read.ownership())
            if mine:
                session_parts.tenants_sessions(name, mine)
            else:
                st.caption("No live session.")


def findings(tenant: TenantUsage, snapshot: Snapshot) -> None:
    """Draw what the audit found, and how the owner of each kb_id is known."""
    audit = runtime.desk().isolation.report_or_none()
    kb_ids, now = (*tenant.kb_ids, *tenant.shared), datetime.now(UTC)
    found = isolation_tables.concerning(audit, tenant.tenant, kb_ids, now) if audit else ()
    st.header("What the audit found")
    figures.draw_notices(found)
    if not found:
        st.caption("Unknown: there is no audit yet." if audit is None else
                   "Unknown: not every rule could be checked." if audit.unknown else
                   "Nothing that concerns it.")  # fmt: skip
    parts = users.parts_of(tenant, snapshot)
    frame = usage_tables.claims_frame(parts)
    st.header("Evidence")
    st.dataframe(
        frame, hide_index=True, key="claims",
        alt="Each kb_id with the node_ids seen on it, and the evidence of whose it is",
        column_config={"Since": figures.TIME},
    )  # fmt: skip
    whose = dict.fromkeys((tenant.tenant, *(key for part in parts for key in part.claim.tenants)))
    download(frame, "evidence", tenants=tuple(whose), read_at=snapshot.collected_at)
    confirming.draw(snapshot, tenant.tenant, parts)


def browse(tenant: TenantUsage, snapshot: Snapshot) -> None:
    """Draw the way into its patterns, keys and vectors."""
    off = permits.why_not(Action.LOOK, [tenant.tenant])
    if off:
        st.caption(f":material/lock: {off}")
    else:
        sections.draw(snapshot, tenant)


snapshot = figures.snapshot_or_stop("Tenant")
asked = st.query_params.get(state_keys.TENANT, "")
named = read.names(snapshot)
asked = name_among(asked, named) or asked
tenant = snapshot.tenant(named[asked]) if asked in named else None
if tenant is None:
    search(asked, snapshot)
    end_page()

head(asked, tenant, snapshot)
tabs = dict(zip(TABS, st.tabs(TABS, key=state_keys.TAB, bind="query-params", on_change="rerun"),
                strict=True))  # fmt: skip
draw = {
    USERS: lambda: users.draw(tenant, snapshot),
    SESSIONS: lambda: sessions(asked, tenant, snapshot),
    USAGE: lambda: usage_part.draw(tenant, snapshot),
    FINDINGS: lambda: findings(tenant, snapshot),
    BROWSE: lambda: browse(tenant, snapshot),
    HISTORY: lambda: log_listing.history(asked),
}
for title, tab in tabs.items():
    if tab.open:
        with tab, unreadable.calmly():
            draw[title]()
