"""Wires imports: what writes data for a tenant out of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.imports.service import ImportService
from services.imports.write import Stores

if TYPE_CHECKING:
    from services.wiring.working import Working


def import_service(services: Working) -> ImportService:
    """Return what checks files and writes them over these services' stores, by their jobs."""
    writers = services.stores.writers
    stores = Stores(
        lambda: writers.pattern_imports, lambda: writers.key_imports,
        lambda: writers.point_imports,
    )  # fmt: skip
    return ImportService(
        services.settings.data / "imports", stores, ownership=services.usage.ownership,
        jobs=lambda: services.work, holds=services.card_book.holds, now=services.now,
    )  # fmt: skip
