"""Wires what the isolation audit asks of the stores, for bootstrap."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from services.isolation.audit import IsolationService
from services.isolation.ports import (
    Book,
    FactSources,
    KatoFactsSource,
    KeyFactsSource,
    PatternFactsSource,
    Tombstones,
    VectorFactsSource,
)
from services.isolation.rules import RULES
from services.settings.environment import Settings
from services.stores.absent import absent
from services.stores.clickhouse.audit import PatternAudit
from services.stores.kato.audit import KatoAudit
from services.stores.qdrant.audit import VectorAudit
from services.stores.redis.audit import KeyAudit
from services.usage.collect import UsageService

if TYPE_CHECKING:
    from services.embedded.engines import EmbeddedSet


def isolation_of(
    settings: Settings,
    embedded: EmbeddedSet | None,
    *,
    usage: UsageService,
    book: Book,
    tombstones: Tombstones,
    stack: ExitStack,
) -> IsolationService:
    """Build the service; it audits when it is asked to, or follows the collector's snapshots."""
    return IsolationService(
        rules=RULES,
        sources=facts_of(settings, embedded, stack),
        book=book,
        collect=usage.collect,
        ownership=usage.ownership,
        tombstones=tombstones,
        deadline=settings.pass_seconds,
        interval=timedelta(minutes=settings.audit_minutes),
        embedded=embedded is not None,
    )


def facts_of(settings: Settings, embedded: EmbeddedSet | None, stack: ExitStack) -> FactSources:
    """Build it for the embedded or the configured stores, its connections closed with `stack`."""
    return _configured(settings, stack) if embedded is None else _of(embedded, settings, stack)


def _configured(settings: Settings, stack: ExitStack) -> FactSources:
    return FactSources(
        _patterns(settings, stack),
        _keys(settings, stack),
        _vectors(settings, stack),
        _kato(settings, stack),
    )


def _patterns(settings: Settings, stack: ExitStack) -> PatternFactsSource:
    if not settings.clickhouse_host:
        missing: PatternFactsSource = absent("clickhouse", "CLICKHOUSE_HOST")
        return missing
    patterns = PatternAudit.over_http(settings)
    stack.callback(patterns.close)
    return patterns


def _keys(settings: Settings, stack: ExitStack) -> KeyFactsSource:
    if not settings.redis_url:
        missing: KeyFactsSource = absent("redis", "REDIS_URL")
        return missing
    keys = KeyAudit.over_url(settings)
    stack.callback(keys.close)
    return keys


def _vectors(settings: Settings, stack: ExitStack) -> VectorFactsSource:
    if not (settings.qdrant_url or settings.qdrant_host):
        missing: VectorFactsSource = absent("qdrant", "QDRANT_URL")
        return missing
    vectors = VectorAudit.over_http(settings)
    stack.callback(vectors.close)
    return vectors


def _kato(settings: Settings, stack: ExitStack) -> KatoFactsSource:
    if not settings.kato_api_url:
        missing: KatoFactsSource = absent("kato", "KATO_API_URL")
        return missing
    kato = KatoAudit.over_http(settings)
    stack.callback(kato.close)
    return kato


def _of(embedded: EmbeddedSet, settings: Settings, stack: ExitStack) -> FactSources:
    """Put the same adapters on the embedded engines, which have no door to try."""
    patterns = PatternAudit(embedded.connect_clickhouse, database=embedded.database)
    stack.callback(patterns.close)
    shared = frozenset(settings.shared_collections)
    return FactSources(
        patterns,
        KeyAudit(embedded.redis, pass_seconds=settings.pass_seconds),
        VectorAudit(embedded.qdrant, shared_collections=shared),
        KatoAudit(),
    )
