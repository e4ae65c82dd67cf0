"""What keeps strangers from the server: how it may be started, and what it answers to whom.

`check` holds Streamlit's own options to what is safe; `Guard` is an ASGI layer before everything
that Streamlit serves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit import config
from streamlit.errors import StreamlitSecretNotFoundError
from streamlit.runtime.secrets import SecretsValue

from services.access.network import (
    LOOPBACK_HOSTS,
    forwarded,
    host_allowed,
    is_loopback,
    refuse_open,
)
from services.errors import SettingsError
from services.settings.environment import Settings

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Layer = Callable[[Message, Receive, Send], Awaitable[None]]

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"content-security-policy": b"frame-ancestors 'none'",
    b"referrer-policy": b"same-origin",
}
"""Added to every answer: nothing is framed elsewhere, and no tenant's name leaves in a referrer."""

_SAFE = {
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.enableAgentApi": False,
    "client.showErrorDetails": "none",
    "client.disableDataExport": True,
}
_HEALTH, _METRICS, _AGENT = "/_stcore/health", "/_stcore/metrics", "/_stcore/agent"


def check(settings: Settings) -> None:
    """Raise SettingsError for a server that would let in more people than the settings say."""
    for option, safe in _SAFE.items():
        if config.get_option(option) != safe:
            raise SettingsError(_variable(option), f"has to be {str(safe).lower()} here")
    if config.get_option("server.trustedUserHeaders"):
        reason = "has to be empty here: a header without a signature says nothing of who sent it"
        raise SettingsError(_variable("server.trustedUserHeaders"), reason)
    address = config.get_option("server.address")
    refuse_open(address, auth=settings.auth, allow_open=settings.allow_open)


def secrets(settings: Settings) -> dict[str, SecretsValue]:
    """Return Streamlit's secrets for signing in: those of its file, and before them the settings'.

    Empty where another mode is set, or nothing in the environment.
    """
    given = settings.oidc_secrets if settings.auth == "oidc" else {}
    return {"auth": {**_file_secrets(), **given}} if given else {}


def check_secrets(settings: Settings) -> None:
    """Raise SettingsError where people are to sign in at a provider, and none is set up."""
    if settings.auth != "oidc":
        return
    found = {**_file_secrets(), **settings.oidc_secrets}
    if not {"redirect_uri", "cookie_secret"} <= set(found):
        reason = "not set, and Streamlit's secrets.toml has no whole [auth] in its place"
        raise SettingsError("KATO_TENANTS_OIDC_CLIENT_ID", reason)


def _file_secrets() -> dict[str, SecretsValue]:
    """Return `[auth]` of secrets.toml; empty where there is none."""
    try:
        return dict(st.secrets.to_dict().get("auth", {}))
    except StreamlitSecretNotFoundError:
        return {}


def _variable(option: str) -> str:
    return str(config.get_config_options()[option].env_var)


class Guard:
    """Answers strangers itself, and adds `HEADERS` to what the app answers to others.

    `failure` says why the services do not start, empty where they do: then health says so too.
    """

    def __init__(
        self, app: Layer, settings: Settings, *, failure: Callable[[], str] = lambda: ""
    ) -> None:
        self._app = app
        self._settings = settings
        self._failure = failure

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(send, *refusal)

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        """Return status and text for what is not served; None for what is."""
        path = scope["path"]
        if path == _base() + _HEALTH:
            why = self._failure()  # says nothing else but that it runs, and is asked for by address
            return (503, f"The dashboard cannot start. {why}") if why else None
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or not host_allowed(hosts[0], self._settings.hosts):
            return 400, "This dashboard is not served under this name (KATO_TENANTS_ALLOWED_HOSTS)."
        if self._settings.auth == "local" and (text := self._stranger(scope, hosts[0])):
            return 403, text
        if _AGENT in path:
            return 404, "Not Found"
        if _METRICS in path and not (self._settings.open_metrics or _own(scope, hosts[0])):
            return 403, "The server's metrics are only for the machine that it runs on."
        return None

    def _stranger(self, scope: Message, host: str) -> str:
        """Say why one is not served who cannot be asked who they are; empty for who is."""
        if not (self._settings.allow_open or _near(scope)):
            return "Without sign-in this dashboard is only for the machine that it runs on."
        if not _same_origin(scope, host):
            return "Without sign-in this dashboard answers no page but its own."
        return ""


def _near(scope: Message) -> bool:
    """Whether a request comes from this machine, and through no proxy on it."""
    names = (name.decode("latin-1") for name, _ in scope["headers"])
    client = scope.get("client")
    return client is not None and is_loopback(client[0]) and not forwarded(names)


def _same_origin(scope: Message, host: str) -> bool:
    """Whether no other page's script asks: one of another port of this machine is another page."""
    return all(urlsplit(origin).netloc.lower() == host.lower()
               for origin in _values(scope, b"origin"))  # fmt: skip


def _base() -> str:
    """Return the path that the app is served under; empty for the root."""
    path = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _own(scope: Message, host: str) -> bool:
    """Whether a request was made for this machine too: a proxy may say nothing of itself."""
    return _near(scope) and host_allowed(host, LOOPBACK_HOSTS)


def _values(scope: Message, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message.get("headers", []) if k.lower() not in HEADERS]
            message = {**message, "headers": [*kept, *HEADERS.items()]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
