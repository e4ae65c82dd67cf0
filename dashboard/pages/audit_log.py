import streamlit as st

from dashboard import log_check, log_list, unread
from services.errors import KatoTenantsError

st.title("Audit log")
st.caption("Who looked into whose data, exported or changed it, or was refused to: names only, "
           "neither contents nor secrets.")  # fmt: skip
log_check.draw()
try:
    log_list.missing_ends()
    log_list.draw()
except KatoTenantsError as exc:
    unread.draw("The audit log", exc)
