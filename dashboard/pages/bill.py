import streamlit as st

from dashboard.app import state_keys
from dashboard.app.ending import end_page
from dashboard.bill import listing, one
from dashboard.draw import figures

figures.head("Bill")
bills = listing.choose()
if bills is None:
    end_page()
if asked := st.query_params.get(state_keys.TENANT, ""):
    one.draw(bills[0], asked)
else:
    listing.draw(*bills)
