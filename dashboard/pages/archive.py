import streamlit as st

from dashboard.app import runtime, state_keys, unreadable
from dashboard.archive import listing, one, take
from dashboard.draw import figures

asked = st.query_params.get(state_keys.ARCHIVE, "")
if asked:
    figures.head("Archives")
    one.draw(asked)
    st.stop()

snapshot = figures.snapshot_or_stop("Archives")
st.caption("An archive holds all that the stores have of one tenant, node or user, as one file "
           "that is read back before it counts.")  # fmt: skip
take.draw(snapshot)
with unreadable.said("Archives so far"):
    listing.draw(runtime.desk().archives.archives())
