"""What the sections of a tenant's page read: each look is decided, logged, and kept for a while.

Every function raises AccessDenied, StoreError and NotThisTenants.
"""

from __future__ import annotations

from dashboard.app import runtime
from dashboard.app.cache import cached
from dashboard.app.read import state
from services.access.viewer import Action
from services.browse.models import (
    Holding,
    KeyInventory,
    PatternPage,
    PatternQuery,
    PointPage,
    Scope,
    Space,
    SpaceFacts,
)
from services.tenancy.layout import Owner
from services.usage.snapshot import Snapshot


def snapshot() -> Snapshot | None:
    """Return the figures that the page is drawn by."""
    return state().snapshot


def patterns(scope: Scope, query: PatternQuery) -> PatternPage:
    """Return one page of a tenant's patterns."""
    runtime.desk().inspection.allow(scope)
    return _patterns(scope, query)


def inventory(scope: Scope, owner: Owner) -> KeyInventory:
    """Return all keys of a tenant's owner, counted."""
    runtime.desk().inspection.allow(scope)
    return _inventory(scope, owner)


def spaces(scope: Scope) -> tuple[tuple[SpaceFacts, Holding], ...]:
    """Return what a tenant's collections are, those that are there."""
    runtime.desk().inspection.allow(scope)
    return _spaces(scope)


def points(scope: Scope, space: Space, *, after: int | str | None, limit: int) -> PointPage:
    """Return one page of a collection's points."""
    runtime.desk().inspection.allow(scope)
    return _points(scope, space, after, limit)


@cached(Action.LOOK, seconds=30, entries=128, each_viewer=True, spinner="Reading patterns…")
def _patterns(scope: Scope, query: PatternQuery) -> PatternPage:
    return runtime.desk().inspection.patterns(scope, query)


@cached(Action.LOOK, seconds=30, entries=128, each_viewer=True, spinner="Counting keys…")
def _inventory(scope: Scope, owner: Owner) -> KeyInventory:
    return runtime.desk().inspection.inventory(scope, owner)


@cached(Action.LOOK, seconds=30, entries=128, each_viewer=True, spinner="Reading collections…")
def _spaces(scope: Scope) -> tuple[tuple[SpaceFacts, Holding], ...]:
    service = runtime.desk().inspection
    pairs = ((space, holding) for holding in scope.holdings for space in holding.spaces)
    asked = ((service.space(scope, space), holding) for space, holding in pairs)
    return tuple((facts, holding) for facts, holding in asked if facts is not None)


@cached(Action.LOOK, seconds=30, entries=128, each_viewer=True, spinner="Reading points…")
def _points(scope: Scope, space: Space, after: int | str | None, limit: int) -> PointPage:
    return runtime.desk().inspection.points(scope, space, after=after, limit=limit)
