import streamlit as st

from dashboard.app import permits, state_keys
from dashboard.app.ending import end_page
from dashboard.draw import figures
from dashboard.imports import form, one
from services.access.viewer import Action

snapshot = figures.head("Import").snapshot
off = permits.why_not(Action.IMPORT_DATA)
if off:
    st.info(off, icon=":material/lock:")
    end_page()

run = st.query_params.get(state_keys.IMPORT_RUN, "")
if run:
    form.keep()
    one.draw(run)
else:
    form.draw(snapshot)
    one.listing()
