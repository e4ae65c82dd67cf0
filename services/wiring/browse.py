"""Wires what looks into one tenant, for bootstrap."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from services.browse.service import InspectionService, Sources
from services.settings.environment import Settings
from services.stores.clickhouse.pages import PatternPages
from services.stores.qdrant.pages import VectorPages
from services.stores.redis.frequencies import Frequencies
from services.stores.redis.pages import KeyPages

if TYPE_CHECKING:
    from services.embedded.engines import EmbeddedSet


def inspection_of(
    settings: Settings, embedded: EmbeddedSet | None, stack: ExitStack
) -> InspectionService:
    """Build it for the embedded or the configured stores, its connections closed with `stack`."""
    sources = _configured(settings, stack) if embedded is None else _of(embedded, settings, stack)
    return InspectionService(sources, service=settings.service_name)


def _configured(settings: Settings, stack: ExitStack) -> Sources:
    patterns = PatternPages.over_http(settings) if settings.clickhouse_host else None
    frequencies = Frequencies.over_url(settings) if settings.redis_url else None
    keys = KeyPages.over_url(settings) if settings.redis_url else None
    reachable = settings.qdrant_url or settings.qdrant_host
    vectors = VectorPages.over_http(settings) if reachable else None
    for source in (patterns, frequencies, keys, vectors):
        if source is not None:
            stack.callback(source.close)
    return Sources(patterns, frequencies, keys, vectors)


def _of(embedded: EmbeddedSet, settings: Settings, stack: ExitStack) -> Sources:
    """Put the same adapters on the embedded engines, which are closed by who started them."""
    patterns = PatternPages(embedded.connect_clickhouse, database=embedded.database)
    stack.callback(patterns.close)
    return Sources(
        patterns,
        Frequencies(embedded.redis, pass_seconds=settings.pass_seconds),
        KeyPages(
            embedded.redis,
            service=settings.service_name,
            scan_count=settings.scan_count,
            pass_seconds=settings.pass_seconds,
        ),
        VectorPages(embedded.qdrant),
    )
