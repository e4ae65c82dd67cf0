import streamlit as st

from dashboard.app import runtime
from dashboard.app.ending import end_page
from dashboard.draw import figures, over_time
from dashboard.usage import cohort, compare, movers
from services.history.models import FLEET

snapshot = figures.snapshot_or_stop("Usage")
choice = over_time.choose(snapshot)
if choice is None:
    end_page()
if runtime.desk().gate.viewer().sees_all:
    st.header("The fleet over time")
    over_time.draw(FLEET, choice, tenants=())
    compare.fleet(choice)
compare.draw(choice, snapshot)
cohort.draw(choice)
movers.draw(choice)
