"""Wires what looks into one tenant, for bootstrap."""

from __future__ import annotations

from services.browse.service import InspectionService, Sources
from services.settings.environment import Settings
from services.stores.adapters import Stores


def inspection_of(settings: Settings, stores: Stores) -> InspectionService:
    """Build it on the stores."""
    sources = Sources(
        stores.pattern_pages, stores.frequencies, stores.key_pages, stores.vector_pages
    )
    return InspectionService(sources, service=settings.service_name)
