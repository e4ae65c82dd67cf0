"""What archives read of the stores, each over its engine as `services.stores.open` opened it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.made_once import made_once
from services.settings.environment import Settings
from services.stores.absent import over
from services.stores.open import Engines

if TYPE_CHECKING:
    from services.stores.clickhouse.archive import PatternArchive
    from services.stores.qdrant.archive import VectorArchive
    from services.stores.redis.archive import KeyArchive

LONGEST = 24 * 60 * 60.0
"""So many seconds the reading of one store may take in all; each answer has the usual time."""


class ArchiveSources:
    """The adapters that archives read. Those of a store that is not configured say so."""

    def __init__(self, engines: Engines, settings: Settings) -> None:
        self._engines, self._settings = engines, settings

    @made_once
    def patterns(self) -> PatternArchive:
        """Rows of ClickHouse."""
        from services.stores.clickhouse.archive import PatternArchive

        return over(self._engines.clickhouse, PatternArchive)

    @made_once
    def keys(self) -> KeyArchive:
        """Keys and sessions of Redis."""
        from services.stores.redis.archive import KeyArchive

        return over(
            self._engines.redis,
            KeyArchive,
            service=self._settings.service_name,
            scan_count=self._settings.scan_count,
            seconds=LONGEST,
        )

    @made_once
    def vectors(self) -> VectorArchive:
        """Points of Qdrant."""
        from services.stores.qdrant.archive import VectorArchive

        shared = frozenset(self._settings.shared_collections)
        return over(self._engines.qdrant, VectorArchive, shared_collections=shared)
