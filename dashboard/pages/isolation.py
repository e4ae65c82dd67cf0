from datetime import UTC, datetime

import streamlit as st

from dashboard.app import permits, runtime, unreadable
from dashboard.app import state_keys as session
from dashboard.draw import figures as components
from dashboard.isolation import (
    canary as canary_part,
)
from dashboard.isolation import (
    conservation as isolation_conservation,
)
from dashboard.isolation import (
    finding as isolation_finding,
)
from dashboard.isolation import (
    listing as isolation_list,
)
from dashboard.isolation import (
    summary as isolation_head,
)
from services.access.viewer import Action
from services.errors import KatoTenantsError

asked = st.query_params.get(session.FINDING, "")
if asked:
    st.title("Isolation")
else:
    snapshot = components.snapshot_or_stop("Isolation")

desk = runtime.desk()
isolation = desk.isolation
try:
    report = isolation.report()
except KatoTenantsError as exc:
    unreadable.draw("The findings", exc)
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

if desk.gate.viewer().sees_all:  # of some tenants alone there is nothing to add up to
    isolation_conservation.draw(snapshot)
if report is not None:
    isolation_list.rules(report)
if not permits.why_not(Action.SEE_CANARY):
    canary_part.draw()
