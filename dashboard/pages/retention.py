import streamlit as st

from dashboard.app import permits, runtime, state_keys, unreadable
from dashboard.app.ending import end_page
from dashboard.draw import figures
from dashboard.retention import form, job, listing, past, plan, runs
from services.access.viewer import Action

asked = st.query_params.get(state_keys.JOB, "")
if asked:
    figures.head("Retention")
    job.draw(asked)
    end_page()

snapshot = figures.snapshot_or_stop("Retention")
with unreadable.said("Which policies are set"):
    kept = runtime.desk().retention.policies()
    listing.draw(kept)
    plan.draw(kept)
    off = permits.why_not(Action.SET_RETENTION)
    if off:
        st.caption(f":material/lock: {off}")
    else:
        form.draw(snapshot, kept)
    past.draw(snapshot, kept)
with unreadable.said("Runs so far"):
    runs.draw(runtime.desk().retention.jobs())
runs.own_records()
