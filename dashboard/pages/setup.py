import streamlit as st

from dashboard.app import permits, refusals, runtime
from dashboard.app.ending import end_page
from dashboard.draw import figures
from dashboard.setup import form, preview
from services.access.viewer import Action
from services.errors import KatoTenantsError

snapshot = figures.head("New tenant").snapshot
off = permits.why_not(Action.SET_UP)
if off:
    st.info(off, icon=":material/lock:")
    end_page()

preview.outcome()
collections = () if snapshot is None else snapshot.collections
shared = sorted(each.name for each in collections if each.points_by_tenant is not None)
halves = st.grid(2, gap=("small", "large"), min_column_width=380)
left, right = halves.cell(), halves.cell()
with left:
    order = form.draw(shared)
with right:
    if order is None:
        st.caption("Name it to see the names near it, and what would be done.")
    else:
        try:
            found = runtime.desk().setup.preview(order, snapshot)
        except KatoTenantsError as exc:
            refusals.say(exc)
        else:
            preview.draw(found)
            preview.advice(found.advice)
