import streamlit as st

from dashboard.app import runtime, state_keys, unreadable
from dashboard.app.ending import end_page
from dashboard.approvals import listing
from services.errors import StoreError

st.title("Approvals")
actions = sorted(action.value for action in runtime.desk().gate.two_persons)
if not actions:
    st.info("Nothing waits for a second person here: KATO_TENANTS_TWO_PERSONS is not set.",
            icon=":material/how_to_reg:")  # fmt: skip
    end_page()

st.caption(f"A second admin has to approve these: {', '.join(actions)}. An approval holds for that "
           "very thing, once, and not for who asked for it.")  # fmt: skip
try:
    listing.draw(st.query_params.get(state_keys.REQUEST, ""))
except StoreError as exc:
    unreadable.draw("Requests", exc)
