"""What fires and what is over, as tables; and one alert that a link names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import streamlit as st

from dashboard.alerts import tables
from dashboard.app import brand, permits, runtime, state_keys, unreadable
from dashboard.draw import figures, severities
from dashboard.draw.chosen import open_box, rows_table
from dashboard.draw.downloads import download
from dashboard.draw.formatting import age, escaped, markdown, moment
from dashboard.draw.links import copy_link
from services.alerts.models import Alert, Alerts, AlertState
from services.alerts.words import TODO, line_of, title_of
from services.tenancy.kb_ids import TenantKey

LATE = timedelta(minutes=3)
"""After so long without a look, what stands here may be old."""


def head(found: Alerts, now: datetime) -> None:
    """Say when somebody last looked, and follow by itself what changes."""
    if found.looked_at is None:
        st.info("Nobody has looked for alerts yet: a dashboard does, half a minute after it has "
                "its first figures.", icon=":material/hourglass_empty:")  # fmt: skip
    elif now - found.looked_at > LATE:
        st.warning(f"Nobody has looked for alerts since {moment(found.looked_at)}: what stands "
                   "here may be old.", icon=":material/cloud_off:")  # fmt: skip
    else:
        st.caption(f"Looked {age(found.looked_at, now)}.")
    st.fragment(_watch, run_every="10s")(_stamp(found))


@unreadable.calmly()
def _watch(shown: object) -> None:
    if _stamp(runtime.desk().alerts.all()) != shown:
        st.rerun()


def _stamp(found: Alerts) -> object:
    return (
        [(each.id, each.state) for each in found.live], [(each.id, each.until)
        for each in found.silences], found.looked_at is None,
    )  # fmt: skip


def live(found: Alerts, now: datetime) -> tuple[Alert, ...]:
    """Draw what fires, is silenced or about to fire; return what is selected."""
    fires = [each for each in found.live if each.state is AlertState.FIRING]
    silenced = sum(found.silence_of(each, now) is not None for each in fires)
    st.header("Firing")
    if not found.live:
        st.success("Nothing fires." if found.looked_at else "Nothing fires, as far as is known.",
                   icon=":material/notifications_off:")  # fmt: skip
        return ()
    counts = {"firing": len(fires) - silenced, "silenced": silenced,
              "about to fire": len(found.live) - len(fires)}  # fmt: skip
    st.caption(", ".join(f"{count:,} {word}" for word, count in counts.items() if count))
    alerts = tables.gravest_first(found.live)
    frame = tables.live_frame(alerts, found, now)
    until = ["Silenced until"] if frame["Silenced until"].notna().any() else []
    open_box("alert", alerts, list(map(tables.name_of, alerts)), key="alerts", leads=tables.leads)
    chosen = rows_table(
        severities.with_chips(frame), alerts, [each.id for each in alerts], key="alerts_live",
        placeholder="–",
        select="multi-row", height="content" if len(alerts) <= 10 else "auto",  # noqa: PLR2004
        alt="Alerts that fire or are about to, the gravest first",
        column_config=_COLUMNS,
        column_order=["Severity", "What", "Tenant", "State", *until, "Since", "Routes"],
    )  # fmt: skip
    download(frame, "alerts", tenants=_named(alerts))
    return chosen


def past(found: Alerts) -> None:
    """Draw what is over, the newest first."""
    st.header("Past")
    if not found.past:
        st.caption("Nothing so far. What is over is kept for 90 days.")
        return
    frame = tables.past_frame(found.past)
    rows_table(
        severities.with_chips(frame), found.past, [each.id for each in found.past],
        key="alerts_past", placeholder="–",
        alt="Alerts that are over, the newest first", column_config=_COLUMNS,
        column_order=["Severity", "What", "Tenant", "Began", "Ended", "Routes"],
    )  # fmt: skip
    download(frame, "past_alerts", tenants=_named(found.past))


def one(asked: str, found: Alerts, now: datetime) -> Alert | None:
    """Draw the alert that a link names, and return it."""
    st.button("All alerts", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    alert = next((each for each in (*found.live, *found.past) if each.id == asked), None)
    if alert is None:
        st.warning(f"There is no alert {markdown(asked)}, or none in your scope. What is over is "
                   "kept for 90 days.", icon=":material/search_off:")  # fmt: skip
        return None
    brand.name_tab("Alerts", title_of(alert))
    st.header(escaped(title_of(alert)))
    silence = found.silence_of(alert, now)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        severities.badge(alert.severity)
        st.badge("silenced" if silence else alert.state.value, color="gray")
        st.caption(f"{markdown(alert.code)} · {markdown(alert.id)}")
        copy_link({state_keys.ALERT: alert.id})
    st.markdown(escaped(line_of(alert)))
    st.table(_times(alert), border="horizontal", width="content", alt="When it was seen")
    if silence is not None:
        by, why = markdown(silence.by), markdown(silence.why)
        st.caption(f"Silenced until {moment(silence.until)} by {by}: {why}")
    st.markdown(markdown(TODO.get(alert.code, "")))
    page, query = tables.leads(alert)
    permits.link(page, None, query)
    return alert


def _back() -> None:
    st.query_params.pop(state_keys.ALERT, None)


def _times(alert: Alert) -> dict[str, str]:
    times = {
        "Since": alert.began, "Fires since": alert.fired, "Seen last": alert.seen,
        "Ended": alert.ended,
    }  # fmt: skip
    sent = {f"Message for {name}": at for name, (_, at) in sorted(alert.told.items())}
    return {escaped(name): moment(at) for name, at in {**times, **sent}.items() if at is not None}


def _named(alerts: Iterable[Alert]) -> list[TenantKey]:
    return sorted({tenant for each in alerts for tenant in each.tenants}, key=str)


_COLUMNS = {
    "Severity": severities.COLUMN,
    "What": st.column_config.TextColumn(width=300),
    "Tenant": st.column_config.TextColumn(width=190),
    "State": st.column_config.TextColumn(width=80),
    "Since": figures.TIME, "Silenced until": figures.TIME, "Began": figures.TIME,
    "Ended": figures.TIME,
}  # fmt: skip
