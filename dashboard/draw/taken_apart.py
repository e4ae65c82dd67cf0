"""Of a kb_id that tenants shared: when it was taken apart, and what each is called since."""

from __future__ import annotations

import streamlit as st

from dashboard.app import runtime
from dashboard.draw.formatting import escaped, moment, visible
from services.apart.models import Apart
from services.tenancy.kb_ids import TenantKey


def words(apart: Apart, own: TenantKey | None) -> str:
    """Say what each tenant names since, or `own` alone. Pure."""
    told = [
        f"{visible(str(share.tenant))} names {visible(share.node_id)}"
        for share in apart.shares
        if share.node_id and own in (None, share.tenant)
    ]
    names = f"since then {' and '.join(told)}. " if told else ""
    return (
        f"It was taken apart {moment(apart.at)}: {names}What is left here could not be told apart."
    )


def say(kb_id: str, own: TenantKey | None) -> None:
    """Draw it, where a kb_id was taken apart and everyone who shared it is in scope.

    Raises StoreError.
    """
    known = runtime.desk().apart.known(kb_id)
    if known is not None:
        st.info(escaped(words(known, own)), icon=":material/call_split:")
