"""What the server answers to whom: an ASGI layer before everything that Streamlit serves."""

from __future__ import annotations

import html
import logging
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from anyio import sleep, to_thread
from starlette.requests import HTTPConnection
from streamlit import config

from dashboard.app import files
from dashboard.app.callers import address_of, caller, owner_of, person_of
from dashboard.app.metrics import PATH, Metrics
from dashboard.app.sockets import Message, Receive, Send, Socket, values
from dashboard.app.turns import Census
from services.access.network import LOOPBACK_HOSTS, forwarded, host_allowed, is_loopback
from services.access.scraping import Answer
from services.errors import NotSignedIn
from services.settings.environment import Settings
from services.settings.rules import hosts_of

Layer = Callable[[Message, Receive, Send], Awaitable[None]]

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"content-security-policy": b"frame-ancestors 'none'",
    b"referrer-policy": b"same-origin",
}
"""Added to every answer: nothing is framed elsewhere, and no tenant's name leaves in a referrer."""

_HEALTH, _METRICS = "/_stcore/health", "/_stcore/metrics"
_ABSENT = ("/_stcore/agent", "/_stcore/upload_file", "/_stcore/script-health-check")
"""What Streamlit has and no page of this product uses."""

REFUSED_SECONDS = 2.0
"""A connection too many is refused so late: who is refused at once comes again at once."""

logger = logging.getLogger(__name__)


class Guard:
    """Answers strangers itself, and adds `HEADERS` to what the app answers to others.

    `failure` says why the services do not start, empty where they do: then health says so too.
    `metrics` has a door of its own: who scrapes has not signed in.
    """

    def __init__(
        self, app: Layer, settings: Settings, *, failure: Callable[[], str] = lambda: "",
        metrics: Metrics | None = None,
    ) -> None:  # fmt: skip
        self._app = app
        self._metrics = metrics
        self._settings = settings
        self._failure = failure
        self._census = Census(
            per_person=settings.sessions_per_person, per_address=settings.sessions_per_address,
            rate=settings.messages_per_second,
        )  # fmt: skip

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        if self._metrics and scope["type"] == "http" and scope["path"] == _base() + PATH:
            await self._scraped(self._metrics, scope, _with_headers(send))
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is not None or not await self._connected(scope, receive, send):
                await receive()
                await send({"type": "websocket.close", "code": 1008})
        elif refusal is not None:
            await _refuse(send, *refusal)
        elif reason := await self._not_signed_in(scope):
            await _refuse(send, 401, _page(reason), "text/html")
        elif not await self._is_theirs(scope):
            await _refuse(send, 404, "Not Found")
        else:
            await self._app(scope, receive, _with_headers(send))

    async def _scraped(self, metrics: Metrics, scope: Message, send: Send) -> None:
        """Serve the metrics; with a token by any name: no browser can be made to send one."""
        refusal = None if metrics.by_token else self._refusal(scope)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        own = _own(scope, "".join(values(scope, b"host")))
        answer = metrics.answer(scope, own=own, relayed=_relayed(scope))
        if answer is Answer.SERVED:
            await metrics(scope, send)
        else:
            await metrics.refuse(answer, send)

    async def _not_signed_in(self, scope: Message) -> str:
        """Say why a proxy's request is nobody's; empty for who is signed in, and other modes."""
        path = scope["path"]
        if self._settings.auth != "proxy" or path == _base() + _HEALTH or _METRICS in path:
            return ""
        try:
            await to_thread.run_sync(person_of, self._settings, HTTPConnection(scope))
        except NotSignedIn as exc:
            return str(exc)
        return ""

    async def _is_theirs(self, scope: Message) -> bool:
        """Whether a file that is asked for was made for who asks; True for what is no file."""
        begin = f"{_base()}{files.PATH}/"
        if not scope["path"].startswith(begin):
            return True
        owner = await to_thread.run_sync(owner_of, self._settings, HTTPConnection(scope))
        return files.files.is_for(scope["path"].removeprefix(begin), owner)

    async def _connected(self, scope: Message, receive: Receive, send: Send) -> bool:
        """Serve a browser's connection; False for one that is not accepted."""
        asking = HTTPConnection(scope)
        address = address_of(asking)
        try:
            who = await to_thread.run_sync(caller, self._settings, asking)
        except NotSignedIn:
            return False
        person = self._census.enter(who, address, time.monotonic())
        if person is None:
            logger.warning("a connection was refused: its person or address has too many already")
            await sleep(REFUSED_SECONDS)
            return False
        socket = Socket(person, self._census, receive, send)
        try:
            await socket.wait()
            await self._app(scope, socket.receive, socket.send)
        finally:
            socket.leave()
            self._census.leave(person, address)
        return True

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        """Return status and text for what is not served; None for what is."""
        if scope["path"] == _base() + _HEALTH:
            why = self._failure()  # says nothing else but that it runs, and is asked for by address
            return (503, f"The dashboard cannot start. {why}") if why else None
        hosts = values(scope, b"host")
        if len(hosts) != 1 or not host_allowed(hosts[0], hosts_of(self._settings)):
            return 400, "This dashboard is not served under this name (KATO_TENANTS_ALLOWED_HOSTS)."
        if text := self._stranger(scope, hosts[0]):
            return 403, text
        if any(part in scope["path"] for part in _ABSENT):
            return 404, "Not Found"
        return None

    def _stranger(self, scope: Message, host: str) -> str:
        """Say why one is not served who cannot be asked who they are; empty for who is."""
        settings = self._settings
        if settings.auth == "local" and not (settings.allow_open or _near(scope)):
            return "Without sign-in this dashboard is only for the machine that it runs on."
        if not _own_origin(scope, host, settings):
            return "This dashboard answers no page but its own."
        if _METRICS in scope["path"] and not (settings.open_metrics or _own(scope, host)):
            return "The server's metrics are only for the machine that it runs on."
        return ""


