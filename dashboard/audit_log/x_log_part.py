"""What was done to a tenant, for its page."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, runtime
from dashboard.app import state_keys as session
from dashboard.app import x_unread as unread
from dashboard.audit_log import listing as log_list
from dashboard.audit_log import tables as log_tables
from services.access.viewer import Action
from services.errors import KatoTenantsError

LAST = 10


def tenant_log(name: str) -> None:
    """Draw the last entries about a tenant, who may be no more; nothing where there are none.

    `name` is the tenant as `visible` writes it.
    """
    if permits.why_not(Action.SEE_LOG):
        return
    wanted = log_tables.filter_of(tenant=name)
    try:
        entries = runtime.desk().log.page(wanted, limit=LAST).entries
        if not entries:
            return
        st.subheader("What was done to it")
        log_list.table(entries, key="tenant_log", without=("Role", "No.", "Request"))
    except KatoTenantsError as exc:
        unread.draw("What was done to it", exc)
        return
    permits.link("audit_log", "All of it in the audit log", {session.LOG_TENANT: name})
