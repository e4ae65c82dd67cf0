"""Mappings as settings are written: a JSON object, or a line each. Pure."""

from __future__ import annotations

import json
import re
from pathlib import Path

from services.access.viewer import Role, TenantPattern
from services.errors import NamingError

_SEVERAL = re.compile(rf"\s=\s*({'|'.join(Role)})\s*[,;]")
"""A line on which somebody put several; `CN=admin,OU=kato` has no blank before its signs."""


def read_roles(text: str) -> dict[str, Role]:
    """Read `name = role` lines, or `{"name": "role"}`. Raises ValueError, which names the line.

    Several on one line would be one long name, and give nobody a role: that is refused too.
    """
    return {name: _role(name, value) for name, value in _pairs(text)}


def read_tenants(text: str) -> dict[str, tuple[TenantPattern, ...]]:
    """Read `name = tenant/acme, org/*` lines, or `{"name": ["tenant/acme"]}`. Raises ValueError."""
    return {name: read_patterns(_texts(name, value)) for name, value in _pairs(text)}


def read_paths(text: str) -> dict[str, Path]:
    """Read `name = /path/of/a.file` lines, or `{"name": "/path"}`. Raises ValueError."""
    return {name: _path(name, value) for name, value in _pairs(text)}


def read_texts(text: str) -> dict[str, str]:
    """Read `name = text` lines, or `{"name": "text"}`. Raises ValueError."""
    found = dict(_pairs(text)) if text else {}
    for name, value in found.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} is given what is no text")  # noqa: TRY004  pydantic wants it
    return {name: str(value) for name, value in found.items()}


def read_patterns(texts: tuple[str, ...]) -> tuple[TenantPattern, ...]:
    """Read patterns of tenants. Raises ValueError."""
    try:
        return tuple(map(TenantPattern.parse, texts))
    except NamingError as exc:
        raise ValueError(str(exc)) from None


def _role(name: str, value: object) -> Role:
    if _SEVERAL.search(name):
        raise ValueError(f"each value has a line of its own, and this has several: {name}")
    try:
        return Role(str(value))
    except ValueError:
        known = ", ".join(Role)
        raise ValueError(f"{name} is given a role that is none of {known}") from None


def _path(name: str, value: object) -> Path:
    if not name.isprintable() or not isinstance(value, str) or not Path(value).is_absolute():
        raise ValueError(f"{name} is given what is no absolute path")
    return Path(value)


def _texts(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise ValueError(f"{name} is given what is neither a text nor a list of it")


def _pairs(text: str) -> list[tuple[str, object]]:
    found = _json_pairs(text) if text.lstrip().startswith("{") else _line_pairs(text)
    names = [name for name, _ in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is given twice")
    return found


def _json_pairs(text: str) -> list[tuple[str, object]]:
    try:
        found: object = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    except (ValueError, RecursionError):
        raise ValueError("it begins like a JSON object, and is none") from None
    if not isinstance(found, list):
        raise TypeError("it is no JSON object")  # cannot be: it began like one
    return found


def _line_pairs(text: str) -> list[tuple[str, object]]:
    """Split at the last `=`: a group's name may hold some, as `CN=admins,OU=kato` does."""
    pairs: list[tuple[str, object]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = map(str.strip, line.rpartition("="))
        if not (name and equals and value):
            raise ValueError(f"a line is written name = value, and this is not: {line}")
        pairs.append((name, value))
    return pairs
