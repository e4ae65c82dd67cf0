"""The only caching: the services of this process, and what pages read from them.

Pages use them at the desk of whoever is there. What is cached goes by the viewer's role and scope,
and what is logged by the viewer too; whether it may be seen is decided before the cache is asked.
"""

from __future__ import annotations

import atexit
import threading
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard.app import viewer as access
from dashboard.draw import usage_tables as tables
from dashboard.isolation import tables as isolation_tables
from dashboard.isolation.tables import Listing
from dashboard.sessions import tables as session_tables
from services import bootstrap
from services.access.confined_ownership import confined_ownership
from services.access.viewer import Action, Viewer
from services.bootstrap import Services
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
from services.desk import Desk, desk_of
from services.errors import StoreError
from services.figures import Amount, Measure
from services.find.models import Answer
from services.isolation.models import Report
from services.purge.models import Tombstone
from services.settings.environment import load_settings
from services.tenancy.kb_ids import NamingSchemes
from services.tenancy.layout import Owner
from services.tenancy.ownership import Ownership
from services.usage.readings import Check
from services.usage.refresh import CollectorState
from services.usage.snapshot import Snapshot

HISTORY = timedelta(days=7)


class _Holder:
    """Builds the services once, for the whole process, however many ask at the same time.

    Not st.cache_resource, because the server starts them before there is a visitor. A failed
    start is tried again when next asked.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._built: Services | None = None

    def get(self) -> Services:
        with self._turn:
            if self._built is None:
                self._built = bootstrap.build(load_settings())
                self._built.start()
                atexit.register(self._built.close)
            return self._built

    def forget(self) -> None:
        with self._turn:
            self._built = None


_holder = _Holder()


def services() -> Services:
    """Return this process's services, started once. Raises KatoTenantsError.

    Pages and what they are made of use `desk`.
    """
    return _holder.get()


def desk() -> Desk:
    """Return every use case as whoever is there may use it, looked up anew for every action."""
    return desk_of(services(), access.viewer)


def is_embedded() -> bool:
    """Whether the stores run inside this dashboard."""
    return services().embedded is not None


def load_schemes() -> NamingSchemes:
    """Return the naming schemes in force."""
    return services().settings.naming


def sight_of(viewer: Viewer) -> str:
    """Return what viewers who see the same have in common: role and scope, as one text."""
    return repr((viewer.role.value, sorted(map(str, viewer.scope))))


def _sight(action: Action = Action.SEE_FLEET) -> str:
    """Decide, and return what a cache goes by. Raises AccessDenied, NotSignedIn."""
    return sight_of(desk().gate.allow(action))


def _name(action: Action = Action.LOOK) -> str:
    """Return what a cache goes by whose misses are logged: each viewer has to miss for once."""
    viewer = desk().gate.allow(action)
    return repr((viewer.id, sight_of(viewer)))


def load_state() -> CollectorState:
    """Return what the collector has now, confined; never waits for a store."""
    viewer = desk().gate.allow(Action.SEE_FLEET)
    if viewer.sees_all:
        return desk().fleet.figures()
    state = services().collector.state
    at = state.snapshot.collected_at if state.snapshot else None
    problem = None if state.problem is None else str(state.problem)
    return _confined_state(sight_of(viewer), (at, state.refreshing_since, problem))


@st.cache_resource(ttl=10, max_entries=32, show_spinner=False)
def _confined_state(
    sight: str, stamp: tuple[datetime | None, datetime | None, str | None]
) -> CollectorState:
    del sight, stamp  # what the cache goes by
    return desk().fleet.figures()


def load_tenants_frame(snapshot: Snapshot, stamp: datetime) -> pd.DataFrame:
    """Return one row a tenant, made once a snapshot. Callers must not change it."""
    return _tenants_frame(snapshot, stamp, _sight())


@st.cache_resource(max_entries=16, show_spinner=False)
def _tenants_frame(_snapshot: Snapshot, stamp: datetime, sight: str) -> pd.DataFrame:
    del stamp, sight  # what the cache goes by
    return tables.tenants_frame(_snapshot.tenants)


def load_sessions_frame(snapshot: Snapshot, stamp: datetime) -> pd.DataFrame:
    """Return one row a session, made once a snapshot. Callers must not change it."""
    return _sessions_frame(snapshot, stamp, _sight())


@st.cache_resource(max_entries=16, show_spinner=False)
def _sessions_frame(_snapshot: Snapshot, stamp: datetime, sight: str) -> pd.DataFrame:
    del stamp, sight  # what the cache goes by
    return session_tables.list_frame(_snapshot.sessions or (), load_ownership())


def load_listing(report: Report) -> Listing:
    """Return the findings of a report as rows, made once. Callers must not change it."""
    accepted = [r.acceptance.at for r in report.records if r.acceptance is not None]
    newest = max(accepted, default=None)
    stamp = (report.at, len(report.records), len(accepted), newest)
    return _listing(report, stamp, _sight(Action.SEE_FINDINGS))


@st.cache_resource(max_entries=16, show_spinner=False)
def _listing(_report: Report, stamp: tuple[datetime | int | None, ...], sight: str) -> Listing:
    del stamp, sight  # what the cache goes by: what is accepted changes between two audits
    return isolation_tables.listing(_report, desk().isolation.rules)


def load_scores() -> tuple[tuple[datetime, int | None], ...]:
    """Return the scores of the newest audits, oldest first; empty when they cannot be read."""
    return _scores(_sight(Action.SEE_FINDINGS))


@st.cache_data(ttl=10, max_entries=16, show_spinner=False)
def _scores(sight: str) -> tuple[tuple[datetime, int | None], ...]:
    del sight  # what the cache goes by
    try:
        return desk().isolation.scores()
    except StoreError:
        return ()


def load_history(measure: Measure) -> tuple[Amount, ...]:
    """Return the totals of the last week, oldest first; empty when they cannot be read."""
    return _history(measure, _sight())


@st.cache_data(ttl=30, max_entries=64, show_spinner=False)
def _history(measure: Measure, sight: str) -> tuple[Amount, ...]:
    del sight  # what the cache goes by
    try:
        points = desk().fleet.history(measure, datetime.now(UTC) - HISTORY)
    except StoreError:
        return ()
    return tuple(amount for _, amount in points)


def load_checks() -> tuple[Check, ...]:
    """Return how every store is, asked at most every 5 s for all who see the same together."""
    return _checks(_sight())


@st.cache_data(ttl=5, max_entries=16, show_spinner=False)
def _checks(sight: str) -> tuple[Check, ...]:
    del sight  # what the cache goes by
    return desk().fleet.checks()


def load_answer(stamp: datetime, typed: str, *, contains: bool) -> Answer | None:
    """Return who has what was typed, asked at most every 10 s; None before the first figures."""
    return _answer(stamp, typed, contains, _name(Action.FIND))


@st.cache_resource(ttl=10, max_entries=64, show_spinner=False)
def _answer(stamp: datetime, typed: str, contains: bool, name: str) -> Answer | None:
    del stamp, name  # what the cache goes by
    return desk().finding.find(typed, contains=contains)


def load_patterns(scope: Scope, query: PatternQuery) -> PatternPage:
    """Return one page of a tenant's patterns. Raises AccessDenied, StoreError, NotThisTenants."""
    desk().inspection.allow(scope)
    return _patterns(scope, query, repr((scope, query)), _name())


