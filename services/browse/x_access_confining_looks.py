"""What a look into a tenant tells of the stores as a whole, which hold others' data too. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import Viewer
from services.browse.models import PatternPage, SpaceFacts


def confined_page(page: PatternPage, viewer: Viewer) -> PatternPage:
    """Return a page of patterns without how large the table is that all tenants are in."""
    if viewer.sees_all:
        return page
    return replace(page, cost=replace(page.cost, all_rows=None, all_parts=None))


def confined_space(facts: SpaceFacts | None, viewer: Viewer) -> SpaceFacts | None:
    """Return what a collection is, without the index of one that tenants share by payload."""
    if facts is None or viewer.sees_all or facts.space.tenant_id is None:
        return facts
    return replace(facts, indexed=None)
