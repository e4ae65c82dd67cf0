import streamlit as st

from dashboard.app import runtime, state_keys, unreadable
from dashboard.draw import figures
from dashboard.purge import (
    choose,
    job,
    listing,
    plan,
)
from services.errors import KatoTenantsError
from services.purge.came_back import came_back

asked = st.query_params.get(state_keys.JOB, "")
if asked:
    st.title("Purge")
    job.draw(asked)
    st.stop()

kept = st.query_params.get(state_keys.PLAN, "")
if kept:
    del st.query_params[state_keys.PLAN]
    plan.show_kept(kept)

shown = plan.shown_plan()
if shown is not None:
    st.title("Purge")
    plan.draw(shown)
    st.stop()

snapshot = figures.snapshot_or_stop("Purge")
purge = runtime.desk().purge
try:
    jobs, stones = purge.jobs(), purge.tombstones(snapshot.kb_ids)
except KatoTenantsError as exc:
    unreadable.draw("Purges so far", exc)
    st.stop()

st.caption("Nothing is erased before it was planned, looked at, and confirmed by name. A receipt "
           "says what is gone, found by looking again.")  # fmt: skip
choose.choose(snapshot)
listing.came_back_part(came_back(snapshot, stones))
listing.jobs_list(jobs)
