import streamlit as st

from dashboard.app import permits, read, runtime, unreadable
from dashboard.draw import figures
from dashboard.limits import files, form, listing
from services.access.viewer import Action

snapshot = figures.snapshot_or_stop("Limits")
with unreadable.said("Which limits are set"):
    kept, standings = runtime.desk().limits.rules(), read.standings(snapshot)
    listing.summary(standings, snapshot)
    listing.draw(kept, standings)
    off = permits.why_not(Action.SET_LIMITS)
    if off:
        st.caption(f":material/lock: {off}")
    else:
        form.draw(snapshot, kept)
        files.draw(snapshot)
