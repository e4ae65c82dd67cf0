"""What the isolation audit asks of the stores and of this product's own records. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.instances.models import Instance
from services.isolation.facts import KatoFacts, KeyFacts, PatternFacts, VectorFacts
from services.isolation.models import Acceptance, Audit, Need, Report
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey


class Tombstones(Protocol):
    """What was purged, in this product's own records."""

    def __call__(self, kb_ids: Iterable[str] | None = None) -> tuple[Tombstone, ...]:
        """Return the tombstones of those of these kb_ids that have one; of None all, nameless.

        Raises StoreError.
        """


Served = Mapping[TenantKey, tuple[Instance, ...]]
"""The instances that serve each tenant which has one, the newest first."""


class PatternFactsSource(Protocol):
    """ClickHouse."""

    def facts(self) -> PatternFacts:
        """Ask it what it is and holds. Reads only. Raises StoreError."""


class KeyFactsSource(Protocol):
    """Redis."""

    def facts(self) -> KeyFacts:
        """Ask it what it is and holds. Reads only. Raises StoreError."""


class VectorFactsSource(Protocol):
    """Qdrant."""

    def facts(self) -> VectorFacts:
        """Ask it what it is and holds. Reads only. Raises StoreError."""


class KatoFactsSource(Protocol):
    """KATO's API."""

    def facts(self) -> KatoFacts:
        """Ask it what it is. Reads only. Raises StoreError."""


@dataclass(frozen=True, slots=True)
class FactSources:
    """Where the facts of each store come from; one that is not configured says so when asked."""

    patterns: PatternFactsSource
    keys: KeyFactsSource
    vectors: VectorFactsSource
    kato: KatoFactsSource

    def asks(self) -> Mapping[Need, Callable[[], object]]:
        """Return what asks each store, by the need that it answers."""
        return {
            Need.CLICKHOUSE: self.patterns.facts,
            Need.REDIS: self.keys.facts,
            Need.QDRANT: self.vectors.facts,
            Need.KATO: self.kato.facts,
        }


class Book(Protocol):
    """The audits in this product's own records. Every method raises StoreUnavailable."""

    def keep(self, audit: Audit) -> None:
        """Note what an audit found, and what of before it did not find any more."""

    def report(self) -> Report | None:
        """Return the newest audit with every finding, or None before the first."""

    def scores(self) -> tuple[tuple[datetime, int | None], ...]:
        """Return the scores of the newest audits, oldest first."""

    def accept(self, finding_id: str, acceptance: Acceptance) -> None:
        """Note that a finding is left as it is. Raises FindingError for one that is not there."""

    def withdraw(self, finding_id: str) -> None:
        """Take an acceptance back."""
