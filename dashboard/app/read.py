"""What several pages read: the fleet's figures, who owns what, how the stores are. Cached."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from dashboard.app import runtime
from dashboard.app.cache import cached
from dashboard.draw import cards as cards_drawn, limits, notices, store_tables, usage_tables
from dashboard.draw.formatting import visible
from dashboard.draw.largest import Largest, largest
from services.access.confined_ownership import confined_ownership
from services.access.viewer import Action, Viewer
from services.cards.models import Card
from services.errors import Problem, StoreError
from services.figures import Amount, Measure
from services.find.models import Answer
from services.health.models import Check, Dashboards, Workers
from services.instances.models import Vital
from services.limits.models import Standings
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership
from services.usage.refresh import CollectorState
from services.usage.snapshot import Snapshot

HISTORY = timedelta(days=7)
LATE = 10.0
"""So many seconds late a change of limits is seen by who is confined, who is told no version."""


def _of_snapshot(snapshot: Snapshot) -> object:
    return snapshot.collected_at


def state() -> CollectorState:
    """Return what the collector has now, confined; never waits for a store."""
    desk = runtime.desk()
    if desk.gate.allow(Action.SEE_FLEET).sees_all:
        return desk.fleet.figures()
    has = runtime.last_collected()
    at = has.snapshot.collected_at if has.snapshot else None
    problem = None if has.problem is None else str(has.problem)
    return replace(_confined_state((at, problem)), refreshing_since=has.refreshing_since)


@cached(Action.SEE_FLEET, seconds=10, newest=True)
def _confined_state(stamp: tuple[object, ...]) -> CollectorState:
    del stamp  # what the cache goes by
    return runtime.desk().fleet.figures()


@cached(Action.SEE_FLEET, key=_of_snapshot, newest=True, any_role=True)
def names(snapshot: Snapshot) -> Mapping[str, TenantKey]:
    """Return every tenant that has data by its visible name, in the order of a snapshot."""
    return {visible(str(usage.tenant)): usage.tenant for usage in snapshot.tenants}


@cached(Action.SEE_FLEET, key=_of_snapshot, newest=True, any_role=True)
def sorted_names(snapshot: Snapshot) -> Sequence[str]:
    """Return the visible names of all tenants that have data, in their order."""
    return sorted(names(snapshot))


@cached(Action.SEE_FLEET, key=_of_snapshot, newest=True, any_role=True)
def kinds(snapshot: Snapshot) -> frozenset[str]:
    """Return the kinds of tenants that have data."""
    return frozenset(usage.tenant.kind for usage in snapshot.tenants)


@cached(Action.SEE_FLEET, key=_of_snapshot, newest=True, any_role=True)
def guessed(snapshot: Snapshot) -> int:
    """Return how many tenants are guessed from names alone."""
    return notices.guessed_in(snapshot)


@cached(
    Action.SEE_FLEET, key=lambda snapshot, column: (snapshot.collected_at, column), entries=128,
    seconds=120, any_role=True,
)  # fmt: skip
def most_of(snapshot: Snapshot, column: str) -> Largest:
    """Return the tenants with most in a column, and what all others have; made once a snapshot."""
    return largest(tenants_frame(snapshot), snapshot, column)


@cached(Action.SEE_FLEET, key=_of_snapshot, newest=True, any_role=True)
def tenants_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return one row a tenant, made once a snapshot."""
    whole = snapshot.settled and not snapshot.unread
    return usage_tables.tenants_frame(snapshot.tenants, whole=whole)


@cached(Action.SEE_FLEET, key=_of_snapshot, newest=True, any_role=True)
def collections_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return one row a collection, made once a snapshot."""
    return store_tables.collections_frame(snapshot.collections)


def standings(snapshot: Snapshot) -> Standings | None:
    """Return where tenants stand to their limits; None where the records do not answer."""
    try:
        version = runtime.desk().limits.version()
        at = int(time.monotonic() / LATE) if version is None else version
        return _standings(snapshot, at)
    except StoreError:
        return None


@cached(
    Action.SEE_FLEET, key=lambda snapshot, version: (snapshot.collected_at, version),
    newest=True,
)  # fmt: skip
def _standings(snapshot: Snapshot, version: int) -> Standings:
    del version  # what the cache goes by
    return runtime.desk().limits.standings(snapshot)


def cards() -> cards_drawn.Cards | None:
    """Return what stands on tenants' cards; None where the records do not answer."""
    try:
        version = runtime.desk().cards.version()
        return _cards(int(time.monotonic() / LATE) if version is None else version)
    except StoreError:
        return None


def card(tenant: TenantKey) -> Card | None:
    """Return one tenant's card as it is now, empty where nothing stands on it; None where unread.

    Raises AccessDenied for a tenant that is not in scope.
    """
    try:
        return runtime.desk().cards.card(tenant)
    except StoreError:
        return None


@cached(Action.SEE_FLEET, newest=True)
def _cards(version: int) -> cards_drawn.Cards:
    del version  # what the cache goes by
    return runtime.desk().cards.cards()


