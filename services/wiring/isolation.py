"""Wires what the isolation audit asks of the stores, for bootstrap."""

from __future__ import annotations

from datetime import timedelta

from services.isolation.audit import IsolationService
from services.isolation.ports import (
    Book,
    FactSources,
    Tombstones,
)
from services.isolation.rules import RULES
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.usage.collect import UsageService


def isolation_of(
    settings: Settings,
    stores: Stores,
    *,
    embedded: bool,
    usage: UsageService,
    book: Book,
    tombstones: Tombstones,
) -> IsolationService:
    """Build the service; it audits when it is asked to, or follows the collector's snapshots."""
    return IsolationService(
        rules=RULES,
        sources=facts_of(stores),
        book=book,
        collect=usage.collect,
        ownership=usage.ownership,
        tombstones=tombstones,
        deadline=settings.pass_seconds,
        interval=timedelta(minutes=settings.audit_minutes),
        embedded=embedded,
    )


def facts_of(stores: Stores) -> FactSources:
    """Return who is asked for facts."""
    return FactSources(
        stores.pattern_audit, stores.key_audit, stores.vector_audit, stores.kato_audit
    )
