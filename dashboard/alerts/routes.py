"""How each route does, and a test of one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.alerts import tables
from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.draw import figures
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import escaped, markdown, moment
from services.access.viewer import Action
from services.alerts.models import Delivery
from services.errors import KatoTenantsError


def draw() -> None:
    """Draw every route that the viewer may know of. Raises StoreError."""
    st.header("Routes")
    found = runtime.desk().alerts.deliveries()
    if not found:
        st.info("Nobody is told of alerts that you may see: KATO_TENANTS_ALERT_ROUTES names no "
                "route for them.", icon=":material/notifications_off:")  # fmt: skip
        return
    for each in found:
        if each.failing_since is not None:
            why = each.problem and (each.problem.reason or str(each.problem))
            st.warning(f"Route **{escaped(each.route)}** fails since {moment(each.failing_since)}: "
                       f"{markdown(why or 'it is not known why')}. It is tried again by itself.",
                       icon=":material/cloud_off:")  # fmt: skip
    chosen = rows_table(
        tables.routes_frame(found), found, [each.route for each in found], key="routes",
        placeholder="–",
        select="single-row", height="content",
        alt="Routes: when each last took something, and what it does not take since when",
        column_config={"Last sent": figures.TIME, "Failing since": figures.TIME,
                       "Problem": st.column_config.TextColumn(width=300)},
        column_order=["Route", "Kind", "State", "Last sent", "Failing since", "Waiting"],
    )  # fmt: skip
    _test(found, chosen)


def _test(found: Sequence[Delivery], chosen: Sequence[Delivery]) -> None:
    refusals.draw(state_keys.ROUTE_REFUSED, "Nothing was sent")
    only = found[0] if len(found) == 1 else None
    route = chosen[0] if chosen else only
    label = f"Send a test to {escaped(route.route)}" if route else "Send a test"
    permits.button(
        label, Action.TEST_ROUTE, icon=":material/send:", key="test_route", disabled=route is None,
        tip=None if route else "Select a route.", on_click=_send,
        args=(route.route if route else "",),
    )  # fmt: skip
    if state_keys.ROUTE_TESTED in st.session_state:
        _tested()


@st.fragment(run_every="2s")
@unreadable.calmly()
def _tested() -> None:
    """Say what came of the test that was sent last, once that is known."""
    try:
        letter = runtime.desk().alerts.letter(st.session_state[state_keys.ROUTE_TESTED])
    except KatoTenantsError:
        return
    route = escaped(letter.message.route)
    if letter.sent_at is not None:
        st.success(f"{route} took the test.", icon=":material/check:")
    elif letter.given_up:
        st.error(f"{route} did not take the test: {markdown(str(letter.problem))}.",
                 icon=":material/error:")  # fmt: skip
    else:
        st.info(f"The test is on its way to {route}…", icon=":material/hourglass_empty:")


def _send(route: str) -> None:
    try:
        st.session_state[state_keys.ROUTE_TESTED] = runtime.desk().alerts.test(route)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.ROUTE_REFUSED, exc)
