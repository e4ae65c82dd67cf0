"""Alerts, silences and routes as table rows and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

import pandas as pd

from dashboard.app import state_keys
from dashboard.draw.chosen import Link
from dashboard.draw.formatting import few, visible
from services.alerts.models import Alert, Alerts, AlertState, Delivery, Silence
from services.alerts.words import TITLES, detail_of, line_of, title_of
from services.tenancy.kb_ids import TenantKey

LIVE = ("Severity", "Alert", "What", "Tenant", "State", "Since", "Silenced until", "Routes", "Id")
PAST = ("Severity", "Alert", "What", "Tenant", "Began", "Ended", "Routes", "Id")
SILENCES = ("Silenced", "Until", "By", "Why", "Since", "Id")
ROUTES = ("Route", "Kind", "Last sent", "State", "Failing since", "Problem", "Waiting", "Given up")

A_DAY = "Until a day"
LASTS: Mapping[str, timedelta | None] = {
    "1 hour": timedelta(hours=1), "4 hours": timedelta(hours=4), "1 day": timedelta(days=1),
    "7 days": timedelta(days=7), A_DAY: None,
}  # fmt: skip
"""How long a silence can be chosen to last."""

FLEET = "the whole fleet"


def gravest_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Sort: what fires before what is about to, by severity, the newest first."""
    newest = sorted(alerts, key=lambda each: each.began, reverse=True)
    return sorted(newest, key=lambda each: (each.state is AlertState.PENDING, each.severity.rank))


def live_frame(alerts: Iterable[Alert], found: Alerts, now: datetime) -> pd.DataFrame:
    """Return one row for each alert that is not over."""
    rows = []
    for alert in alerts:
        silence = found.silence_of(alert, now)
        state = "silenced" if silence else alert.state.value
        until = silence.until if silence else None
        rows.append((*_what(alert), state, alert.began, until, routes_words(alert), alert.id))
    return _frame(rows, LIVE, "Since", "Silenced until")


def past_frame(alerts: Iterable[Alert]) -> pd.DataFrame:
    """Return one row for each alert that is over."""
    rows = [(*_what(each), each.began, each.ended, routes_words(each), each.id) for each in alerts]
    return _frame(rows, PAST, "Began", "Ended")


def silences_frame(silences: Iterable[Silence]) -> pd.DataFrame:
    """Return one row a silence."""
    rows = [
        (silence_words(each), each.until, visible(each.by), visible(each.why), each.at, each.id)
        for each in silences
    ]
    return _frame(rows, SILENCES, "Until", "Since")


def routes_frame(routes: Iterable[Delivery]) -> pd.DataFrame:
    """Return one row a route."""
    rows = [
        (
            each.route, each.kind.value, each.sent_at, route_word(each), each.failing_since,
            "" if each.problem is None else visible(str(each.problem)), each.waiting, each.given_up,
        )
        for each in routes
    ]  # fmt: skip
    return _frame(rows, ROUTES, "Last sent", "Failing since")


def route_word(route: Delivery) -> str:
    """Return in a word how a route does."""
    if route.failing_since is not None:
        return "fails"
    if route.waiting:
        return "sending"
    return "works" if route.sent_at is not None else "nothing sent yet"


def routes_words(alert: Alert) -> str:
    """Name the routes that a message of it is for, as far as the viewer may know them."""
    return few(sorted(alert.told), most=3)


def silence_words(silence: Silence) -> str:
    """Say which alerts a silence covers, visible."""
    title = TITLES.get(silence.code, visible(silence.code)) if silence.code else "Every alert"
    about = f" · {visible(silence.subject)}" if silence.subject else ""
    tenant = "" if silence.tenant is None else f" of {visible(str(silence.tenant))}"
    return f"{title}{about}{tenant}"


def leads(alert: Alert) -> Link:
    """Return where an alert is seen in full."""
    facts = alert.facts
    if "finding" in facts:
        return "isolation", {state_keys.FINDING: str(facts["finding"])}
    if "purge" in facts:
        return "purge", {state_keys.JOB: str(facts["purge"])}
    if alert.code == "log_broken":
        return "audit_log", {}
    if alert.code == "conservation":
        return "isolation", {}
    if len(alert.tenants) == 1:
        return "tenant", {state_keys.TENANT: visible(str(alert.tenants[0]))}
    return "system", {}


def name_of(alert: Alert) -> str:
    """Name an alert in a box, visible."""
    return f"{title_of(alert)} · {line_of(alert)} · {alert.id}"


def until_of(choice: str, day: date | None, now: datetime) -> datetime | timedelta:
    """Return until when a silence is to last: the length that was chosen, or the end of a day."""
    lasts = LASTS[choice]
    if lasts is not None:
        return lasts
    end = (day or now.date()) + timedelta(days=1)
    return datetime.combine(end, time(), now.tzinfo)


def tenants_of(alerts: Iterable[Alert]) -> list[TenantKey]:
    """Return the tenants that alerts are about, each alone."""
    found = {each.concerns[0] for each in alerts if each.concerns and len(each.concerns) == 1}
    return sorted(found, key=str)


def _what(alert: Alert) -> tuple[str, str, str, str]:
    whose = few([visible(str(tenant)) for tenant in alert.tenants]) or FLEET
    return alert.severity.value, title_of(alert), detail_of(alert), whose


def _frame(rows: Sequence[tuple[object, ...]], columns: Iterable[str], *times: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    for name in times:
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame
