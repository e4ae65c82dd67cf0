"""Choosing whose archive is to be taken, and beginning it."""

from __future__ import annotations

import streamlit as st

from dashboard.app import outage, permits, read, refusals, runtime, state_keys
from dashboard.draw.formatting import name_among, unseen, visible
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot

TENANT, NODE, USER = WHATS = ("A whole tenant", "One node", "One user")


def draw(snapshot: Snapshot) -> None:
    """Draw the choice, and the button that begins."""
    with st.container(border=True):
        st.header("Take an archive")
        what = st.segmented_control(
            "What", WHATS, default=TENANT, required=True, key=state_keys.ARCHIVE_WHAT,
            label_visibility="collapsed",
        )  # fmt: skip
        target = _target(what or TENANT, snapshot)
        guessed = st.checkbox(
            "Take in what is guessed from the name and could be no other tenant's",
            key=state_keys.ARCHIVE_GUESSED,
        )
        quiesce = st.checkbox(
            "End its sessions first", key=state_keys.ARCHIVE_QUIESCE,
            help="Nothing is written any more while it is taken; the sessions are in the archive. "
            "Otherwise the archive says what changed meanwhile.",
        )  # fmt: skip
        reason = st.text_input("Reason or ticket", key=state_keys.ARCHIVE_REASON)
        request = Request(target, include_inferred=guessed) if target else None
        action = Action.END_AND_ARCHIVE if quiesce else Action.ARCHIVE
        permits.button(
            "Take archive", action, tenants=target.tenants if target else None, type="primary",
            icon=":material/archive:", disabled=request is None or not reason.strip(),
            key="archive_take", on_click=_begin, args=(request, reason, quiesce),
            takes=outage.EVERY_STORE,
            tip=None if request and reason.strip() else "Choose whose, and say why.",
        )  # fmt: skip
        refusals.draw(state_keys.ARCHIVE_REFUSED, "No archive is taken")


def _target(what: str, snapshot: Snapshot) -> Target | None:
    tenants = read.names(snapshot)
    asked = name_among(st.query_params.get(state_keys.TENANT, ""), tenants)
    left, right = st.columns(2)
    name = left.selectbox(
        "Only of this tenant" if what == USER else "Tenant", list(tenants),
        index=list(tenants).index(asked) if asked else None, key=state_keys.ARCHIVE_TENANT,
        filter_mode="contains",
        placeholder="Of all tenants" if what == USER else "Type a part of its name",
    )  # fmt: skip
    tenant = tenants.get(name or "")
    if what == USER:
        user = right.text_input("User id", key=state_keys.ARCHIVE_USER)
        return Target(tenant, user=unseen(user)) if user.strip() else None
    if tenant is None or what == TENANT:
        return None if tenant is None else Target(tenant)
    return _node(tenant, right)


def _node(tenant: TenantKey, where: st.delta_generator.DeltaGenerator) -> Target | None:
    ownership = read.ownership()
    nodes = {
        visible(node): node for node in sorted(ownership.nodes)
        if ownership.tenant_of(node) == tenant
    }  # fmt: skip
    node = where.selectbox(
        "node_id", list(nodes), index=None, key=state_keys.of(state_keys.ARCHIVE_NODE, tenant),
        placeholder="Choose one", filter_mode="contains",
    )  # fmt: skip
    return Target(tenant, node_id=nodes[node]) if node else None


def _begin(request: Request, reason: str, quiesce: bool) -> None:
    """Begin it, and open it; a refusal is said with the next drawing."""
    try:
        archive = runtime.desk().archives.begin(request, reason=reason, quiesce=quiesce)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.ARCHIVE_REFUSED, exc)
        return
    st.query_params[state_keys.ARCHIVE] = archive.id
