import streamlit as st

from dashboard.app import unreadable
from dashboard.audit_log import listing, verification
from services.errors import KatoTenantsError

st.title("Audit log")
st.caption("Who looked into whose data, exported or changed it, or was refused to: names only, "
           "neither contents nor secrets.")  # fmt: skip
verification.draw()
try:
    listing.missing_ends()
    listing.draw()
except KatoTenantsError as exc:
    unreadable.draw("The audit log", exc)
