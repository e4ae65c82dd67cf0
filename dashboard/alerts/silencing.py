"""Silencing alerts, and ending a silence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.alerts import tables
from dashboard.app import alert_count, permits, refusals, runtime, state_keys
from dashboard.draw import figures
from dashboard.draw.approval_status import draw_status
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import escaped, plural, visible
from services.access.viewer import Action
from services.alerts.models import Alert, Alerts, Silence
from services.alerts.words import TITLES, line_of
from services.approvals.models import HOW_LONG, WHY
from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey

_ANY = "Any"


def buttons(chosen: Sequence[Alert], found: Alerts) -> None:
    """Draw what silences the alerts that are selected, or all of a condition or tenant."""
    refusals.draw(state_keys.SILENCE_REFUSED, "Nothing was silenced")
    with st.container(horizontal=True):
        label = f"Silence {plural(len(chosen), 'alert')}…" if chosen else "Silence…"
        if permits.button(
            label, Action.SILENCE, tenants=_concerned(chosen) if chosen else None,
            icon=":material/notifications_paused:", key="silence",
        ):  # fmt: skip
            st.dialog("Silence", icon=":material/notifications_paused:")(_form)(chosen, found)
    if not chosen and found.live:
        st.caption("Select alerts to silence just these.")


def listed(found: Alerts, now: datetime) -> None:
    """Draw the silences that hold, with a button that ends those that are selected."""
    st.header("Silences")
    holding = [each for each in found.silences if each.holds(now)]
    if not holding:
        st.caption("Nothing is silenced.")
        return
    frame = tables.silences_frame(holding)
    chosen = rows_table(
        frame, holding, [each.id for each in holding], key="silences",
        placeholder="–", select="multi-row",
        height="content", alt="Silences that hold: of what, until when, by whom and why",
        column_config={"Until": figures.TIME, "Since": figures.TIME,
                       "Silenced": st.column_config.TextColumn(width=300)},
        column_order=["Silenced", "Until", "By", "Why"],
    )  # fmt: skip
    permits.button(
        f"End {plural(len(chosen), 'silence')}" if chosen else "End a silence", Action.SILENCE,
        icon=":material/notifications_active:", key="unsilence", disabled=not chosen,
        tip=None if chosen else "Select one.", on_click=_end, args=(chosen,),
    )  # fmt: skip


def _concerned(chosen: Sequence[Alert]) -> Collection[TenantKey]:
    """Return whom alerts concern; nobody, and so whoever sees all, where one is of the fleet."""
    if any(not each.concerns for each in chosen):
        return ()
    return {tenant for each in chosen for tenant in each.concerns or ()}


def _form(chosen: Sequence[Alert], found: Alerts) -> None:
    st.markdown("Until then nobody is told that it fires; it stays on this page as silenced. Who "
                "still has to know is told when it ends.")  # fmt: skip
    draw_status(Action.SILENCE)
    if chosen:
        st.markdown("\n".join(f"- {escaped(line_of(each))}" for each in chosen))
    else:
        st.selectbox("Condition", ["", *TITLES], format_func=lambda code: TITLES.get(code, _ANY),
                     key=state_keys.SILENCE_CODE, filter_mode="contains")  # fmt: skip
        tenants = [None, *tables.tenants_of(found.live)]
        st.selectbox(
            "Tenant", tenants, key=state_keys.SILENCE_TENANT, filter_mode="contains",
            format_func=lambda tenant: _ANY if tenant is None else visible(str(tenant)),
            help="What is about this tenant and nobody else.",
        )  # fmt: skip
    choice = st.segmented_control(HOW_LONG, list(tables.LASTS), default="4 hours", required=True,
                                  key=state_keys.SILENCE_LASTS)  # fmt: skip
    if choice == tables.A_DAY:
        today = datetime.now(UTC).date()
        last = today + timedelta(days=365)
        st.date_input("To the end of (UTC)", today + timedelta(days=1), min_value=today,
                      max_value=last, key=state_keys.SILENCE_DATE)  # fmt: skip
    st.text_input(WHY, key=state_keys.SILENCE_WHY, max_chars=500, placeholder="A ticket, say")
    if permits.button("Silence", Action.SILENCE, type="primary", on_click=_silence,
                      args=(tuple(each.id for each in chosen),), key="silence_do"):  # fmt: skip
        st.rerun()


def _silence(ids: Sequence[str]) -> None:
    """Silence by what was entered; the service checks it."""
    held, alerts = st.session_state, runtime.desk().alerts
    until = tables.until_of(
        held[state_keys.SILENCE_LASTS], held.get(state_keys.SILENCE_DATE), datetime.now(UTC)
    )
    why = held[state_keys.SILENCE_WHY]
    try:
        if not ids:
            alerts.silence(
                why=why, until=until, code=held[state_keys.SILENCE_CODE],
                tenant=held[state_keys.SILENCE_TENANT],
            )  # fmt: skip
        for alert in ids:
            alerts.silence(why=why, until=until, alert=alert)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.SILENCE_REFUSED, exc)
    finally:
        alert_count.changed()


def _end(chosen: Sequence[Silence]) -> None:
    try:
        for each in chosen:
            runtime.desk().alerts.unsilence(each.id)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.SILENCE_REFUSED, exc)
    finally:
        alert_count.changed()