def _near(scope: Message) -> bool:
    """Whether a request comes from this machine, and through no proxy on it."""
    client = scope.get("client")
    return client is not None and is_loopback(client[0]) and not _relayed(scope)


def _relayed(scope: Message) -> bool:
    """Whether a proxy says that it passed a request on."""
    return forwarded(name.decode("latin-1") for name, _ in scope["headers"])


def _own_origin(scope: Message, host: str, settings: Settings) -> bool:
    """Whether no other page's script asks: one of another port of this machine is another page.

    Behind a proxy that rewrites the host, Streamlit's own setting names the address that it has.
    """
    named = () if settings.auth == "local" else config.get_option("server.corsAllowedOrigins")
    return all(urlsplit(origin).netloc.lower() == host.lower() or origin in named
               for origin in values(scope, b"origin"))  # fmt: skip


def _base() -> str:
    """Return the path that the app is served under; empty for the root."""
    path = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _own(scope: Message, host: str) -> bool:
    """Whether a request was made for this machine too: a proxy may say nothing of itself."""
    return _near(scope) and host_allowed(host, LOOPBACK_HOSTS)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message.get("headers", []) if k.lower() not in HEADERS]
            message = {**message, "headers": [*kept, *HEADERS.items()]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, text: str, kind: str = "text/plain") -> None:
    headers = [(b"content-type", f"{kind}; charset=utf-8".encode()), *HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _page(reason: str) -> str:
    """Return the page for who is not signed in; Streamlit's own would take a connection."""
    words = html.escape(f"{reason[:1].upper()}{reason[1:]}.")
    return (
        "<!doctype html><html lang=en><title>KATO tenants</title><h1>You are not signed in</h1>"
        f"<p>{words}</p><p>Open it at the proxy's address, or reload this page to be signed in "
        "again.</p></html>"
    )
