"""`/metrics`: who is answered what. It is an ASGI app of its own, behind the guard's door.

Streamlit would compress each answer anew, which takes longer than to make it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anyio import to_thread

from dashboard.app.sockets import Message, Send, values
from services.access.network import read_networks
from services.access.scraping import Answer, Asker, Scraping
from services.settings.environment import Settings

if TYPE_CHECKING:
    from services.metrics.models import Exposition

PATH = "/metrics"

_STATUS = {Answer.NO_TOKEN: 401, Answer.NOT_FROM_HERE: 403, Answer.OFF: 403}
_METHODS = ("GET", "HEAD")
_PLAIN = b"text/plain; charset=utf-8"
_STARTING = "The dashboard has not started."

Headers = list[tuple[bytes, bytes]]


def rules_of(settings: Settings) -> Scraping:
    """Return who may read the metrics by these settings."""
    networks = read_networks(settings.metrics_networks)
    return Scraping(settings.metrics_tokens, networks, local=settings.auth == "local")


class Metrics:
    """Answers whoever the rules allow; `expose` is None while the services are not there."""

    def __init__(
        self, rules: Scraping, expose: Callable[[], Callable[[str], Exposition] | None]
    ) -> None:
        self._rules, self._expose = rules, expose

    def answer(self, scope: Message, *, own: bool, relayed: bool) -> Answer:
        """Say whether a request is served: `own` and `relayed` as in `Asker`."""
        client = scope.get("client")
        sent = tuple(values(scope, b"authorization"))
        return self._rules.answer(Asker(client and client[0], sent, own=own, relayed=relayed))

    @property
    def by_token(self) -> bool:
        """Whether a token is asked for, which no other page's script can have."""
        return bool(self._rules.tokens)

    async def refuse(self, answer: Answer, send: Send) -> None:
        """Answer who is not served."""
        asked = [(b"www-authenticate", b"Bearer")] if answer is Answer.NO_TOKEN else []
        words = f"{answer.value[:1].upper()}{answer.value[1:]}."
        await _send(send, _STATUS[answer], words.encode(), _PLAIN, asked)

    async def __call__(self, scope: Message, send: Send) -> None:
        """Answer with the metrics, or say why there are none."""
        if scope["method"] not in _METHODS:
            allowed = [(b"allow", ", ".join(_METHODS).encode())]
            await _send(send, 405, b"Method Not Allowed", _PLAIN, allowed)
            return
        expose = self._expose()
        if expose is None:
            await _send(send, 503, _STARTING.encode(), _PLAIN, [])
            return
        found = await to_thread.run_sync(expose, ",".join(values(scope, b"accept")))
        kind = found.content_type.encode()
        more = [(b"vary", b"Accept"), (b"cache-control", b"no-store")]
        await _send(send, 200, found.body, kind, more, head=scope["method"] == "HEAD")


async def _send(
    send: Send, status: int, body: bytes, kind: bytes, more: Headers, *, head: bool = False
) -> None:
    length = str(len(body)).encode()
    headers = [(b"content-type", kind), (b"content-length", length), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})
