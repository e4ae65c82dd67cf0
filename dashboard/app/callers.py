"""Who makes a request, by its headers alone: before Streamlit sees it, and wherever it runs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

from starlette.requests import HTTPConnection
from streamlit.web.server.starlette.starlette_app_utils import decode_xsrf_token_string
from streamlit.web.server.starlette.starlette_server_config import (
    USER_COOKIE_NAME,
    XSRF_COOKIE_NAME,
)
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

from services.access.claims import Identified, identify
from services.errors import NotSignedIn
from services.settings.environment import Settings
from services.settings.rules import claim_rules, token_rules
from services.wiring.sign_in import verifier

Claims = Mapping[str, object]

BELIEVED_SECONDS = 1.0
"""So long a token that was verified is believed: a page asks twenty times who is there. That it is
over is looked at each time all the same."""


class Believed:
    """What tokens said that were verified within the last second, by what settings."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._turn = now, threading.Lock()
        self._found: dict[str, tuple[float, Settings, Claims]] = {}  # the oldest first

    def of(self, token: str, settings: Settings) -> Claims | None:
        """Return what a token said; None where it has to be verified."""
        with self._turn:
            known = self._found.get(token)
        if known is None or known[1] is not settings or self._now() - known[0] >= BELIEVED_SECONDS:
            return None
        return known[2]

    def add(self, token: str, settings: Settings, found: Claims) -> None:
        """Note what a token says that was verified now, and forget those of before."""
        now = self._now()
        with self._turn:
            self._found.pop(token, None)
            self._found[token] = (now, settings, found)
            for old, (at, _, _) in list(self._found.items()):
                if now - at < BELIEVED_SECONDS:
                    break
                del self._found[old]


_believed = Believed()


def by_proxy(settings: Settings, sent: Sequence[str]) -> tuple[Identified, str]:
    """Return who the proxy's header names, and the token. Raises NotSignedIn."""
    claims, token = proxy_claims(settings, sent)
    return identify(claims, claim_rules(settings)), token


def proxy_claims(settings: Settings, sent: Sequence[str]) -> tuple[Claims, str]:
    """Return what the proxy's header says of somebody, and the token. Raises NotSignedIn."""
    header = settings.proxy_header
    if not sent:
        raise NotSignedIn(f"this request came without the proxy's header {header}")
    if len(sent) > 1:
        raise NotSignedIn(f"this request has the header {header} twice")
    token = _bare(sent[0], header)
    claims = _believed.of(token, settings)
    if claims is None:
        claims = verifier(token_rules(settings)).claims(token)
        _believed.add(token, settings, claims)
    return claims, token


def _bare(value: str, header: str) -> str:
    scheme, space, rest = value.partition(" ")
    bearer = header.lower() == "authorization" and space and scheme.lower() == "bearer"
    return rest if bearer else value


def person_of(settings: Settings, asking: HTTPConnection) -> str:
    """Return who is signed in; empty for nobody. Raises NotSignedIn with a proxy."""
    if settings.auth == "proxy":
        found, _ = by_proxy(settings, asking.headers.getlist(settings.proxy_header))
        return found.id
    return _by_cookie(settings, asking.cookies) if settings.auth == "oidc" else ""


def caller(settings: Settings, asking: HTTPConnection) -> str:
    """Return under what name a request is counted. Raises NotSignedIn with a proxy.

    A person where somebody is signed in, else an address, and without sign-in a browser there.
    """
    person = person_of(settings, asking)
    if person:
        return f"person {person}"
    address = f"address {address_of(asking)}"
    return f"{address} {browser_of(asking.cookies)}" if settings.auth == "local" else address


def owner_of(settings: Settings, asking: HTTPConnection) -> str:
    """Return whose a file is that is made or fetched: one person's, in one browser.

    Empty for nobody's: so is what is asked for without a sign-in where there has to be one.
    """
    browser = browser_of(asking.cookies)
    try:
        return f"{browser} {person_of(settings, asking)}" if browser else ""
    except NotSignedIn:
        return ""


def address_of(asking: HTTPConnection) -> str:
    """Return where a request comes from: behind a proxy, that is the proxy."""
    return asking.client.host if asking.client is not None else ""


def browser_of(cookies: Mapping[str, str]) -> str:
    """Return what tells a browser's requests from those of others: a digest of a random cookie."""
    token, _ = decode_xsrf_token_string(cookies.get(XSRF_COOKIE_NAME, ""))
    return sha256(token).hexdigest() if token else ""


def _by_cookie(settings: Settings, cookies: Mapping[str, str]) -> str:
    """Return who Streamlit's signed cookie names; nothing for nobody."""
    kept = _get_signed_cookie_with_chunks(dict(cookies), USER_COOKIE_NAME)
    try:
        claims: dict[str, Any] = json.loads(kept or b"{}")
        lasting = timedelta(hours=settings.session_hours)
        return identify(claims, claim_rules(settings), lasting=lasting).id
    except (ValueError, NotSignedIn):
        return ""
