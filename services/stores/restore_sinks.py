"""What restores write into the stores, each over its engine as `services.stores.open` opened it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.made_once import made_once
from services.settings.environment import Settings
from services.stores.absent import over
from services.stores.open import Engines

if TYPE_CHECKING:
    from services.stores.clickhouse.staging import RowWriting
    from services.stores.qdrant.restore import VectorWriting
    from services.stores.redis.typed_write import KeyWriting


class RestoreSinks:
    """The adapters that restores write with. Those of a store that is not configured say so."""

    def __init__(self, engines: Engines, settings: Settings) -> None:
        self._engines, self._seconds = engines, settings.pass_seconds

    @made_once
    def rows(self) -> RowWriting:
        """Rows of ClickHouse."""
        from services.stores.clickhouse.staging import RowWriting

        return over(self._engines.clickhouse, RowWriting)

    @made_once
    def keys(self) -> KeyWriting:
        """Keys and sessions of Redis."""
        from services.stores.redis.typed_write import KeyWriting

        return over(self._engines.redis, KeyWriting, seconds=self._seconds)

    @made_once
    def points(self) -> VectorWriting:
        """Points of Qdrant."""
        from services.stores.qdrant.restore import VectorWriting

        return over(self._engines.qdrant, VectorWriting, seconds=self._seconds)
