"""Where a large fleet's usage over time is kept: a ClickHouse database, never KATO's own. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from services.settings import addresses

EXAMPLE = "http://user:password@clickhouse:8123/kato_usage"

_DATABASE = re.compile(r"/[A-Za-z_][A-Za-z0-9_]{0,62}")
_KATOS = "kato"  # KATO 3.10.1 writes there, whatever its own CLICKHOUSE_DB says
_SYSTEMS = frozenset({"default", "system", "information_schema"})
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class HistoryPlace:
    """A database of ClickHouse, over HTTP."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    secure: bool
    database: str


def place_of(url: str) -> HistoryPlace:
    """Return the place that a URL names. Raises ValueError, which repeats nothing of it."""
    addresses.check_http(url, example=EXAMPLE)
    parts = urlsplit(url)
    if parts.query or parts.fragment or not _DATABASE.fullmatch(parts.path):
        raise ValueError(f"its path is a database's name and nothing else, as {EXAMPLE}")
    database, secure = parts.path[1:], parts.scheme == "https"
    if database.lower() in _SYSTEMS:
        raise ValueError(f"takes a database of its own, as {EXAMPLE}")
    return HistoryPlace(
        host=str(parts.hostname),
        port=parts.port or (8443 if secure else 8123),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        secure=secure,
        database=database,
    )


def check_place(url: str, settings: Mapping[str, Any]) -> None:
    """Refuse what names no place, or KATO's own database, whatever the port. Raises ValueError.

    One server may have names that do not look alike: that none of KATO's tables is there is
    looked at besides, when it is first used.
    """
    place, host = place_of(url), settings.get("clickhouse_host")
    if (
        host
        and _same(host, place.host)
        and place.database in {settings.get("clickhouse_db"), _KATOS}
    ):
        raise ValueError("is KATO's own database: usage over time takes one of its own")


def _same(one: str, other: str) -> bool:
    names = {name.strip("[]").rstrip(".").lower() for name in (one, other)}
    return len(names) == 1 or names <= _HERE