@st.cache_resource(ttl=30, max_entries=128, show_spinner="Reading patterns…")
def _patterns(_scope: Scope, _query: PatternQuery, key: str, name: str) -> PatternPage:
    del key, name  # what the cache goes by: names that are not UTF-8 it could not take as they are
    return desk().inspection.patterns(_scope, _query)


def load_inventory(scope: Scope, owner: Owner) -> KeyInventory:
    """Return all keys of a tenant's owner, counted. Raises AccessDenied, StoreError."""
    desk().inspection.allow(scope)
    return _inventory(scope, owner, repr((scope, owner)), _name())


@st.cache_resource(ttl=30, max_entries=128, show_spinner="Counting keys…")
def _inventory(_scope: Scope, _owner: Owner, key: str, name: str) -> KeyInventory:
    del key, name  # as above
    return desk().inspection.inventory(_scope, _owner)


def load_spaces(scope: Scope) -> tuple[tuple[SpaceFacts, Holding], ...]:
    """Return what a tenant's collections are, those that are there. Raises as `load_patterns`."""
    desk().inspection.allow(scope)
    return _spaces(scope, repr(scope), _name())


@st.cache_resource(ttl=30, max_entries=128, show_spinner="Reading collections…")
def _spaces(_scope: Scope, key: str, name: str) -> tuple[tuple[SpaceFacts, Holding], ...]:
    del key, name  # as above
    service = desk().inspection
    pairs = ((space, holding) for holding in _scope.holdings for space in holding.spaces)
    asked = ((service.space(_scope, space), holding) for space, holding in pairs)
    return tuple((facts, holding) for facts, holding in asked if facts is not None)


def load_points(
    scope: Scope, space: Space, *, after: int | str | None, limit: int
) -> PointPage:  # fmt: skip
    """Return one page of a collection's points. Raises as `load_patterns`."""
    desk().inspection.allow(scope)
    return _points(scope, space, after, limit, repr((scope, space)), _name())


@st.cache_resource(ttl=30, max_entries=128, show_spinner="Reading points…")
def _points(
    _scope: Scope, _space: Space, after: int | str | None, limit: int, key: str, name: str
) -> PointPage:
    del key, name  # as above
    return desk().inspection.points(_scope, _space, after=after, limit=limit)


def load_tombstones(snapshot: Snapshot) -> tuple[Tombstone, ...]:
    """Return the tombstones of what a snapshot has, read at most every 5 s.

    Empty when they cannot be read.
    """
    return _tombstones(snapshot, snapshot.collected_at, _sight())


@st.cache_resource(ttl=5, max_entries=16, show_spinner=False)
def _tombstones(_snapshot: Snapshot, at: datetime, sight: str) -> tuple[Tombstone, ...]:
    del at, sight  # what the cache goes by
    try:
        return desk().purge.tombstones(_snapshot.kb_ids)
    except StoreError:
        return ()


def load_ownership() -> Ownership:
    """Return who owns what, by every node_id seen, confined. Raises StoreError."""
    viewer = desk().gate.allow(Action.SEE_FLEET)
    whole = services().usage.ownership()
    return whole if viewer.sees_all else _ownership(whole, viewer, id(whole), sight_of(viewer))


@st.cache_resource(max_entries=16, show_spinner=False)
def _ownership(_whole: Ownership, _viewer: Viewer, whole: int, sight: str) -> Ownership:
    del whole, sight  # what the cache goes by; what is cached keeps the whole alive
    return confined_ownership(_whole, _viewer)


_CACHED = (
    _confined_state, _tenants_frame, _sessions_frame, _listing, _scores, _history, _checks, _answer,
    _patterns, _inventory, _spaces, _points, _tombstones, _ownership,
)  # fmt: skip


def clear() -> None:
    """Forget everything cached; for tests."""
    _holder.forget()
    for cached in _CACHED:
        cached.clear()
