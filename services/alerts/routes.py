"""Routes as they are set: TOML or JSON, one table a route; docs/alerts/README.md has it. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta

from services.access.viewer import EVERYTHING, TenantPattern
from services.alerts.conditions import conditions
from services.alerts.models import Kind, Route
from services.errors import SettingsError
from services.isolation.severity import Severity
from services.settings import addresses
from services.settings.mappings import read_patterns

VARIABLE = "KATO_TENANTS_ALERT_ROUTES"

HEARTBEAT = timedelta(minutes=1)
"""How often Alertmanager is told what still fires: it forgets what it does not hear of again."""

USUAL_HOURS = 24.0
_MOST_HOURS = 8_760.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_URL = re.compile(r"[a-z][a-z0-9]*://\S")
_FIELDS = frozenset({
    *Kind, "secret", "token", "conditions", "severity", "scope", "repeat_hours",
})  # fmt: skip
_EXAMPLES = {
    Kind.ALERTMANAGER: "http://alertmanager:9093",
    Kind.WEBHOOK: "https://ops.example.com/kato",
}
_SHORTEST, _LONGEST = 16, 64  # bytes of a webhook's secret
_SECRET = "whsec_"  # noqa: S105  how one begins


def read_routes(text: str) -> tuple[Route, ...]:
    """Read the setting. Raises SettingsError, which names the route and repeats no value."""
    try:
        return tuple(_route(name, table) for name, table in _tables(text).items())
    except ValueError as exc:
        raise SettingsError(VARIABLE, str(exc)) from None


def _tables(text: str) -> Mapping[str, object]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError):  # which quote what they could not read
        raise ValueError("is neither TOML nor JSON: one table a route, as [ops]") from None
    if not isinstance(found, dict):
        raise ValueError("is one table a route, as [ops]")  # noqa: TRY004  it is a setting's value
    return found


def _route(name: str, table: object) -> Route:
    if not _NAME.fullmatch(name):
        raise ValueError("a route's name is at most 40 letters, digits, and _ . -")
    if not isinstance(table, dict):
        raise ValueError(f"{name} is no table of settings")  # noqa: TRY004  as above
    strange = sorted(table.keys() - _FIELDS)
    if strange:
        raise ValueError(f"{name} has {strange[0]!a}, which is none of {_words(_FIELDS)}")
    kinds = [kind for kind in Kind if kind in table]
    if len(kinds) != 1:
        raise ValueError(f"{name} has to have exactly one of {_words(Kind)}")
    kind = kinds[0]
    return Route(
        name, kind, _address(name, kind, _text(name, table, kind)), _secret(name, kind, table),
        _codes(name, table), _severity(name, table), _scope(name, table),
        _again(name, kind, table),
    )  # fmt: skip


def _address(name: str, kind: Kind, address: str) -> str:
    if kind is Kind.APPRISE and not _URL.match(address):
        raise ValueError(f"apprise of {name} is a URL, as mailto://user:password@example.com")
    try:
        if kind in _EXAMPLES:
            addresses.check_http(address, example=_EXAMPLES[kind])
    except ValueError as exc:
        raise ValueError(f"{kind.value} of {name} {exc}") from None
    return address


def _secret(name: str, kind: Kind, table: Mapping[str, object]) -> str:
    """Return what signs a webhook's messages, or Alertmanager's bearer token."""
    secret, token = _text(name, table, "secret"), _text(name, table, "token")
    if secret and kind is not Kind.WEBHOOK:
        raise ValueError(f"{name} has a secret, and only a webhook is signed")
    if token and kind is not Kind.ALERTMANAGER:
        raise ValueError(f"{name} has a token, and only Alertmanager takes one")
    if not (token.isascii() and token.isprintable()):
        raise ValueError(f"the token of {name} has a character that cannot be sent")
    if kind is Kind.WEBHOOK and not _SHORTEST <= len(key_of(secret)) <= _LONGEST:
        raise ValueError(
            f"the secret of {name} has to be {_SECRET} and {_SHORTEST} to {_LONGEST} bytes in "
            "Base64: openssl rand -base64 32 makes them"
        )
    return secret or token


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for; empty where it is none."""
    try:
        return base64.b64decode(secret.removeprefix(_SECRET), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _codes(name: str, table: Mapping[str, object]) -> frozenset[str]:
    known, codes = conditions(), _texts(name, table, "conditions")
    strange = next((code for code in codes if code not in known), None)
    if strange is not None:
        raise ValueError(f"{name} has the condition {strange!a}: there are {_words(known)}")
    return frozenset(codes)


def _severity(name: str, table: Mapping[str, object]) -> Severity:
    text = _text(name, table, "severity") or Severity.INFO.value
    if text not in set(Severity):
        raise ValueError(f"{name} has a severity that is none of {_words(Severity)}")
    return Severity(text)


def _scope(name: str, table: Mapping[str, object]) -> frozenset[TenantPattern]:
    if "scope" not in table:
        return EVERYTHING
    patterns = _texts(name, table, "scope")
    if not patterns:
        raise ValueError(f"the scope of {name} is empty: leave it out for all tenants")
    return frozenset(read_patterns(patterns))


def _again(name: str, kind: Kind, table: Mapping[str, object]) -> timedelta | None:
    hours = table.get("repeat_hours", USUAL_HOURS)
    if kind is Kind.ALERTMANAGER:
        if "repeat_hours" in table:
            raise ValueError(f"{name} has repeat_hours, which Alertmanager itself decides")
        return HEARTBEAT
    if isinstance(hours, bool) or not isinstance(hours, int | float):
        raise ValueError(f"repeat_hours of {name} is no number")  # noqa: TRY004  as above
    if not 0 <= hours <= _MOST_HOURS:
        raise ValueError(f"repeat_hours of {name} is from 0, for never, to {_MOST_HOURS:.0f}")
    return timedelta(hours=hours) if hours else None


def _text(name: str, table: Mapping[str, object], field: str) -> str:
    found = table.get(field, "")
    if not isinstance(found, str):
        raise ValueError(f"{field} of {name} is no text")  # noqa: TRY004  as above
    return found.strip()


def _texts(name: str, table: Mapping[str, object], field: str) -> tuple[str, ...]:
    found = table.get(field, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(f"{field} of {name} is no list of texts")
    return tuple(found)


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, names)))
