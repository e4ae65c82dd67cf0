"""Confirming on a tenant's page that kb_ids are this tenant's, and taking that back."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, plural, visible
from services.access.viewer import Action
from services.approvals.models import WHY
from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState
from services.usage.snapshot import KbUsage, Snapshot

_UNSURE = (ClaimState.INFERRED, ClaimState.SHARED)  # where only a text says whose it is


def draw(snapshot: Snapshot, tenant: TenantKey, parts: Sequence[KbUsage]) -> None:
    """Draw the buttons, where there is something to confirm or to take back."""
    refusals.draw(state_keys.CONFIRM_REFUSED, "Nothing was changed")
    unsure = any(part.is_kb and part.claim.state in _UNSURE and not part.nodes for part in parts)
    words = [part.claim.confirmation for part in parts if part.claim.confirmation is not None]
    mine = [word.kb_id for word in words if word.tenant == tenant]
    with st.container(horizontal=True):
        if unsure and permits.button("Confirm an owner…", Action.CONFIRM_OWNER, tenants=[tenant],
                                     icon=":material/verified_user:"):  # fmt: skip
            st.dialog("Confirm an owner", icon=":material/verified_user:")(_confirm)(
                snapshot, tenant
            )
        if mine and permits.button("Revoke a confirmation…", Action.REVOKE_OWNER,
                                   tenants=[tenant], icon=":material/undo:"):  # fmt: skip
            st.dialog("Revoke a confirmation", icon=":material/undo:")(_revoke)(tenant, mine)


def _confirm(snapshot: Snapshot, tenant: TenantKey) -> None:
    name = escaped(visible(str(tenant)))
    st.markdown(
        f"With your word these kb_ids count as {name}'s, for a purge too, until a node_id of "
        "somebody else is seen on them. Nothing in the stores changes."
    )
    found = {each.kb_id: each for each in runtime.desk().names.candidates(snapshot, tenant)}
    if not found:
        st.info(f"There is nothing that could be confirmed for {name}.", icon=":material/check:")
        return
    alone = [kb_id for kb_id, each in found.items() if each.alone]
    st.caption(f"{plural(len(alone), 'kb_id')} could be no other tenant's, and "
               f"{plural(len(found) - len(alone), 'kb_id')} could be.")  # fmt: skip
    _ask(Action.CONFIRM_OWNER, tenant, list(found), alone, "Confirm")


def _revoke(tenant: TenantKey, confirmed: Sequence[str]) -> None:
    st.markdown("Their evidence is again what it was before, and a purge leaves out what is only "
                "guessed.")  # fmt: skip
    _ask(Action.REVOKE_OWNER, tenant, confirmed, (), "Revoke")


def _ask(
    action: Action, tenant: TenantKey, kb_ids: Sequence[str], default: Sequence[str], label: str
) -> None:
    asked = draw_status(action)
    st.multiselect("kb_ids", kb_ids, default=default, format_func=visible,
                   key=state_keys.CONFIRM_KBS, filter_mode="contains")  # fmt: skip
    st.text_area(WHY, asked.details.get(WHY, "") if asked else "", key=state_keys.CONFIRM_WHY,
                 max_chars=2000, height=100)  # fmt: skip
    if permits.button(label, action, tenants=[tenant], type="primary", key=state_keys.CONFIRM_DO,
                      on_click=_decide, args=(action, tenant)):  # fmt: skip
        st.rerun()


def _decide(action: Action, tenant: TenantKey) -> None:
    """Confirm or revoke what was entered; the use case checks it."""
    held, names = st.session_state, runtime.desk().names
    act = names.confirm if action is Action.CONFIRM_OWNER else names.revoke
    try:
        act(tenant, held[state_keys.CONFIRM_KBS], why=held[state_keys.CONFIRM_WHY])
    except KatoTenantsError as exc:
        refusals.keep(state_keys.CONFIRM_REFUSED, exc)
