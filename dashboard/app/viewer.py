"""Who is there: the signed-in person as a Viewer, looked up anew each time it is asked.

A browser's connection keeps the headers and the cookie that it began with, for hours. So each call
checks the clock, the signature with the issuer's present keys, and the settings' rules again.
Headers that name somebody without a signature (`X-Forwarded-User`, `X-Auth-Request-Email`,
`Cf-Access-Authenticated-User-Email`) are never read.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.app import hardening
from dashboard.app.callers import by_proxy
from services.access.claims import LOCAL_ADMIN, Identified, identify
from services.access.network import forwarded, host_allowed, is_loopback
from services.access.viewer import Role, Viewer
from services.errors import AccessDenied, NotSignedIn
from services.settings.environment import Settings, load_settings
from services.settings.rules import claim_rules, hosts_of

_ELSEWHERE = ("without sign-in this dashboard is only for the machine that it runs on, and this "
              "request came from elsewhere or through a proxy")  # fmt: skip


def viewer() -> Viewer:
    """Return who is there now.

    Raises NotSignedIn, AccessDenied for somebody without a role, and SettingsError.
    """
    found = identified()
    if found.viewer is None:
        raise AccessDenied("use this dashboard", "you have no role here")
    return found.viewer


def identified() -> Identified:
    """Return who is there now, with or without a role. Raises NotSignedIn and SettingsError."""
    settings = load_settings()
    hardening.check(settings)
    found = _WAYS[settings.auth](settings)
    if found.expires_at is not None and datetime.now(UTC) >= found.expires_at:
        raise NotSignedIn("your sign-in is over: sign in again")
    return found


def _local(settings: Settings) -> Identified:
    """Take whoever is on this machine for its admin; behind a proxy nobody knows who that is."""
    headers, address = st.context.headers, st.context.ip_address
    near = address is None or is_loopback(address)
    named = not headers or host_allowed(headers.get("Host"), hosts_of(settings))
    direct = settings.allow_open or (near and not forwarded(headers))
    if not (named and direct):
        raise NotSignedIn(_ELSEWHERE)
    return Identified(LOCAL_ADMIN, None, Viewer(LOCAL_ADMIN, Role.ADMIN))


def _oidc(settings: Settings) -> Identified:
    """Read Streamlit's cookie, which it signs, and which lives 30 days whatever the token says."""
    user = dict(st.user.to_dict())
    if "is_logged_in" not in user:
        raise NotSignedIn("sign-in is not set up: Streamlit has no [auth] secrets")
    if user.pop("is_logged_in") is not True:
        raise NotSignedIn("nobody is signed in")
    tokens = user.pop("tokens", None)
    lasting = timedelta(hours=settings.session_hours)
    found = identify(user, claim_rules(settings), lasting=lasting)
    access = tokens.get("access") if isinstance(tokens, dict) else None
    return _with_token(found, access if isinstance(access, str) else "")


def _proxy(settings: Settings) -> Identified:
    """Check the token that the proxy sent along when this connection began."""
    found, token = by_proxy(settings, st.context.headers.get_all(settings.proxy_header))
    return _with_token(found, token)


def _with_token(found: Identified, token: str) -> Identified:
    known = found.viewer
    return found if known is None else replace(found, viewer=replace(known, token=token))


_WAYS = {"local": _local, "oidc": _oidc, "proxy": _proxy}
