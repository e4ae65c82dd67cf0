from datetime import UTC, datetime

import streamlit as st

from dashboard.alerts import listing, routes, silencing
from dashboard.app import outage, read, runtime, state_keys, unreadable
from dashboard.app.ending import end_page
from services.errors import StoreError

st.title("Alerts")
with unreadable.said("Which stores answer"):
    outage.card(read.state().snapshot)
now = datetime.now(UTC)
try:
    found = runtime.desk().alerts.all()
except StoreError as exc:
    unreadable.draw("Alerts", exc)
    end_page()

asked = st.query_params.get(state_keys.ALERT, "")
if asked:
    alert = listing.one(asked, found, now)
    if alert is not None and alert in found.live:
        silencing.buttons((alert,), found)
    end_page()

listing.head(found, now)
silencing.buttons(listing.live(found, now), found)
silencing.listed(found, now)
with unreadable.said("Routes"):
    routes.draw()
listing.past(found)
