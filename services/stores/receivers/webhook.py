"""A webhook that gets JSON, signed so that its receiver knows who sent it, and that it is whole.

Source: the Standard Webhooks specification, https://www.standardwebhooks.com (1.0.0): HMAC-SHA256
over id, timestamp and body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from services.alerts.formats import message_json
from services.alerts.models import Message, Route
from services.alerts.routes import key_of
from services.stores.receivers.post import Post


def signed(message_id: str, body: bytes, key: bytes, at: datetime) -> Mapping[str, str]:
    """Return the headers of one try: the message's id, when it is sent, and the signature."""
    seconds = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), seconds.encode(), body))
    digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{digest}",
    }


class Webhook:
    """Posts each message; the header `webhook-id` is the same however often it is sent."""

    def __init__(
        self, route: Route, *, deployment: str = "", url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._key, self._now = key_of(route.secret), now
        self._deployment, self._url = deployment, url
        self._post = Post(route.name, route.address)

    def send(self, message: Message) -> None:
        """Post one message. Raises StoreError."""
        said = message_json(message, deployment=self._deployment, url=self._url)
        body = json.dumps(said).encode()
        self._post(body, signed(message.id, body, self._key, self._now()))

    def close(self) -> None:
        """Close its connections."""
        self._post.close()
