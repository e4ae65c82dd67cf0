import streamlit as st

from dashboard.app import runtime, unreadable
from dashboard.app import state_keys as session
from dashboard.draw import figures as components
from dashboard.purge import (
    choose as purge_choose,
)
from dashboard.purge import (
    job as purge_job,
)
from dashboard.purge import (
    listing as purge_parts,
)
from dashboard.purge import (
    plan as purge_plan,
)
from services.errors import KatoTenantsError
from services.purge.came_back import came_back

asked = st.query_params.get(session.JOB, "")
if asked:
    st.title("Purge")
    purge_job.draw(asked)
    st.stop()

kept = st.query_params.get(session.PLAN, "")
if kept:
    del st.query_params[session.PLAN]
    purge_plan.show_kept(kept)

shown = purge_plan.shown_plan()
if shown is not None:
    st.title("Purge")
    purge_plan.draw(shown)
    st.stop()

snapshot = components.snapshot_or_stop("Purge")
purge = runtime.desk().purge
try:
    jobs, stones = purge.jobs(), purge.tombstones(snapshot.kb_ids)
except KatoTenantsError as exc:
    unreadable.draw("Purges so far", exc)
    st.stop()

st.caption("Nothing is erased before it was planned, looked at, and confirmed by name. A receipt "
           "says what is gone, found by looking again.")  # fmt: skip
purge_choose.choose(snapshot)
purge_parts.came_back_part(came_back(snapshot, stones))
purge_parts.jobs_list(jobs)
