import streamlit as st

from dashboard.app import unreadable
from dashboard.audit_log import listing as log_list
from dashboard.audit_log import verification as log_check
from services.errors import KatoTenantsError

st.title("Audit log")
st.caption("Who looked into whose data, exported or changed it, or was refused to: names only, "
           "neither contents nor secrets.")  # fmt: skip
log_check.draw()
try:
    log_list.missing_ends()
    log_list.draw()
except KatoTenantsError as exc:
    unreadable.draw("The audit log", exc)
