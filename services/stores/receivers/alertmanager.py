"""Prometheus' Alertmanager, over its API v2.

Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (postableAlerts).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from services.alerts.models import Alert, Message, Route
from services.alerts.routes import HEARTBEAT
from services.alerts.words import body_of, line_of, link_to, title_of
from services.stores.receivers.post import Post
from services.visible import visible

LASTS = 5 * HEARTBEAT
"""What is not said to fire again for so long, Alertmanager takes for over."""

_PATH = "/api/v2/alerts"


class Alertmanager:
    """Hands alerts over as they are: it groups, repeats and silences by itself."""

    def __init__(
        self, route: Route, *, deployment: str = "", url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._deployment, self._url, self._now = deployment, url, now
        self._headers = {"Authorization": f"Bearer {route.secret}"} if route.secret else {}
        self._post = Post(route.name, f"{route.address.rstrip('/')}{_PATH}")

    def send(self, message: Message) -> None:
        """Post every alert. Raises StoreError."""
        alerts = [self._test(message)] if message.test else list(map(self._alert, message.alerts))
        self._post(json.dumps(alerts).encode(), self._headers)

    def close(self) -> None:
        """Close its connections."""
        self._post.close()

    def _alert(self, alert: Alert) -> Mapping[str, object]:
        """Return one as its API takes it: what tells it from others is in its labels, for ever."""
        labels = {
            "alertname": alert.code, "severity": alert.severity.value, "subject": alert.subject,
            "tenant": str(alert.tenants[0]) if len(alert.tenants) == 1 else "",
        }  # fmt: skip
        return self._said(
            labels, alert.fired or alert.began, alert.ended or self._now() + LASTS,
            {"summary": title_of(alert), "description": line_of(alert), "id": alert.id},
            link_to(alert, self._url) if self._url else "",
        )  # fmt: skip

    def _test(self, message: Message) -> Mapping[str, object]:
        labels = {"alertname": "test", "severity": "info", "route": message.route}
        words = {"summary": "Test", "description": body_of(message), "id": message.id}
        ends = self._now() + timedelta(minutes=1)
        return self._said(labels, message.at, ends, words, self._url)

    def _said(
        self, labels: Mapping[str, str], starts: datetime, ends: datetime,
        words: Mapping[str, str], url: str,
    ) -> Mapping[str, object]:  # fmt: skip
        ours = {"source": "kato-tenants", "deployment": self._deployment}
        said: dict[str, object] = {
            "labels": {name: visible(text) for name, text in {**labels, **ours}.items() if text},
            "annotations": dict(words),
            "startsAt": starts.astimezone(UTC).isoformat(),
            "endsAt": max(ends, starts).astimezone(UTC).isoformat(),
        }
        return said | ({"generatorURL": url} if url else {})
