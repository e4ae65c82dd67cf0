"""What a viewer may see of alerts, of silences and of routes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.access.viewer import PERMISSIONS, Viewer
from services.alerts.models import Alert, Condition, Route, Silence, may_be_told
from services.tenancy.kb_ids import TenantKey


def sees_alert(alert: Alert, table: Mapping[str, Condition], viewer: Viewer) -> bool:
    """Whether a viewer may see an alert: by the role that its condition takes, and by scope."""
    condition = table.get(alert.code)
    if condition is None:
        return viewer.sees_all
    enough = viewer.role.includes(PERMISSIONS[condition.action].role)
    return enough and may_be_told(alert, condition.shown_to, viewer)


def confined_alerts(
    alerts: Iterable[Alert], table: Mapping[str, Condition], viewer: Viewer
) -> tuple[Alert, ...]:
    """Return the alerts that a viewer may see, and of routes that were told only their own."""
    return tuple(_alert(each, viewer) for each in alerts if sees_alert(each, table, viewer))


def _alert(alert: Alert, viewer: Viewer) -> Alert:
    if viewer.sees_all:
        return alert
    return Alert(
        alert.id, alert.code, alert.subject, alert.severity, alert.state, alert.began, alert.seen,
        alert.fired, alert.ended, alert.missed, alert.tenants, alert.concerns, alert.facts,
    )  # fmt: skip


def sees_silence(silence: Silence, seen: Iterable[Alert], viewer: Viewer) -> bool:
    """Whether a viewer may see a silence: of tenants in scope, or of an alert that is seen."""
    if viewer.sees_all:
        return True
    if silence.tenant is not None:
        return viewer.sees(silence.tenant)
    return bool(silence.subject) and any(silence.covers(alert) for alert in seen)


def sees_route(route: Route, viewer: Viewer) -> bool:
    """Whether all that a route may be told of is in a viewer's scope."""
    return all(
        any(mine.covers(TenantKey(each.kind, each.id)) for mine in viewer.scope)
        for each in route.scope
    )
