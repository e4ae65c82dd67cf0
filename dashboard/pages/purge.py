import streamlit as st

from dashboard.app import permits, runtime, state_keys, unreadable
from dashboard.app.ending import end_page
from dashboard.draw import figures
from dashboard.purge import choose, job, listing, plan, plan_tables, shown_plan
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.purge.came_back import came_back

asked = st.query_params.get(state_keys.JOB, "")
if asked:
    figures.head("Purge")
    job.draw(asked)
    st.stop()

kept = st.query_params.get(state_keys.PLAN, "")
if kept:
    st.query_params.pop(state_keys.PLAN, None)
    shown_plan.show_kept(kept)

# These stand at the same places with a plan and without: the button keeps the focus, and what
# comes next by keyboard is the plan.
selection, action, result = st.container(), st.container(), st.container()
shown, going = shown_plan.shown_plan(), shown_plan.going()
with selection:
    if going is None:
        snapshot = figures.snapshot_or_stop("Purge")
        st.caption("Nothing is erased before it was planned, looked at, and confirmed by name. A "
                   "receipt says what is gone, found by looking again.")  # fmt: skip
        request = choose.choose(snapshot)
    else:
        figures.head("Purge")
        st.button("Edit selection", icon=":material/arrow_back:", type="tertiary",
                  on_click=shown_plan.put_away)  # fmt: skip
        request = going.request
with action:
    permits.button(
        "Plan (changes nothing)", Action.PLAN_PURGE, icon=":material/fact_check:",
        disabled=request is None, key="purge_plan_button", on_click=shown_plan.click,
        takes=plan_tables.takes(request) if request else frozenset(),
    )  # fmt: skip
with result:
    if shown_plan.is_wanted() and request is not None:
        shown_plan.ask(
            request, going.taken if going else (), resumes=going.resumes if going else ""
        )
    with unreadable.said("The plan"):
        if shown_plan.wait(request if going is None else None):
            st.stop()
    if shown is not None:
        plan.draw(shown)
        st.stop()
    purge = runtime.desk().purge
    if going is not None:
        st.stop()
    try:
        jobs, stones = purge.jobs(), purge.tombstones(snapshot.kb_ids)
    except KatoTenantsError as exc:
        unreadable.draw("Purges so far", exc)
        end_page()
    listing.came_back_part(came_back(snapshot, stones))
    listing.jobs_list(jobs)
