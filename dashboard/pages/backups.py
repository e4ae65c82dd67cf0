import streamlit as st

from dashboard.app import permits, runtime, unreadable
from dashboard.backups import form, rules, standings
from dashboard.draw import figures
from services.access.viewer import Action

snapshot = figures.snapshot_or_stop("Backups")
with unreadable.said("How tenants are backed up"):
    standings.draw(standings.read_now(snapshot))
    kept = runtime.desk().backups.rules()
    rules.draw(kept)
    off = permits.why_not(Action.SET_BACKUPS)
    if off:
        st.caption(f":material/lock: {off}")
    else:
        form.draw(snapshot, kept)
