"""What the snapshot asks of each store; the adapters answer it, and so does whatever a test has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from services.usage.readings import CachedProcessor, KeyReading, PatternReading, VectorReading


class PatternSource(Protocol):
    """What the snapshot asks of ClickHouse."""

    def quick(self) -> PatternReading:
        """Read counts and bytes from the catalogue alone."""

    def read(self) -> PatternReading:
        """Read everything exactly."""


class KeySource(Protocol):
    """What the snapshot asks of Redis."""

    def estimate(self, kb_ids: Sequence[str]) -> KeyReading:
        """Estimate the number of keys from KATO's own counters."""

    def read(
        self, *, memory: bool = True, progress: Callable[[KeyReading], None] | None = None
    ) -> KeyReading:
        """Read the whole keyspace in one pass."""


class VectorSource(Protocol):
    """What the snapshot asks of Qdrant."""

    def read(self) -> VectorReading:
        """Read every collection in one pass."""


class ProcessorSource(Protocol):
    """What the snapshot asks of KATO."""

    def cached_processors(self) -> tuple[CachedProcessor, ...]:
        """Return the node_ids that KATO has in memory."""