@cached(Action.SEE_FLEET, seconds=5)
def doings() -> cards_drawn.Doings:
    """Return what is being done with which tenants; nothing where that cannot be read."""
    try:
        return runtime.desk().cards.doings()
    except StoreError:
        return {}


def limited_frame(snapshot: Snapshot, standings: Standings) -> pd.DataFrame:
    """Return one row a tenant with the gravest of its limits, made once for these standings."""
    return _limited_frame(snapshot, standings)[0]


@cached(Action.SEE_FLEET, key=lambda _, standings: id(standings), newest=True)
def _limited_frame(snapshot: Snapshot, standings: Standings) -> tuple[pd.DataFrame, Standings]:
    keys = [usage.tenant for usage in snapshot.tenants]
    frame = limits.with_limits(tenants_frame(snapshot), keys, standings)
    return frame, standings  # which are kept too: the cache goes by where they are


def carded_frame(
    frame: pd.DataFrame, snapshot: Snapshot, cards: cards_drawn.Cards, doings: cards_drawn.Doings
) -> pd.DataFrame:
    """Return one row a tenant with what stands on its card, made once for these cards."""
    return _carded_frame(frame, snapshot, cards, doings)[0]


@cached(
    Action.SEE_FLEET, key=lambda frame, _, cards, doings: (id(frame), id(cards), id(doings)),
    newest=True,
)  # fmt: skip
def _carded_frame(
    frame: pd.DataFrame, snapshot: Snapshot, cards: cards_drawn.Cards, doings: cards_drawn.Doings
) -> tuple[pd.DataFrame, object]:
    keys = [usage.tenant for usage in snapshot.tenants]
    found = cards_drawn.with_cards(frame, keys, cards, doings)
    return found, (frame, cards, doings)  # which are kept too: the cache goes by where they are


@cached(Action.SEE_FLEET, seconds=30, entries=64, any_role=True)
def history(measure: Measure) -> tuple[tuple[datetime, Amount], ...]:
    """Return the totals of the last week, oldest first; empty when they cannot be read."""
    try:
        return runtime.desk().fleet.history(measure, datetime.now(UTC) - HISTORY)
    except StoreError:
        return ()


@cached(Action.SEE_FLEET, seconds=5)
def checks() -> tuple[Check, ...]:
    """Return how every store is, asked at most every 5 s for all who see the same together."""
    return runtime.desk().fleet.checks()


@cached(Action.SEE_FLEET, seconds=15)
def workers(cache: bool) -> Workers | Problem | None:
    """Return how KATO's workers are, or why that is not known; None for who sees a part."""
    try:
        return runtime.desk().fleet.workers(cache=cache)
    except StoreError as exc:
        return exc.problem


@cached(Action.SEE_FLEET, seconds=5)
def dashboards() -> Dashboards | Problem | None:
    """Return which dashboards share the records, or why that is not known.

    None where none does, and for who sees a part.
    """
    try:
        return runtime.desk().fleet.dashboards()
    except StoreError as exc:
        return exc.problem


@cached(Action.SEE_FLEET, seconds=15)
def vitals(names: tuple[str, ...]) -> Mapping[str, Vital]:
    """Return how each of these instances is, asked at most every 15 s."""
    return runtime.desk().instances.vitals(names)


@cached(Action.SEE_FLEET, key=lambda snapshot: snapshot.collected_at, seconds=5, newest=True)
def tombstones(snapshot: Snapshot) -> tuple[Tombstone, ...]:
    """Return the tombstones of what a snapshot has; empty when they cannot be read."""
    try:
        return runtime.desk().purge.tombstones(snapshot.kb_ids)
    except StoreError:
        return ()


@cached(Action.FIND, seconds=10, entries=64, each_viewer=True)
def answer(stamp: datetime, typed: str, contains: bool) -> Answer | None:
    """Return who has what was typed; None before the first figures."""
    del stamp  # what the cache goes by
    return runtime.desk().finding.find(typed, contains=contains)


def ownership() -> Ownership:
    """Return who owns what, by every node_id seen, confined. Raises StoreError."""
    viewer = runtime.desk().gate.allow(Action.SEE_FLEET)
    whole, shown = runtime.ownership_of(viewer)
    return shown or _confined_ownership(whole, viewer)


def known_tenants() -> frozenset[TenantKey]:
    """Return every tenant that has data or of which a node_id was seen. Raises StoreError."""
    snapshot = state().snapshot
    with_data = frozenset(usage.tenant for usage in snapshot.tenants) if snapshot else frozenset()
    return with_data | ownership().tenants


def _which(whole: Ownership, viewer: Viewer) -> int:
    del viewer  # the cache goes by whom it shows, and what is kept keeps the whole alive
    return id(whole)


@cached(Action.SEE_FLEET, key=_which, newest=True)
def _confined_ownership(whole: Ownership, viewer: Viewer) -> Ownership:
    return confined_ownership(whole, viewer)
