"""Choosing what is to be purged; nothing is changed by it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.app import read, state_keys
from dashboard.app.cache import cached
from dashboard.draw import shared
from dashboard.draw.formatting import markdown, unseen, visible
from dashboard.draw.measures import WORDS
from dashboard.purge import plan_tables
from dashboard.purge.plan_tables import COUNTED
from services.access.viewer import Action
from services.errors import NamingError
from services.figures import Measure
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot

TENANT, NODE, USER, MANY = WHATS = ("A whole tenant", "One node", "One user", "Several tenants")


def choose(snapshot: Snapshot) -> Request | None:
    """Draw what can be purged, and return what was chosen; None before it is enough."""
    with st.container(border=True):
        st.header("What do you want to erase?", anchor=False)  # a stop less on the keyboard's way
        what = st.segmented_control(
            "What", WHATS, default=TENANT, required=True, key=state_keys.PURGE_WHAT,
            label_visibility="collapsed", persist_state="page",
        )  # fmt: skip
        target = _many(snapshot) if what == MANY else _target(what or TENANT, snapshot)
        _shared(target, snapshot)
        stores = _stores()
        inferred = st.checkbox(
            "Take in what is guessed from the name and could be no other tenant's",
            key=state_keys.PURGE_INFERRED, persist_state="page",
            help="Where no node_id was seen, whose a kb_id is can only be guessed from its name. "
            "The plan lists each of them before anything can be confirmed.",
        )  # fmt: skip
        archive = st.checkbox(
            "Take an archive first, and prove it", key=state_keys.PURGE_ARCHIVE,
            persist_state="page",
        )  # fmt: skip
        if archive:
            st.caption("Nothing is erased before it was read back. What is written between it and "
                       "the erasure is not in it; the archive says what changed while it was "
                       "taken.")  # fmt: skip
        drop, passed = _more()
    if target is None:
        st.caption("Choose a tenant, node or user.")
        return None
    return Request(
        target, stores, include_inferred=inferred, passed_over=passed, drop_collections=drop,
        archive_first=archive,
    )  # fmt: skip


def _shared(target: Target | None, snapshot: Snapshot) -> None:
    """Say what of a tenant others write too: a plan leaves it out, since nothing tells it apart."""
    usage = snapshot.tenant(target.tenant) if target and target.tenant else None
    if target is None or usage is None:
        return
    node = kb_id_of(target.node_id, read.ownership().service) if target.node_id else None
    names = [name for name in usage.shared if node in (None, name)]
    stays = "A plan leaves it out, since data in a shared kb_id cannot be separated."
    shared.say_each(names, usage.tenant, stays)


def _more() -> tuple[bool, frozenset[str]]:
    """Draw what is seldom asked for: whether collections go at once, and what is passed over."""
    with st.expander("More"):
        drop = st.checkbox(
            "Drop collections of Qdrant at once", key=state_keys.PURGE_DROP, persist_state="page",
            help="Else they are emptied and stay until KATO was restarted: a worker that has used "
            "one never makes it again, and loses every later vector of it.",
        )  # fmt: skip
        names = st.text_input(
            "Leave out these tables and collections", key=state_keys.PURGE_PASSED,
            persist_state="page", placeholder="Names, with commas between them",
            help="What of the target cannot be erased from them stays, and the receipt says how "
            "much. A plan names them where they stop it.",
        )  # fmt: skip
    found = (unseen(name.strip()) for name in names.split(","))
    return drop, frozenset(filter(None, found))


def _many(snapshot: Snapshot) -> Target | None:
    """Draw the choice of several tenants; a list out of a ticket can be pasted."""
    tenants, _ = _tenants(snapshot, read.ownership())
    left, right = st.columns(2)
    names = left.multiselect("Tenants", list(tenants), key=state_keys.PURGE_MANY,
                             persist_state="page", placeholder="Type a part of a name",
                             filter_mode="contains")  # fmt: skip
    pasted = right.text_area("Or one a line", key=state_keys.PURGE_PASTED, persist_state="page",
                             height=80, placeholder="tenant/acme")  # fmt: skip
    lines = [line for line in pasted.splitlines() if line.strip()]
    try:  # one with a blank at its end is meant exactly where it is there
        typed = [tenants.get(visible(line)) or TenantKey.parse(unseen(line.strip()))
                 for line in lines]  # fmt: skip
    except NamingError as exc:
        right.caption(f"{markdown(str(exc))}")
        return None
    found = tuple(dict.fromkeys([*(tenants[name] for name in names), *typed]))
    if len(found) == 1:
        return Target(found[0])
    return Target(many=found) if found else None


def _target(what: str, snapshot: Snapshot) -> Target | None:
    ownership = read.ownership()
    named, _ = _tenants(snapshot, ownership)
    tenants = plan_tables.with_asked(named, st.query_params.get(state_keys.TENANT, ""))
    left, right = st.columns(2)
    name = left.selectbox(
        "Only of this tenant" if what == USER else "Tenant", list(tenants), index=None,
        key=state_keys.PURGE_TENANT, bind="query-params", filter_mode="contains",
        placeholder="Of all tenants" if what == USER else "Type a part of its name",
    )  # fmt: skip
    tenant = tenants.get(name or "")
    if what == USER:
        user = right.text_input("User id", key=state_keys.PURGE_USER, persist_state="page")
        return Target(tenant, user=unseen(user)) if user.strip() else None
    if tenant is None or what == TENANT:
        return None if tenant is None else Target(tenant)
    nodes = plan_tables.nodes_of(tenant, snapshot, ownership)
    node = right.selectbox(
        "node_id", list(nodes), index=None, accept_new_options=True, persist_state="page",
        key=state_keys.of(state_keys.PURGE_NODE, tenant), placeholder="Choose one, or type it",
        filter_mode="contains",
    )  # fmt: skip
    return Target(tenant, node_id=nodes.get(node, unseen(node))) if node else None


@cached(Action.SEE_FLEET, key=lambda *of: (of[0].collected_at, id(of[1])), newest=True)
def _tenants(
    snapshot: Snapshot, ownership: Ownership
) -> tuple[Mapping[str, TenantKey], Ownership]:  # fmt: skip
    """Return every tenant by its visible name, and what the cache goes by and has to keep."""
    return plan_tables.tenants_of(snapshot, ownership, ""), ownership


def _stores() -> frozenset[Measure]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.pills(
            "From", COUNTED, default=COUNTED, selection_mode="multi",
            format_func=lambda store: WORDS[store].choice, key=state_keys.PURGE_STORES,
            persist_state="page",
        )  # fmt: skip
        st.button("Sessions only", type="tertiary", on_click=_only_sessions)
    words = "Sessions always end: a live one would write again what was erased."
    st.caption(words if chosen else f"Only sessions end. {words}")
    return frozenset(chosen) | {Measure.SESSIONS}


def _only_sessions() -> None:
    st.session_state[state_keys.PURGE_STORES] = []
