"""What writes for one tenant: its places when it is set up, data out of files, and apart.

As in `adapters`, each adapter is made over its engine when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.made_once import made_once
from services.settings.environment import Settings
from services.stores.absent import over
from services.stores.open import Engines

if TYPE_CHECKING:
    from services.stores.clickhouse.apart import RowsApart
    from services.stores.clickhouse.imports import PatternImports
    from services.stores.qdrant.apart import PointsApart
    from services.stores.qdrant.imports import PointImports
    from services.stores.qdrant.setup import VectorSetup
    from services.stores.redis.apart import KeysApart
    from services.stores.redis.imports import KeyImports


class TenantWriters:
    """The adapters over these engines. Those of a store that is not configured say so."""

    def __init__(self, engines: Engines, settings: Settings) -> None:
        self._engines, self._settings = engines, settings

    @made_once
    def vector_setup(self) -> VectorSetup:
        """What makes collections for new tenants."""
        from services.stores.qdrant.setup import VectorSetup

        return over(self._engines.qdrant, VectorSetup, seconds=self._settings.pass_seconds)

    @made_once
    def pattern_imports(self) -> PatternImports:
        """What writes patterns out of a file."""
        from services.stores.clickhouse.imports import PatternImports

        return over(self._engines.clickhouse, PatternImports)

    @made_once
    def key_imports(self) -> KeyImports:
        """What writes keys and sessions out of a file."""
        from services.stores.redis.imports import KeyImports

        return over(self._engines.redis, KeyImports, seconds=self._settings.pass_seconds)

    @made_once
    def point_imports(self) -> PointImports:
        """What writes vectors out of a file."""
        from services.stores.qdrant.imports import PointImports

        return over(self._engines.qdrant, PointImports, seconds=self._settings.pass_seconds)

    @made_once
    def rows_apart(self) -> RowsApart:
        """Rows of shared kb_ids that are taken apart."""
        from services.stores.clickhouse.apart import RowsApart

        seconds = self._settings.pass_seconds
        return over(self._engines.clickhouse, RowsApart, seconds=seconds)

    @made_once
    def keys_apart(self) -> KeysApart:
        """Keys and sessions of shared kb_ids that are taken apart."""
        from services.stores.redis.apart import KeysApart

        settings = self._settings
        return over(
            self._engines.redis, KeysApart, service=settings.service_name,
            scan_count=settings.scan_count, seconds=settings.pass_seconds,
        )  # fmt: skip

    @made_once
    def points_apart(self) -> PointsApart:
        """Vectors of shared kb_ids that are taken apart."""
        from services.stores.qdrant.apart import PointsApart

        return over(self._engines.qdrant, PointsApart, seconds=self._settings.pass_seconds)
