"""By what servers can be told apart, whatever the address they are reached at. Reads only.

- ClickHouse: its `serverUUID()` with the database, and the UUID of KATO's table, which replicas
  share; of a cluster those of every shard.
- Redis: INFO's `run_id` and `master_replid`, which a replica shares, with the database's number.
- Qdrant: the id of its process in its telemetry, and those of all peers of its cluster.
- KATO says nothing of itself.

The address counts too: it is all there is where a server does not say, or not to this user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import redis

from services.errors import StoreDenied, StoreMisconfigured, StoreRejected
from services.settings.environment import Settings
from services.stores.absent import present
from services.stores.clickhouse.query import ClickHouse
from services.stores.open import Engines
from services.stores.qdrant.answers import answers_of
from services.stores.qdrant.calls import asking
from services.stores.qdrant.facts import at
from services.stores.redis.link import Client, conversation, database_of
from services.stores.redis.server import opening

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Identities = Mapping[str, frozenset[str]]
"""What each store is known by: two of which one is the same are one."""

KATO = "kato"
"""KATO's API among them, which stores nothing itself."""

_OPERATION = "asking which server it is"
_SERVER = "SELECT toString(serverUUID())"
_TABLE = """
SELECT groupArray(toString(uuid)) FROM system.tables
WHERE database = {home:String} AND name = {table:String} AND uuid != toUUID(0)
"""
_SILENT = (StoreDenied, StoreRejected, StoreMisconfigured)


def identities_of(engines: Engines, settings: Settings) -> Identities:
    """Ask every store that is configured. Raises StoreError for one that does not answer."""
    clickhouse, keys = present(engines.clickhouse), present(engines.redis)
    qdrant = present(engines.qdrant)
    found = {
        "clickhouse": _clickhouse(clickhouse, settings) if clickhouse is not None else (),
        "redis": _redis(keys, settings) if keys is not None else (),
        "qdrant": _qdrant(qdrant, settings) if qdrant is not None else (),
        KATO: _kato(settings),
    }  # fmt: skip
    told = {store: frozenset(ids) for store, ids in found.items()}
    return {store: ids for store, ids in told.items() if ids}


def same_stores(one: Identities, other: Identities) -> tuple[str, ...]:
    """Name the stores that are one and the same on both sides. Pure."""
    return tuple(store for store, ids in one.items() if ids & other.get(store, frozenset()))


def _clickhouse(clickhouse: ClickHouse, settings: Settings) -> Iterator[str]:
    ask = clickhouse.asking
    yield f"{settings.clickhouse_host}:{settings.clickhouse_port}/{ask.database}"
    with suppress(*_SILENT):
        for ((server,),) in ask.each(_OPERATION, _SERVER, {}, one=True):
            yield f"{_text(server)}/{ask.database}"
    with suppress(*_SILENT):
        for ((tables,),) in ask.each(_OPERATION, _TABLE, _named(ask.patterns()), one=True):
            yield from map(_text, tables)


def _named(at: Mapping[str, object]) -> Mapping[str, str]:
    return {name: str(each) for name, each in at.items()}


def _redis(client: Client, settings: Settings) -> Iterator[str]:
    database = database_of(client)
    for node in [client] if isinstance(client, redis.Redis) else client.nodes():
        about = node.connection_pool.connection_kwargs
        if place := about.get("path") or about.get("host"):  # none where Sentinels are asked for it
            yield f"{place}:{about.get('port')}/{database}"
    with conversation(client, operation=_OPERATION, seconds=settings.timeout_seconds) as link:
        told = opening(link, database)
    for facts in (each.facts for each in told.parts or (told,)):
        for name in ("run_id", "master_replid"):
            if facts.get(name):
                yield f"{name} {facts[name]}/{database}"


def _qdrant(client: QdrantClient, settings: Settings) -> Iterator[str]:
    url = settings.qdrant_url
    host = f"//{settings.qdrant_host}:{settings.qdrant_port}"
    yield _address(url.get_secret_value() if url else host)
    answer: object = None
    with suppress(*_SILENT), asking(_OPERATION):
        answer = answers_of(client).telemetry()
    cluster = at(answer, "result", "cluster")
    peers = at(cluster, "peers")  # by whichever of them it is reached
    known = peers if isinstance(peers, Mapping) else ()
    for told in (at(answer, "result", "id"), at(cluster, "status", "peer_id"), *known):
        if told:
            yield str(told)


def _kato(settings: Settings) -> Iterator[str]:
    if settings.kato_api_url is not None:
        yield _address(settings.kato_api_url.get_secret_value())


def _address(url: str) -> str:
    """Return host and port alone: what else an address has may be secret."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or {'https': 443}.get(parts.scheme, 80)}"


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
