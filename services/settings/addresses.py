"""What is wrong with an address or a host's name in a setting, and the right form. Pure.

Clients read much of what is wrong in a way that nobody meant: another database, another host.
Every function raises ValueError, which repeats nothing of a value: it may hold a password.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, parse_qs, urlsplit

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_LONGEST_LABEL = 63
_PLACE = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_LAST_PORT = 65_535
_LOOSE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DATABASE = re.compile(r"/?|/[0-9]{1,9}")
_OPTIONS = frozenset({
    "db", "username", "password", "client_name", "protocol", "decode_responses",
    "health_check_interval", "max_connections", "retry_on_timeout", "socket_connect_timeout",
    "socket_keepalive", "socket_timeout", "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs",
    "ssl_certfile", "ssl_check_hostname", "ssl_keyfile", "ssl_password",
})  # fmt: skip
_EXAMPLES = {
    "cluster": "redis+cluster://user:password@host:6379,host:6379",
    "sentinel": "redis+sentinel://user:password@host:26379,host:26379/name-of-the-primary/0",
}
_NAMED = re.compile(r"/[^/]+(/[0-9]{1,9})?/?")
_NOWHERE = "has no host, or a port that is no number"
_ENCODE = "in a user or password these are percent-encoded: @ as %40, / %2F, ? %3F, # %23, % %25"


def check_host(value: str, *, elsewhere: str) -> None:
    """Refuse what is no host's name or IP address alone; `elsewhere` says where the rest goes."""
    if not (_is_host(value) or _is_ipv6(value)):
        raise ValueError(f"takes a host's name alone, as db.example.com: {elsewhere}")


def check_http(value: str, *, example: str, path: bool = True) -> None:
    """Refuse what is no address of HTTP, as the example is; one with a path where it has none."""
    parts = _split(value, ("http://", "https://"), example)
    if not path and (parts.path not in ("", "/") or parts.query or parts.fragment):
        if "@" in parts.path + parts.query + parts.fragment:
            raise ValueError(f"{_ENCODE}; the right form is {example}")
        raise ValueError(f"has to end after host and port, without a path, as {example}")


def check_redis(value: str) -> None:
    """Refuse what is no address of a Redis database, which is a number."""
    if value.startswith("unix://"):
        parts = _parted(value, "unix:///run/redis.sock?db=0")
        if parts.netloc.rpartition("@")[2] or len(parts.path) < len("/x"):
            raise ValueError("unix:// takes an absolute path, as unix:///run/redis.sock?db=0")
    elif value.startswith(("redis+", "rediss+")):
        _check_several(value)
        return
    else:
        example = "redis://user:password@host:6379/0"
        forms = f"{example}, or unix://…, redis+cluster://… or redis+sentinel://…"
        parts = _split(value, ("redis://", "rediss://"), forms)
        if "@" in parts.path + parts.query + parts.fragment:
            raise ValueError(f"{_ENCODE}; the right form is {example}")
        if parts.fragment or not _DATABASE.fullmatch(parts.path):
            raise ValueError(f"its path is a database's number and nothing else, as {example}")
    _check_options(parts.query, _OPTIONS)


def _check_several(value: str) -> None:
    """Refuse what names no nodes of a cluster, or no Sentinels and the name of their primary."""
    from services.settings.redis_address import SENTINEL_OPTIONS, SEVERAL  # noqa: PLC0415  for few

    if not value.startswith(SEVERAL):
        raise ValueError(f"has to begin with {' or '.join(SEVERAL)}, or name a single server")
    kind = "cluster" if "+cluster://" in value else "sentinel"
    example = _EXAMPLES[kind]
    parts = _parted(value, example)
    user, at, places = parts.netloc.rpartition("@")
    for place in places.split(","):
        _split(f"redis://{user}{at}{place}", ("redis://",), example)
    if "@" in parts.path + parts.query + parts.fragment:
        raise ValueError(f"{_ENCODE}; the right form is {example}")
    if kind == "cluster" and (parts.fragment or parts.path not in ("", "/", "/0")):
        raise ValueError(f"a cluster's keys are in database 0: no other path than /0, as {example}")
    if kind == "sentinel" and (parts.fragment or not _NAMED.fullmatch(parts.path)):
        raise ValueError(f"its path is the primary's name as Sentinel has it, as {example}")
    options = _OPTIONS - {"db"}
    _check_options(parts.query, options | SENTINEL_OPTIONS if kind == "sentinel" else options)


def _check_options(query: str, known: frozenset[str]) -> None:
    options = parse_qs(query, keep_blank_values=True)
    if not options.keys() <= known:
        raise ValueError("what follows its ? is no option of a connection; few need any, as ?db=0")
    if not all(_DATABASE.fullmatch(f"/{one}") for one in options.get("db", ())):
        raise ValueError("its option db is a database's number, as ?db=0")


def _split(value: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    if not value.startswith(schemes):
        raise ValueError(f"has to begin with {' or '.join(schemes)}, as {example}")
    parts = _parted(value, example)
    user, _, place = parts.netloc.rpartition("@")
    if "@" in user or _LOOSE_PERCENT.search(user):
        raise ValueError(f"{_ENCODE}; the right form is {example}")
    found = _PLACE.fullmatch(place)
    host, port = found.group("host", "port") if found else ("", None)
    if not (_is_host(host) or (host[:1] == "[" and _is_ipv6(host))):
        broken = "@" in value and "@" not in parts.netloc
        raise ValueError(f"{_ENCODE if broken else _NOWHERE}; the right form is {example}")
    if port is not None and not 0 < int(port) <= _LAST_PORT:
        raise ValueError(f"its port is a number from 1 to {_LAST_PORT}, as {example}")
    return parts


def _parted(value: str, example: str) -> SplitResult:
    if any(char.isspace() for char in value):
        raise ValueError(f"has a blank inside; the right form is {example}")
    try:
        return urlsplit(value)
    except ValueError:
        raise ValueError(f"is no address; the right form is {example}") from None


def _is_host(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    sound = all(0 < len(label) <= _LONGEST_LABEL for label in labels)
    return sound and _NAME.fullmatch(text) is not None


def _is_ipv6(text: str) -> bool:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        IPv6Address(bare)
    except ValueError:
        return False
    return True
