import streamlit as st

from dashboard.app import state_keys
from dashboard.bill import listing, one
from dashboard.draw import figures

figures.head("Bill")
bills = listing.choose()
if bills is None:
    st.stop()
if asked := st.query_params.get(state_keys.TENANT, ""):
    one.draw(bills[0], asked)
else:
    listing.draw(*bills)
