"""What REDIS_URL says: one server, a cluster's nodes, or the Sentinels that know a primary. Pure.

- `redis://`, `rediss://` and `unix://` are one server, as redis-py has it.
- `redis+cluster://[user:password@]host:port[,host:port…]` are some nodes of a cluster.
- `redis+sentinel://[user:password@]host:port[,host:port…]/name[/database]` are Sentinels.

With `rediss` in the place of `redis`, all of it goes over TLS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

Place = tuple[str, int]
"""A host, an IPv6 address without brackets, and a port."""

SENTINEL_OPTIONS = frozenset({"sentinel_username", "sentinel_password"})
PORTS = {"cluster": 6379, "sentinel": 26379}
SEVERAL = tuple(
    f"{scheme}+{kind}://" for scheme in ("redis", "rediss") for kind in ("cluster", "sentinel")
)
"""How the addresses begin that name several servers."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where keys are: `places` are a cluster's nodes or the Sentinels, which know the `name`.

    `options` follow its `?`; the Sentinels' own are among them.
    """

    kind: Literal["single", "cluster", "sentinel"]
    places: Sequence[Place] = ()
    is_tls: bool = False
    user: str = ""
    name: str = ""
    database: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    def at(self, place: str) -> str:
        """Return the URL of a single server at `host:port`, with all else as it is here."""
        scheme = "rediss" if self.is_tls else "redis"
        kept = {name: each for name, each in self.options.items() if name not in SENTINEL_OPTIONS}
        query = f"?{urlencode(kept)}" if kept else ""
        return f"{scheme}://{self.user}{place}/{self.database}{query}"


def address_of(url: str) -> RedisAddress:
    """Read an address that `addresses.check_redis` finds nothing wrong with."""
    if not url.startswith(SEVERAL):
        return RedisAddress("single")
    parts = urlsplit(url)
    tls, _, kind = parts.scheme.partition("+")
    user, at, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    is_cluster = kind == "cluster"
    return RedisAddress(
        "cluster" if is_cluster else "sentinel",
        tuple(_place(host, PORTS[kind]) for host in hosts.split(",")),
        is_tls=tls == "rediss",
        user=user + at,
        name="" if is_cluster else unquote(name),
        database=0 if is_cluster else int(database or 0),
        options=dict(parse_qsl(parts.query)),
    )


def _place(text: str, port: int) -> Place:
    host, colon, number = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, number = text, str(port)
    return host.strip("[]"), int(number)
