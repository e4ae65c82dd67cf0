from datetime import UTC, datetime

import streamlit as st

from dashboard import (
    canary_part,
    components,
    isolation_conservation,
    isolation_finding,
    isolation_head,
    isolation_list,
    runtime,
    session,
)
from dashboard.formatting import markdown
from services.errors import KatoTenantsError

asked = st.query_params.get(session.FINDING, "")
if asked:
    st.title("Isolation")
else:
    snapshot = components.snapshot_or_stop("Isolation")

isolation = runtime.services().isolation
try:
    report = isolation.report()
except KatoTenantsError as exc:
    st.error(f"The findings cannot be read. {markdown(str(exc))}", icon=":material/cloud_off:")
    st.stop()

if asked:
    isolation_finding.draw(asked, report)
    st.stop()

isolation_head.problems(isolation.state)
isolation_head.audit_line(report)
if report is None:
    st.caption("The first audit follows the first figures.")
    if not isolation.state.problem:
        for height in (170, 300):
            st.skeleton(height=height)
else:
    rows = isolation_list.rows_of(report, datetime.now(UTC))
    isolation_head.figures(report, rows)
    isolation_head.unknown(report)
    isolation_list.draw(rows, report)

isolation_conservation.draw(snapshot)
if report is not None:
    isolation_list.rules(report)
canary_part.draw()
