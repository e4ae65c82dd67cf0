"""Alerts as the documented JSON: of webhooks, and of `kato-tenants alerts`. Pure.

`docs/alerts/README.md` describes the shape: fields are added, never renamed or removed.
"""

from __future__ import annotations

from datetime import datetime

from services.alerts.models import Alert, Delivery, Letter, Message, Silence
from services.alerts.words import TODO, body_of, line_of, link_to, subject_of, title_of
from services.usage.formats import Json, stamp


def alert_json(alert: Alert, url: str = "") -> Json:
    """Return an alert."""
    return {
        "id": alert.id, "condition": alert.code, "severity": alert.severity.value,
        "state": alert.state.value, "title": title_of(alert), "summary": line_of(alert),
        "todo": TODO.get(alert.code, ""), "tenants": list(map(str, alert.tenants)),
        "facts": dict(alert.facts), "began": stamp(alert.began), "fired": stamp(alert.fired),
        "seen": stamp(alert.seen), "ended": stamp(alert.ended),
        "url": link_to(alert, url) if url else None,
    }  # fmt: skip


def message_json(message: Message, *, deployment: str = "", url: str = "") -> Json:
    """Return a message as a webhook gets it."""
    return {
        "id": message.id, "type": "test" if message.test else "alerts",
        "at": stamp(message.at), "route": message.route, "deployment": deployment,
        "repeated": message.again, "subject": subject_of(message, deployment),
        "text": body_of(message, url),
        "alerts": [alert_json(alert, url) for alert in message.alerts],
    }  # fmt: skip


def silence_json(silence: Silence, now: datetime) -> Json:
    """Return a silence."""
    return {
        "id": silence.id, "condition": silence.code or None, "subject": silence.subject or None,
        "tenant": None if silence.tenant is None else str(silence.tenant), "by": silence.by,
        "why": silence.why, "at": stamp(silence.at), "until": stamp(silence.until),
        "holds": silence.holds(now),
    }  # fmt: skip


def delivery_json(delivery: Delivery) -> Json:
    """Return how a route does."""
    return {
        "route": delivery.route, "kind": delivery.kind.value, "sent_at": stamp(delivery.sent_at),
        "waiting": delivery.waiting, "given_up": delivery.given_up,
        "failing_since": stamp(delivery.failing_since),
        "problem": None if delivery.problem is None else str(delivery.problem),
    }  # fmt: skip


def letter_json(letter: Letter) -> Json:
    """Return what came of one message."""
    return {
        "id": letter.message.id, "route": letter.message.route, "tries": letter.tries,
        "sent_at": stamp(letter.sent_at), "given_up": letter.given_up,
        "problem": None if letter.problem is None else str(letter.problem),
    }  # fmt: skip
