"""Wires the stores, for bootstrap."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.settings.environment import Settings
from services.stores.absent import AbsentStore, absent
from services.stores.clickhouse.usage import PatternStore
from services.stores.kato import api as kato
from services.stores.kato.api import KatoApi
from services.stores.qdrant.usage import VectorStore
from services.stores.redis import usage as keyspace
from services.stores.redis.session_detail import SessionRecords
from services.stores.redis.session_writes import SessionWrites
from services.stores.redis.usage import KeyspaceStore

if TYPE_CHECKING:
    from services.embedded.engines import EmbeddedSet


@dataclass(frozen=True, slots=True)
class Stores:
    """What the use cases read and write: each store, or what says that it is not configured."""

    patterns: PatternStore
    keys: KeyspaceStore
    vectors: VectorStore
    kato: KatoApi
    records: SessionRecords
    writes: SessionWrites


def stores_of(settings: Settings, embedded: EmbeddedSet | None, stack: ExitStack) -> Stores:
    """Open the embedded or the configured stores, their connections closed with `stack`."""
    stores = _configured(settings) if embedded is None else _of(embedded, settings)
    for store in (
        stores.patterns, stores.keys, stores.vectors, stores.kato, stores.records, stores.writes
    ):  # fmt: skip
        if not isinstance(store, AbsentStore):
            stack.callback(store.close)
    return stores


def _configured(settings: Settings) -> Stores:
    """Open the stores that have an address; the others answer that they are not configured."""
    return Stores(
        patterns=PatternStore.over_http(settings)
        if settings.clickhouse_host
        else absent("clickhouse", "CLICKHOUSE_HOST"),
        keys=KeyspaceStore.over_url(settings)
        if settings.redis_url
        else absent("redis", "REDIS_URL"),
        vectors=VectorStore.over_http(settings)
        if settings.qdrant_url or settings.qdrant_host
        else absent("qdrant", "QDRANT_URL"),
        kato=kato.over_http(settings) if settings.kato_api_url else absent("kato", "KATO_API_URL"),
        records=SessionRecords.over(keyspace.client_of(settings), settings)
        if settings.redis_url
        else absent("redis", "REDIS_URL"),
        writes=SessionWrites.over(keyspace.client_of(settings), settings)
        if settings.redis_url
        else absent("redis", "REDIS_URL"),
    )


def _of(embedded: EmbeddedSet, settings: Settings) -> Stores:
    """Put the same adapters on the embedded engines."""
    return Stores(
        patterns=PatternStore(embedded.connect_clickhouse, database=embedded.database),
        keys=KeyspaceStore(
            embedded.redis,
            service=settings.service_name,
            scan_count=settings.scan_count,
            memory_budget=settings.memory_budget,
            memory_sample=settings.memory_sample,
            pass_seconds=settings.pass_seconds,
        ),
        vectors=VectorStore(
            embedded.qdrant, shared_collections=frozenset(settings.shared_collections)
        ),
        kato=kato.at(embedded.kato_url, timeout_seconds=settings.timeout_seconds),
        records=SessionRecords.over(embedded.redis, settings),
        writes=SessionWrites.over(embedded.redis, settings),
    )
