"""Who is there: the signed-in person as a Viewer, looked up anew each time it is asked.

A browser's connection keeps the headers and the cookie that it began with, for hours. So each call
checks the clock, the signature with the issuer's present keys, and the settings' rules again.
Headers that name somebody without a signature (`X-Forwarded-User`, `X-Auth-Request-Email`,
`Cf-Access-Authenticated-User-Email`) are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.app import current, hardening
from dashboard.app.callers import proxy_claims
from dashboard.app.deployments import Gone
from services.access.claims import LOCAL_ADMIN, Identified, identify
from services.access.network import forwarded, host_allowed, is_loopback
from services.access.viewer import Role, Viewer
from services.errors import AccessDenied, NotSignedIn
from services.settings.deployment_settings import Deployment
from services.settings.environment import Settings, load_settings
from services.settings.rules import claim_rules, hosts_of

_ELSEWHERE = ("without sign-in this dashboard is only for the machine that it runs on, and this "
              "request came from elsewhere or through a proxy")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Signed:
    """What is known of whoever is there: claims, None on this machine, with a token to pass on."""

    claims: Mapping[str, object] | None
    token: str = ""
    lasting: timedelta | None = None


def viewer() -> Viewer:
    """Return who is there now, as they may use the deployment that the page is of.

    Raises NotSignedIn, AccessDenied for somebody without a role, and SettingsError.
    """
    found = identified()
    if found.viewer is None:
        raise AccessDenied("use this dashboard", "you have no role here")
    return found.viewer


def identified() -> Identified:
    """Return who is there now, with or without a role. Raises NotSignedIn and SettingsError."""
    settings, here = load_settings(), current.held()
    signed = _signed(settings)
    if here is None:
        return _in_time(_as_in(signed, settings))
    return _in_time(_in_one(signed, settings, here.deployment))


def everywhere() -> tuple[str, Mapping[str, Viewer | None]]:
    """Return who is there now, and as whom in each of several deployments.

    None in those that they are not even told of. Raises NotSignedIn, SettingsError.
    """
    settings, found = load_settings(), current.several()
    signed = _signed(settings)
    who = _in_time(_as_in(signed, settings)).id
    return who, {} if found is None else {
        each.deployment.name: _in_one(signed, settings, each.deployment).viewer
        for each in found.held
    }  # fmt: skip


def elsewhere(name: str) -> Viewer | None:
    """Return who is there in another of several deployments, None for nobody.

    Raises KeyError for what is none of them, NotSignedIn, SettingsError.
    """
    return everywhere()[1][name]


def gone(name: str) -> Gone | None:
    """Return a deployment that the file has no more, for who could have seen it."""
    settings, found = load_settings(), current.several()
    known = None if found is None else found.gone.get(name)
    if known is None or not _in_one(_signed(settings), settings, known.deployment).viewer:
        return None
    return known


def _in_one(signed: _Signed, settings: Settings, deployment: Deployment) -> Identified:
    """Return who somebody is in one of several: nobody who has no role there, or sees nothing.

    Where it cannot be read who may come in, only admins of the whole dashboard do.
    """
    door = deployment.door
    found = _as_in(signed, settings if door is None else door)
    known = found.viewer
    if known is None or not known.scope:
        return replace(found, viewer=None)
    if door is None and not (known.role is Role.ADMIN and known.sees_all):
        return replace(found, viewer=None)
    return found


def _as_in(signed: _Signed, settings: Settings) -> Identified:
    if signed.claims is None:
        return Identified(LOCAL_ADMIN, None, Viewer(LOCAL_ADMIN, Role.ADMIN))
    found = identify(signed.claims, claim_rules(settings), lasting=signed.lasting)
    known = found.viewer
    return found if known is None else replace(found, viewer=replace(known, token=signed.token))


def _in_time(found: Identified) -> Identified:
    if found.expires_at is not None and datetime.now(UTC) >= found.expires_at:
        raise NotSignedIn("your sign-in is over: sign in again")
    return found


def _signed(settings: Settings) -> _Signed:
    hardening.check(settings)
    return _WAYS[settings.auth](settings)


def _local(settings: Settings) -> _Signed:
    """Take whoever is on this machine for its admin; behind a proxy nobody knows who that is."""
    headers, address = st.context.headers, st.context.ip_address
    near = address is None or is_loopback(address)
    named = not headers or host_allowed(headers.get("Host"), hosts_of(settings))
    direct = settings.allow_open or (near and not forwarded(headers))
    if not (named and direct):
        raise NotSignedIn(_ELSEWHERE)
    return _Signed(None)


def _oidc(settings: Settings) -> _Signed:
    """Read Streamlit's cookie, which it signs, and which lives 30 days whatever the token says."""
    user = dict(st.user.to_dict())
    if "is_logged_in" not in user:
        raise NotSignedIn("sign-in is not set up: Streamlit has no [auth] secrets")
    if user.pop("is_logged_in") is not True:
        raise NotSignedIn("nobody is signed in")
    tokens = user.pop("tokens", None)
    access = tokens.get("access") if isinstance(tokens, dict) else None
    lasting = timedelta(hours=settings.session_hours)
    return _Signed(user, access if isinstance(access, str) else "", lasting)


def _proxy(settings: Settings) -> _Signed:
    """Check the token that the proxy sent along when this connection began."""
    claims, token = proxy_claims(settings, st.context.headers.get_all(settings.proxy_header))
    return _Signed(claims, token)


_WAYS = {"local": _local, "oidc": _oidc, "proxy": _proxy}
