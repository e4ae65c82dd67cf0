"""Alerts, silences and messages as the JSON as which they are kept, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.alerts.models import Alert, AlertState, Message, Silence, Told
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey


def alert_text(alert: Alert) -> str:
    """Write an alert."""
    return json.dumps(_alert(alert), sort_keys=True)


def alert_of(text: str) -> Alert:
    """Read what `alert_text` wrote."""
    return _alert_of(json.loads(text))


def silence_text(silence: Silence) -> str:
    """Write a silence, but its id and times, which have columns."""
    return json.dumps({
        "by": silence.by, "why": silence.why, "code": silence.code, "subject": silence.subject,
        "tenant": None if silence.tenant is None else str(silence.tenant),
    }, sort_keys=True)  # fmt: skip


def silence_of(text: str, *, silence_id: str, at: datetime, until: datetime) -> Silence:
    """Read what `silence_text` wrote."""
    found = json.loads(text)
    tenant = None if found["tenant"] is None else TenantKey.written(found["tenant"])
    return Silence(
        silence_id, found["by"], found["why"], at, until, found["code"], found["subject"], tenant
    )


def message_text(message: Message) -> str:
    """Write what a message says."""
    return json.dumps(
        {"test": message.test, "alerts": [_alert(alert) for alert in message.alerts]},
        sort_keys=True,
    )


def is_test(text: str) -> bool:
    """Whether a message is a test, by what `message_text` wrote."""
    return bool(json.loads(text)["test"])


def message_of(text: str, *, message_id: str, route: str, at: datetime, again: bool) -> Message:
    """Read what `message_text` wrote."""
    found = json.loads(text)
    alerts = tuple(map(_alert_of, found["alerts"]))
    return Message(message_id, route, at, alerts, test=found["test"], again=again)


def _alert(alert: Alert) -> Mapping[str, object]:
    times = (alert.began, alert.seen, alert.fired, alert.ended, alert.missed)
    return {
        "id": alert.id, "code": alert.code, "subject": alert.subject,
        "severity": alert.severity.value, "state": alert.state.value,
        "times": [_written(at) for at in times],
        "tenants": list(map(str, alert.tenants)),
        "concerns": None if alert.concerns is None else list(map(str, alert.concerns)),
        "facts": dict(alert.facts),
        "told": {name: [told.value, _written(at)] for name, (told, at) in alert.told.items()},
    }  # fmt: skip


def _alert_of(found: Mapping[str, Any]) -> Alert:
    began, seen, fired, ended, missed = map(_read, found["times"])
    if began is None or seen is None:
        raise ValueError("an alert that never began")
    return Alert(
        found["id"], found["code"], found["subject"], Severity(found["severity"]),
        AlertState(found["state"]), began, seen, fired, ended, missed, _tenants(found["tenants"]),
        None if found["concerns"] is None else _tenants(found["concerns"]), found["facts"],
        {name: (Told(told), _moment(at)) for name, (told, at) in found["told"].items()},
    )  # fmt: skip


def _tenants(names: list[str]) -> tuple[TenantKey, ...]:
    return tuple(map(TenantKey.written, names))


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _read(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
