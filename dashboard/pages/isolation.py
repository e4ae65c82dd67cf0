from datetime import UTC, datetime

import streamlit as st

from dashboard.app import permits, runtime, state_keys, unreadable
from dashboard.draw import figures
from dashboard.isolation import (
    canary,
    conservation,
    finding,
    listing,
    summary,
)
from services.access.viewer import Action
from services.errors import KatoTenantsError

asked = st.query_params.get(state_keys.FINDING, "")
if asked:
    figures.head("Isolation")
else:
    snapshot = figures.snapshot_or_stop("Isolation")

desk = runtime.desk()
isolation = desk.isolation
try:
    report = isolation.report()
except KatoTenantsError as exc:
    unreadable.draw("The findings", exc)
    st.stop()

if asked:
    finding.draw(asked, report)
    st.stop()

summary.problems(isolation.state)
summary.audit_line(report)
if report is None:
    st.caption("The first audit follows the first figures.")
    if not isolation.state.problem:
        for height in (170, 300):
            st.skeleton(height=height)
else:
    rows = listing.rows_of(report, datetime.now(UTC))
    summary.figures(report, rows)
    summary.unknown(report)
    listing.draw(rows, report)

if desk.gate.viewer().sees_all:  # of some tenants alone there is nothing to add up to
    conservation.draw(snapshot)
if report is not None:
    listing.rules(report)
if not permits.why_not(Action.SEE_CANARY):
    canary.draw()
